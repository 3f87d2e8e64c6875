"""Training: configuration, examples, augmentation, losses, the trainer."""
