"""Transmission channels: resampling, packet loss, telephone bands."""
