"""Metrics of scores and labels, and their bootstrap intervals."""
