"""The frame of all pages, and the way between them."""

from __future__ import annotations

import streamlit as st

from benchmark.web.page import board_view, clip_view, theme


def show() -> None:
    """Show the page that the visitor is on."""
    st.set_page_config(page_title="LaunderBench", layout="wide")
    st.html(theme.STYLE)
    chosen = st.navigation(
        [
            st.Page(clip_view.show, title="Try a clip", url_path="clip", default=True),
            st.Page(board_view.show, title="Leaderboards", url_path="leaderboards"),
        ],
        position="top",
    )
    chosen.run()
