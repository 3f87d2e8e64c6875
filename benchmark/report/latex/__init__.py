"""The leaderboard as LaTeX tables."""
