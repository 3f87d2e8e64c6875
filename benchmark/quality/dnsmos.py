"""DNSMOS P.835: predicted opinion of speech, background and overall quality, without a reference.

Reddy, Gopal and Cutler 2022, "DNSMOS P.835: a non-intrusive perceptual objective speech quality
metric to evaluate noise suppressors". The network comes out of the wheel speechmos (MIT,
Microsoft). Segments and the polynomials that map its output to opinions are the published ones.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.quality.intelligibility import NotMeasurable, Wave

MODEL = WheelFile(
    Wheel(
        "speechmos",
        "0.0.1.1",
        "speechmos-0.0.1.1-py3-none-any.whl",
        "31c4c9d3234f6ee10102edff74333014c50006a3f389daf7ecacae34e68ebbf7",
        "MIT",
        "Microsoft (DNSMOS P.835: Chandan Reddy, Vishak Gopal, Ross Cutler)",
        "the predictor of speech quality DNSMOS P.835",
    ),
    "speechmos/dnsmos_models/sig_bak_ovr.onnx",
    "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
)
VERSION = f"{MODEL.label} {MODEL.sha256[:16]} 1"
SEGMENT_S, HOP_S = 9.01, 1
LEAST_S = 0.5  # of speech: a shorter recording repeats too often in a segment
SILENT_RMS = 1e-5
SIG = np.poly1d([-0.08397278, 1.22083953, 0.0052439])
BAK = np.poly1d([-0.13166888, 1.60915514, -0.39604546])
OVRL = np.poly1d([-0.06766283, 1.11546468, 0.04602535])


@dataclass(frozen=True)
class Opinion:
    """Predicted mean opinions, about 1 (bad) to 5 (excellent), of speech, background and all."""

    sig: float
    bak: float
    ovrl: float


def lacking() -> str | None:
    """Return why DNSMOS cannot be computed here, as a phrase; None if it can."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "onnxruntime is not installed: pip install launderbench[onnx] (or [data])"
    return wheel_files.lacking([MODEL])


def opinion(wave: Wave) -> Opinion:
    """Return the predicted opinions of `wave` (T,), 16 kHz, samples beyond 1 clipped.

    The mean over segments of 9.01 s, every second; a shorter recording is doubled until it is as
    long. Raises `NotMeasurable` if it is silent or shorter than `LEAST_S`.
    """
    if wave.size < LEAST_S * SAMPLE_RATE:
        raise NotMeasurable(f"shorter than {LEAST_S:g} s")
    if np.sqrt(np.mean(np.square(wave, dtype=np.float64))) < SILENT_RMS:
        raise NotMeasurable("silent")
    session = _session()
    raw = np.array([session.run(None, {"input_1": s[None]})[0][0] for s in segments(wave)], float)
    sig, bak, ovrl = (fit(raw[:, n]).mean() for n, fit in enumerate((SIG, BAK, OVRL)))
    return Opinion(float(sig), float(bak), float(ovrl))


def segments(wave: Wave) -> npt.NDArray[np.float32]:
    """Return the segments of a recording, float32 (segments, 144160)."""
    size, hop = int(SEGMENT_S * SAMPLE_RATE), HOP_S * SAMPLE_RATE
    audio = np.clip(wave, -1, 1).astype(np.float32)
    while audio.size < size:
        audio = np.append(audio, audio)
    count = int(np.floor(audio.size / SAMPLE_RATE) - SEGMENT_S) + 1
    starts = [n * hop for n in range(count) if n * hop + size <= audio.size]
    return np.stack([audio[start : start + size] for start in starts])


@lru_cache(maxsize=1)
def _session() -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = wheel_files.opened(MODEL)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
