"""Worker processes: how they start, with the plugins of their parent."""
