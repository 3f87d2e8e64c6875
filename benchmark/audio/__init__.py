"""Audio input: finding and reading files, speech level, memoised features."""
