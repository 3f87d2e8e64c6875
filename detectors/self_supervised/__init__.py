"""Self-supervised encoders with a trained head."""
