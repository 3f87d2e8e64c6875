"""Audio in: files found and read, speech level, features remembered."""
