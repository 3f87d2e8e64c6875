"""The page that browses the leaderboards below the folder of results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from benchmark.core.errors import InputError
from benchmark.web import boards, results_table, site
from benchmark.web.boards import Board
from benchmark.web.page.markup import escaped

MAIN = {  # columns that a table shows first
    "leaderboard": ("rank", "detector", "clean_eer", "laundered_eer", "laundered_eer_low",
                    "laundered_eer_high", "worst_eer", "worst_condition"),
    "tracks": ("track", "rank", "detector", "clean_eer", "laundered_eer", "worst_eer",
               "worst_condition"),
    "conditions": ("track", "condition", "detector", "eer", "eer_low", "eer_high", "auc",
                   "verdict"),
    "effects": ("condition", "attack", "quantity", "unit", "relation", "claimed", "measured",
                "n_pass", "n_fail", "verdict"),
}  # fmt: skip


def show() -> None:
    """Show the page."""
    st.title("Leaderboards")
    results = site.current().results
    found = boards.listed(results)
    if not found:
        st.info(
            f"There is no leaderboard below {escaped(str(results))} yet: `launderbench bench` or"
            " `make bench` makes one."
        )
        return
    names = [board.name for board in found]
    name = st.selectbox(f"Runs below {escaped(str(results))}, newest first", names, key="board")
    board = found[names.index(name)]
    if board.page is not None:
        st.link_button("Open its page", board.address, icon=":material/open_in_new:")
    try:
        tables = _tables(board.name, results, board.changed)
    except InputError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return
    _browse(board, tables)


def _browse(board: Board, tables: dict[str, pd.DataFrame]) -> None:
    chosen = st.selectbox(
        "Table", [*tables], key="table",
        format_func=lambda name: f"{name}: {len(tables[name])} {boards.ABOUT[name]}",
    )  # fmt: skip
    table = tables[chosen]
    main = [name for name in MAIN.get(chosen, ()) if name in table]
    whole = not main or st.toggle(f"All {table.shape[1]} columns", key="whole")
    shares = [name for name in table.columns if name.endswith(("eer", "eer_low", "eer_high"))]
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        table if whole else table[main],
        hide_index=True,
        column_config=dict.fromkeys(shares, percent),
    )
    st.download_button(
        "This table as CSV", results_table.csv(table), f"{chosen}.csv", "text/csv",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip


@st.cache_data(max_entries=8, show_spinner="Reading the tables")
def _tables(name: str, results: Path, changed: float) -> dict[str, pd.DataFrame]:
    """Return the tables of a board as they were when it was `changed`."""
    return boards.find(results, name).tables()
