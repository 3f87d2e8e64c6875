"""Self-supervised speech encoders with a trained head."""
