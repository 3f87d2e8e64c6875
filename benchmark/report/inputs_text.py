"""The sentence of terminal and page about inputs with faults."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from benchmark.audio.input_faults import FAULTS, parted


def inputs_text(inputs: pd.DataFrame) -> str:
    """Say in a sentence how many inputs have which faults, and what became of them."""
    counts = Counter(name for text in inputs["faults"] for name in parted(text))
    named = ", ".join(f"{name} {counts[name]}" for name in FAULTS if name in counts)
    out = int(inputs["left_out"].sum())
    rest = len(inputs) - out
    fate = " and ".join(
        text
        for number, text in ((rest, f"{rest} scored"), (out, f"{out} left out by --strict"))
        if number
    )
    noun = "input has" if len(inputs) == 1 else "inputs have"
    return f"{len(inputs)} {noun} faults ({named}), {fate}: see inputs.csv"
