"""What became of a clip: the table of verdicts, one condition in detail, and severity curves."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from benchmark.web import curves, results_table
from benchmark.web.clip import Heard
from benchmark.web.page import charts, markup
from benchmark.web.page.visit import Visit

SHOWN = (
    "attack", "quantity", "as claimed", "measured", "relation", "claimed", "tolerance", "unit",
)  # fmt: skip


def table(heard: Sequence[Heard], detectors: Sequence[str]) -> None:
    """Show the table of verdicts."""
    st.html(markup.summary(heard, detectors, curves.labels(heard)))


def show(visit: Visit) -> None:
    """Show all results of the last job."""
    heard = visit.heard
    st.header("3. What the detectors say")
    if visit.trouble:
        st.error(visit.trouble, icon=":material/error:")
    if len(heard) < visit.wanted:
        st.warning(f"The job ended early: {len(heard)} of {visit.wanted} results are shown.")
    st.markdown(_sentence(heard))
    table(heard, visit.detectors)
    st.caption(
        "Higher scores mean more bona fide. A verdict is at the threshold that the detector's own"
        " training froze on its development data; ↺ marks a verdict that laundering changed."
        " *As claimed* means that the attack did to your clip what it says."
    )
    left, right, _ = st.columns([2, 2, 3])
    left.download_button(
        "Scores as CSV", results_table.csv(results_table.scores(heard)), "clip_scores.csv",
        "text/csv", on_click="ignore", icon=":material/download:", width="stretch",
    )  # fmt: skip
    right.download_button(
        "Measurements as CSV", results_table.csv(results_table.checks(heard)), "clip_checks.csv",
        "text/csv", on_click="ignore", icon=":material/download:", width="stretch",
    )  # fmt: skip
    _detail(heard)
    _curves(heard)


def _sentence(heard: Sequence[Heard]) -> str:
    """Return how many verdicts laundering changed, by detector."""
    clean = {judgement.detector: judgement for judgement in heard[0].judgements}
    parts = []
    for name, before in clean.items():
        after = [j for one in heard[1:] for j in one.judgements if j.detector == name and j.verdict]
        if before.threshold is None or not after:
            continue
        changed = sum(judgement.verdict != before.verdict for judgement in after)
        parts.append(f"**{name}** {changed} of {len(after)}")
    return f"Verdicts that laundering changed: {', '.join(parts)}." if parts else ""


def _detail(heard: Sequence[Heard]) -> None:
    made = {one.condition: one for one in heard[1:] if one.sound is not None}
    before = heard[0].sound
    if before is None or not made:
        return
    st.header("4. One condition, heard and seen")
    spelled = st.selectbox("Condition", [*made], key="detail")
    one = made[spelled]
    after = one.sound
    assert after is not None
    longest = max(before.seconds, after.seconds)
    left, right = st.columns(2, gap="medium")
    for column, sound, title in ((left, before, "before"), (right, after, "after")):
        with column:
            st.html(markup.figure(sound, title, longest))
            st.audio(sound.audio, format=markup.FLAC)
    st.html(f'<div class="lb"><p>Measured on your clip: {markup.state(one)}</p></div>')
    checks = one.checks
    checks["as claimed"] = [
        _claim(*pair) for pair in zip(checks["claimed"], checks["passed"], strict=True)
    ]
    number = st.column_config.NumberColumn(format="%.4g")
    st.dataframe(
        checks[[*SHOWN]] if len(one.steps) > 1 else checks[[*SHOWN[1:]]], hide_index=True,
        column_config=dict.fromkeys(("claimed", "measured", "tolerance"), number),
    )  # fmt: skip


def _claim(claimed: float | None, passed: bool | None) -> str:
    """Return what a check says, in a word."""
    if pd.isna(claimed):
        return "nothing claimed"
    if pd.isna(passed):
        return "not measurable"
    return "yes" if passed else "no"


def _curves(heard: Sequence[Heard]) -> None:
    found = {curve.title: curve for curve in curves.curves(heard)}
    if not found:
        return
    st.header("5. Severity")
    title = st.selectbox("Attack", [*found], key="curve")
    st.caption(
        "From the clean clip to the severest level; ● bona fide, ■ spoof, ◆ no threshold. The"
        " dashed line is the threshold."
    )
    dark = st.context.theme.type == "dark"
    names = list(dict.fromkeys(found[title].points["detector"]))
    for start in range(0, len(names), charts.ACROSS):
        row = zip(st.columns(charts.ACROSS), names[start : start + charts.ACROSS], strict=False)
        for column, name in row:
            column.altair_chart(charts.severity(found[title], name, dark))
