"""Reports: HTML, LaTeX, Markdown, JSON, citations."""
