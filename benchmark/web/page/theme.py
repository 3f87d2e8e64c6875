"""Colours and fonts of the pages: those of the reports, in a light and a dark theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FONTS = {  # of the system: nothing is loaded
    "font": "ui-sans-serif, system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif",
    "headingFont": "Iowan Old Style, Palatino Linotype, Palatino, Book Antiqua, Georgia, serif",
    "codeFont": "ui-monospace, SF Mono, Menlo, Consolas, DejaVu Sans Mono, monospace",
}  # fmt: skip
_LIGHT = {
    "primaryColor": "#8c2f57", "backgroundColor": "#fdfcfa", "secondaryBackgroundColor": "#f6f3ee",
    "textColor": "#19151d", "borderColor": "#8d8592", "linkColor": "#8c2f57",
}  # fmt: skip
_DARK = {
    "primaryColor": "#dd7d9d", "backgroundColor": "#15131a", "secondaryBackgroundColor": "#1e1b24",
    "textColor": "#ece8ef", "borderColor": "#857d90", "linkColor": "#f2a283",
}  # fmt: skip
STYLE = Path(__file__).with_name("page.css")


def options() -> dict[str, Any]:
    """Return Streamlit's options of the theme."""
    shared = {
        **_FONTS,
        "baseRadius": "8px",
        "headingFontWeights": [500] * 6,
        "headingFontSizes": ["2.75rem", "1.75rem"],
        "paddingTop": "1.5rem",
    }
    return {
        **{f"theme.{name}": value for name, value in shared.items()},
        **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
        **{f"theme.dark.{name}": value for name, value in _DARK.items()},
    }
