"""What a visitor chooses: a clip, detectors, attacks."""

from __future__ import annotations

from typing import Any

import streamlit as st

from attacks.contract import suites
from benchmark.audio.input_faults import FAULTS
from benchmark.web import choice
from benchmark.web.choice import Asked
from benchmark.web.limits import Limits
from benchmark.web.page import markup
from benchmark.web.page.markup import escaped
from benchmark.web.page.visit import Visit

DEFAULT_SUITE = "core"
NO_SUITE = "none"
FILE, MICROPHONE = "Upload a file", "Record"


def upload(limits: Limits) -> Any:
    """Return the file that the visitor uploaded or recorded; None if there is none."""
    source = st.segmented_control(
        "Where the clip comes from", [FILE, MICROPHONE], default=FILE, required=True,
        label_visibility="collapsed", key="source",
    )  # fmt: skip
    bounds = f"at most {limits.seconds:g} s and {limits.megabytes} MB"
    if source == MICROPHONE:
        return st.audio_input(f"Record speech, {bounds}", sample_rate=None, key="recording")
    return st.file_uploader(
        f"Audio, or video with sound, {bounds}", max_upload_size=limits.megabytes, key="file"
    )


def told(visit: Visit) -> None:
    """Say what was read, or why nothing was."""
    if visit.refusal:
        st.error(f"This clip cannot be used: {escaped(visit.refusal)}", icon=":material/error:")
    if visit.clip is None:
        st.caption(
            "Clips stay in the memory of this server. They are deleted when you remove them, or a"
            " minute after you close the page."
        )
        return
    sound = visit.clip.sound
    st.html(markup.figure(sound, "your clip", sound.seconds))
    st.audio(sound.audio, format=markup.FLAC)
    stated = visit.clip.stated
    channels = "mono" if stated.channels == 1 else f"{stated.channels} channels"
    st.caption(
        escaped(
            f"{sound.seconds:.2f} s; {stated.container}, {stated.encoding},"
            f" {stated.rate / 1000:g} kHz, {channels}; detectors hear 16 kHz, mono"
        )
    )
    for fault in visit.clip.faults:
        st.warning(f"Scores may mean little: {FAULTS[fault]}.", icon=":material/warning:")


def detectors(known: dict[str, str]) -> tuple[str, ...]:
    """Return the chosen detectors, in their order."""
    picked = st.pills(
        "Detectors", [*known], selection_mode="multi", default=[*known], key="detectors", wrap=True,
        help="\n\n".join(f"**{escaped(name)}**: {escaped(line)}" for name, line in known.items()),
    )  # fmt: skip
    return tuple(name for name in known if name in picked)


def attacks() -> Asked:
    """Return the chosen conditions."""
    offered = choice.offered()
    lines = {name: (cls.__doc__ or "").partition("\n")[0] for name, cls in offered.items()}
    levelled = [name for name, cls in offered.items() if cls.severity]
    suite = st.selectbox(
        "Suite", [NO_SUITE, *suites.names()], index=1 + suites.names().index(DEFAULT_SUITE),
        format_func=_suite, key="suite",
    )  # fmt: skip
    with st.expander("More attacks, severity curves, chains"):
        single = st.multiselect(
            "Attacks at their defaults", [*lines], key="attacks",
            format_func=lambda name: f"{name}: {lines[name]}",
        )  # fmt: skip
        ladders = st.multiselect(
            "Severity curves: all five levels of", levelled, key="ladders",
        )  # fmt: skip
        text = st.text_area(
            "Conditions and chains, one a line", key="text", max_chars=4000,
            placeholder="noise(kind=babble, snr=5)\nreverberation(rt60=0.6) | mp3(kbps=32)",
            help="Any spelling that the command line takes; `launderbench list attacks` has them.",
        )  # fmt: skip
    return Asked("" if suite == NO_SUITE else suite, tuple(single), tuple(ladders), text)


def _suite(name: str) -> str:
    if name == NO_SUITE:
        return "no suite"
    suite = suites.load(name)
    return f"{name}: {len(suite.conditions) - 1} conditions"
