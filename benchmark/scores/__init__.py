"""The score store: parts, their keys, and the results that are read from them."""
