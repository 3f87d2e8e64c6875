"""Attacks on timing: speed, pitch, cuts and pauses, and measurements of their warp."""
