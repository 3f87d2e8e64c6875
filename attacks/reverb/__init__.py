"""Reverberation: simulated rooms, measured impulse responses."""
