"""Scoring: checkpoints and published weights, networks, batches, precision."""
