"""The score store: part files, unit keys, and the run results read from them."""
