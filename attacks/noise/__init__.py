"""Additive noise from the noise bank."""
