"""Detectors without a neural network: Gaussian mixtures, shortcut features, trivial baselines."""
