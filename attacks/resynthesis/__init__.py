"""Copy-synthesis by vocoders, and noise suppression."""
