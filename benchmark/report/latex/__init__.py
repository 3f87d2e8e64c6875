"""The leaderboard and the conditions as LaTeX tables."""
