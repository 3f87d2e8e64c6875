"""From what a foreign model puts out to one score: which output says bona fide, and how.

Shared by all detectors that wrap a model of which only the file is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import torch

from benchmark.core.errors import InputError

HIGH, LOW = "high", "low"
WORDS = re.compile(rf"\d{{1,4}}|{HIGH}|{LOW}", re.ASCII)


@dataclass(frozen=True)
class Readout:
    """`index` is the bona fide class of a (B, C) output; None: one value, times `sign`."""

    index: int | None
    sign: int = 1

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """Scores (B,), higher = more bona fide, of outputs (B, C), (B, 1) or (B,).

        Of C classes, the log-odds of bona fide that the logits state under a softmax: of two,
        their difference. Raises `InputError` for outputs of another shape.
        """
        if outputs.dim() == 2 and outputs.shape[1] == 1:
            outputs = outputs.squeeze(1)
        if self.index is None:
            if outputs.dim() != 1:
                raise InputError(
                    f"puts out {tuple(outputs.shape[1:])} values an utterance: say"
                    " which of them is bona fide (bonafide=0, 1, ...)"
                )
            return self.sign * outputs
        if outputs.dim() != 2 or self.index >= outputs.shape[1]:
            count = outputs.shape[1] if outputs.dim() == 2 else 1
            raise InputError(
                f"puts out {count} value{'s' * (count != 1)} an utterance: there is no class"
                f" {self.index} (for a single value, say bonafide={HIGH} or bonafide={LOW})"
            )
        others = [column for column in range(outputs.shape[1]) if column != self.index]
        return outputs[:, self.index] - outputs[:, others].logsumexp(dim=1)


def readout(declared: str, who: str) -> Readout:
    """The readout that a parameter `bonafide` declares.

    Raises `InputError` where nothing is declared: a guessed polarity would turn the ranking round.
    """
    if not WORDS.fullmatch(declared):
        raise InputError(
            f"{who}: say which output is bona fide: bonafide=0, 1, ... (the class's number), or"
            f" bonafide={HIGH} or bonafide={LOW} where there is one value"
        )
    if declared.isdecimal():
        return Readout(int(declared))
    return Readout(None, 1 if declared == HIGH else -1)


def bonafide_choice() -> Any:
    """A parameter: the number of the bona fide class, `high`, `low`, or empty (undeclared)."""

    def check(owner: str, parameter: str, value: object) -> str:
        word = str(value)
        if value != "" and (isinstance(value, bool) or not WORDS.fullmatch(word)):
            raise InputError(
                f"{owner}: {parameter} must be a class's number, {HIGH} or {LOW}, not {value!r}"
            )
        return word

    return field(default="", metadata={"check": check, "unit": "", "range": (HIGH, LOW)})
