"""Data sets: protocols, readers of corpora, splits, and the embedded set."""
