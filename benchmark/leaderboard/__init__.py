"""Leaderboards: tables, ranks, robustness, comparisons."""
