"""Reports: HTML, LaTeX, Markdown, JSON and citations."""
