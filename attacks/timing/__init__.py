"""Attacks on time: speed, pitch, cuts, pauses, and how their warp is measured."""
