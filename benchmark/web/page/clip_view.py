"""The page on which a visitor launders a clip and sees what detectors say before and after."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import streamlit as st

from benchmark.core.errors import InputError
from benchmark.web import choice, site
from benchmark.web.choice import Chosen
from benchmark.web.page import clip_form, clip_results, visit
from benchmark.web.page.markup import escaped
from benchmark.web.page.visit import Visit


def show() -> None:
    """Show the page."""
    here, mine = site.current(), visit.current()
    st.title("What does laundering do to a clip?")
    st.markdown(
        "Record or upload speech, choose what happens to it, and see each detector's score and"
        " verdict before and after. Every attack is measured on your clip."
    )
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.header("1. A clip")
        mine.take(clip_form.upload(here.limits), here.desk)
        clip_form.told(mine)
    with right:
        st.header("2. Detectors and attacks")
        detectors = clip_form.detectors(here.detectors)
        chosen = _chosen(here)
    ready = mine.clip is not None and bool(chosen.conditions) and bool(detectors)
    pressed = st.button(_label(chosen, detectors), type="primary", disabled=not ready)
    place = st.empty()
    if pressed:
        _work(mine, here.desk, chosen, detectors, place)
    if mine.heard:
        with place.container():
            clip_results.show(mine)
    elif mine.trouble:
        place.error(mine.trouble, icon=":material/error:")


def _chosen(here: site.Site) -> Chosen:
    """Return the chosen conditions; none if the choice is wrong, which is said."""
    asked = clip_form.attacks()
    try:
        chosen = choice.chosen(asked, here.limits)
    except InputError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return Chosen(())
    if chosen.left_out:
        causes = "".join(f"\n- {escaped(cause)}" for cause in chosen.left_out)
        st.warning(f"Left out, because they need what is not on this machine:\n{causes}")
    return chosen


def _work(mine: Visit, desk: Any, chosen: Chosen, detectors: tuple[str, ...], place: Any) -> None:
    """Do the job, and show how far it is and what there is so far."""
    with place.container():
        bar = st.progress(0.0, "Waiting for a place")
        st.button("Stop", key="stop")
        so_far = st.empty()
    shown = 0
    with closing(mine.launder(desk, chosen.conditions, detectors)) as steps:
        for following in steps:
            done = len(mine.heard)
            bar.progress(done / mine.wanted, f"{done} of {mine.wanted} done; next: {following}")
            if done > shown:
                shown = done
                with so_far.container():
                    clip_results.table(mine.heard, detectors)


def _label(chosen: Chosen, detectors: tuple[str, ...]) -> str:
    conditions, number = len(chosen.conditions), len(detectors)
    if not conditions or not number:
        return "Launder and score"
    return (
        f"Launder and score: {conditions} condition{'s' * (conditions > 1)},"
        f" {number} detector{'s' * (number > 1)}"
    )
