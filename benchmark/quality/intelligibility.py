"""Extended short-time objective intelligibility (ESTOI) by the library pystoi."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import numpy.typing as npt

from benchmark.audio.reader import SAMPLE_RATE

Wave = npt.NDArray[np.float32]
VERSION = "pystoi extended"
TOO_SHORT = "too little speech for STOI (needs 30 frames that are not silent)"


class NotMeasurable(Exception):
    """A quantity that is not defined for this utterance; the text says why."""


def lacking() -> str | None:
    """Return why ESTOI cannot be computed here, as a phrase; None if it can."""
    if importlib.util.find_spec("pystoi") is None:
        return "pystoi is not installed: pip install pystoi"
    return None


def estoi(clean: Wave, laundered: Wave) -> float:
    """Return the intelligibility of `laundered` (T,) with the reference `clean` (T,), 16 kHz.

    About 0 for unrelated signals to 1 for equal ones; higher is better. Jensen and Taal 2016, "An
    algorithm for predicting the intelligibility of speech masked by modulated noise maskers".
    Raises `NotMeasurable` for other lengths, silence, or too little speech.
    """
    from pystoi import stoi

    if clean.size != laundered.size:
        raise NotMeasurable("not aligned: another length")
    if not (clean.any() and laundered.any()):
        raise NotMeasurable("silent")
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002 - pystoi adds noise of 2e-16 from the global generator
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # where it would return 1e-5 instead
        try:
            value = stoi(clean.astype(float), laundered.astype(float), SAMPLE_RATE, extended=True)
        except RuntimeWarning as error:
            raise NotMeasurable(TOO_SHORT) from error
        finally:
            np.random.set_state(before)  # noqa: NPY002
    return float(value)
