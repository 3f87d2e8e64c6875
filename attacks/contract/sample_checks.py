"""Checks that every attack owes, whatever it claims itself: they are made on the samples alone."""

from __future__ import annotations

LENGTH, RESIDUAL = "length", "residual"
LAG, LEVEL, ALIVE = "lag", "active level", "active share"
ENVELOPE, SILENCE, CLIPPING = "envelope", "digital silence", "clipping"
# A check of another quantity is a claim of the attack itself.
COMMON = (LENGTH, RESIDUAL, LAG, LEVEL, ALIVE, ENVELOPE, SILENCE, CLIPPING)
