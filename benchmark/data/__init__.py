"""Data sets: protocols, readers of corpora, splits, and the embedded data set."""
