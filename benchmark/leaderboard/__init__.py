"""Leaderboards: tables, ranks, robustness and comparisons."""
