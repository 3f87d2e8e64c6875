"""Texts for Streamlit: pieces of HTML that it has no element for, and Markdown; all escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from benchmark.web.clip import Heard, Judgement, Sound

WORDS = {"bonafide": "bona fide", "spoof": "spoof", "no threshold": "no threshold"}
FAILED = "failed"
FLAC = "audio/flac"
_MARKS = frozenset("\\`*_{}[]()<>#+-.!|~$:^&")


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in _MARKS else char for char in text)


def summary(heard: Sequence[Heard], detectors: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the table of all conditions: what was measured, and every detector's verdict.

    heard : begins with the clean clip
    names : short name of each condition by its spelling
    """
    clean = {judgement.detector: judgement.verdict for judgement in heard[0].judgements}
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in detectors)
    rows = "".join(_row(one, detectors, clean, names[one.condition]) for one in heard)
    return (
        '<div class="lb"><div class="scroll" tabindex="0" role="region"'
        ' aria-label="Scores and verdicts"><table><thead><tr><th scope="col">condition</th>'
        f'<th scope="col">measured</th>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>'
    )


def state(one: Heard) -> str:
    """Return what was measured of a condition on this clip, in a few coloured words."""
    if one.cause:
        return f'<span class="failed">{FAILED}</span>'
    if one.state is None:
        return '<span class="soft">–</span>'
    return f'<span class="{one.state}">{escape(one.state.of_one)}</span>'


def figure(sound: Sound, title: str, longest: float) -> str:
    """Return a spectrogram whose width is its share of the `longest` sound in seconds."""
    data = base64.b64encode(sound.picture).decode()
    share = 100 * sound.seconds / longest
    note = "" if sound.gain == 1.0 else f", played {sound.gain:.2g} times as loud to fit 16 bit"
    return (
        '<div class="lb"><figure><img'
        f' style="width:{share:.2f}%" alt="Spectrogram, {escape(title)}"'
        f' src="data:image/png;base64,{data}"><figcaption>{escape(title)}: 0 to 8 kHz,'
        f" {sound.seconds:.2f} s{note}</figcaption></figure></div>"
    )


def _row(one: Heard, detectors: Sequence[str], clean: Mapping[str, str], name: str) -> str:
    cells = {judgement.detector: judgement for judgement in one.judgements}
    if one.cause:
        found = f'<td class="failed" colspan="{len(detectors)}">{escape(one.cause)}</td>'
    else:
        found = "".join(_cell(cells[detector], clean.get(detector)) for detector in detectors)
    kind = "" if one.steps or one.cause else ' class="clean"'
    return (
        f'<tr{kind}><th scope="row" title="{escape(one.condition)}">{escape(name)}</th>'
        f"<td>{state(one)}</td>{found}</tr>"
    )


def _cell(judgement: Judgement, before: str | None) -> str:
    if judgement.score is None:
        return f'<td class="failed">{escape(judgement.cause)}</td>'
    flipped = judgement.verdict != before
    limit = judgement.threshold
    note = "no threshold" if limit is None else f"bona fide from {limit:.3f} on"
    kind = judgement.verdict if judgement.verdict in ("bonafide", "spoof") else "none"
    word = escape(WORDS[judgement.verdict])
    changed = ' <span aria-hidden="true">↺</span>' if flipped else ""
    return (
        f'<td{" class=flipped" if flipped else ""} title="{escape(note)}">'
        f'<span class="score">{judgement.score:.2f}</span>'
        f'<span class="word {kind}">{word}{changed}</span></td>'
    )
