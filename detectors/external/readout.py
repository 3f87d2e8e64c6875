"""Conversion of a foreign model's outputs to one score per utterance.

Shared by the detectors that wrap a foreign model.
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
    """How to compute the score from a model's outputs.

    `index` is the bona fide class of a (B, C) output. If it is None, the model has a single output
    value, which `sign` multiplies.
    """

    index: int | None
    sign: int = 1

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), higher = more bona fide, of outputs (B, C), (B, 1) or (B,).

        For C classes the score is the log-odds of bona fide under a softmax of the logits; for two
        classes it is their difference. Raises `InputError` for outputs of another shape.
        """
        if outputs.dim() == 2 and outputs.shape[1] == 1:
            outputs = outputs.squeeze(1)
        if self.index is None:
            if outputs.dim() != 1:
                raise InputError(
                    f"returns {tuple(outputs.shape[1:])} values per utterance: give the index of"
                    " the bona fide class (bonafide=0, 1, ...)"
                )
            return self.sign * outputs
        if outputs.dim() != 2 or self.index >= outputs.shape[1]:
            count = outputs.shape[1] if outputs.dim() == 2 else 1
            raise InputError(
                f"returns {count} value{'s' * (count != 1)} per utterance: there is no class"
                f" {self.index} (for a single value, use bonafide={HIGH} or bonafide={LOW})"
            )
        others = [column for column in range(outputs.shape[1]) if column != self.index]
        return outputs[:, self.index] - outputs[:, others].logsumexp(dim=1)


def readout(declared: str, who: str) -> Readout:
    """Return the readout that a parameter `bonafide` declares.

    Raises `InputError` if nothing is declared: a wrong guess would invert the ranking.
    """
    if not WORDS.fullmatch(declared):
        raise InputError(
            f"{who}: the bona fide class is not declared: add bonafide=0, 1, ... (its index), or"
            f" bonafide={HIGH} or bonafide={LOW} for a model with a single output value"
        )
    if declared.isdecimal():
        return Readout(int(declared))
    return Readout(None, 1 if declared == HIGH else -1)


def bonafide_choice() -> Any:
    """Return a parameter field: the bona fide class index, `high`, `low`, or empty (undeclared)."""

    def check(owner: str, parameter: str, value: object) -> str:
        word = str(value)
        if value != "" and (isinstance(value, bool) or not WORDS.fullmatch(word)):
            raise InputError(
                f"{owner}: {parameter} must be a class index, {HIGH} or {LOW}, not {value!r}"
            )
        return word

    return field(default="", metadata={"check": check, "unit": "", "range": (HIGH, LOW)})
