"""Neural network detectors, one architecture per file."""
