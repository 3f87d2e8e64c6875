"""A small log-mel network on a band of the spectrum, without the bins below a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmark.core.errors import InputError
from benchmark.core.parameters import integer, number
from detectors.contract.base import Keep, LogMel, detector
from detectors.networks.mel_cnn import MelCnn


@detector("filtered-cnn")
@dataclass(frozen=True)
class FilteredCnn(MelCnn):
    """mel-cnn on the bins between `low` and `high` Hz whose power exceeds a threshold.

    threshold : a bin is zeroed if its power is more than this many dB below the utterance's
                maximum in the band
    mels      : number of bands between `low` and `high`; computing time is proportional to it
    """

    summary = "mel-cnn on a band and above a level: filtered-cnn(low=300, high=3400, threshold=40)"
    low: float = number(0.0, low=0, high=7900, unit="Hz")
    high: float = number(8000.0, low=100, high=8000, unit="Hz")
    threshold: float = number(40.0, low=1, high=200, unit="dB")
    mels: int = integer(128, low=16, high=256)

    def validate(self) -> None:
        if self.low >= self.high:
            raise InputError(f"{self.name}: low={self.low:g} must be below high={self.high:g}")

    def declared(self) -> dict[str, Any]:
        # the upper edge is exclusive, but the last bin is at 8 kHz
        above = self.high if self.high < 8000 else 8001.0
        keep = Keep(((self.low, above),), self.threshold)
        return {"input": LogMel(mels=self.mels, fmin=self.low, fmax=self.high, keep=keep)}
