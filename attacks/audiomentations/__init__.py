"""Attack that applies any audiomentations transform, in a worker process."""
