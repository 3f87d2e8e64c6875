"""Detectors without a network: mixtures, the shortcut gauge, chance."""
