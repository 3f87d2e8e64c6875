"""Check the native libraries of attacks against other builds: is what we call as fast as it can be?

    python -m tests.perf.other_builds [ROUNDS]

Each row encodes, resamples or transforms the same minute of speech-like sound with the library
that attacks use and with another build of it, or another library for the same operation, by turns.
It prints the least processor time of each, and the ratio ours over other: above 1, the other is
faster.
Codecs are compared with the FFmpeg program of the package imageio-ffmpeg (fetched on first use),
from whose time an empty run is subtracted.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
import soxr
import torch
from scipy.signal import oaconvolve, resample_poly

from attacks.codecs.wheel_ffmpeg import FFMPEG
from benchmark.assets import wheel_files
from benchmark.audio import libav
from benchmark.core.parallel import one_thread
from tests.perf.workload import cost
from tests.support import builders

av = libav.module()
RATE, OTHER_RATE = 16000, 44100
CODECS = {  # encoder: rate, sample format, bit rate, options
    "aac": (16000, "fltp", 32000, {}),
    "libopus": (16000, "flt", 24000, {"application": "voip", "vbr": "off"}),
    "libmp3lame": (16000, "fltp", 64000, {}),
    "libopencore_amrnb": (8000, "s16", 12200, {}),
    "libvorbis": (16000, "", 0, {"q:a": "4"}),
}


def sound() -> np.ndarray:
    """Return a minute of speech-like sound, float32 at 16 kHz."""
    return np.concatenate([builders.voice(seed, 4.0, 100 + 8 * seed) for seed in range(15)])


def encoder(name: str, wave: np.ndarray) -> Callable[[], object]:
    """Return a call of the encoder in PyAV."""
    rate, form, bits, options = CODECS[name]
    wave = wave[:: RATE // rate]
    if form == "s16":
        wave = np.round(wave * 32767).astype(np.int16)

    def call() -> list[object]:
        coder = av.CodecContext.create(name, "w")
        coder.sample_rate, coder.layout, coder.format = rate, "mono", form
        coder.bit_rate, coder.time_base, coder.thread_count = bits, Fraction(1, rate), 1
        coder.options = options
        coder.open()
        step = coder.frame_size or 1024
        packets = []
        for start in range(0, wave.size - wave.size % step, step):
            piece = np.ascontiguousarray(wave[None, start : start + step])
            frame = av.AudioFrame.from_ndarray(piece, format=form, layout="mono")
            frame.sample_rate, frame.pts = rate, start
            packets += coder.encode(frame)
        return [*packets, *coder.encode(None)]

    return call


def ffmpeg(source: Path, rate: int, output: list[str]) -> float:
    """Return the processor seconds of the FFmpeg program for raw samples of a file."""
    words = ["-v", "error", "-threads", "1", "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [wheel_files.opened(FFMPEG), *words, source, *output, "-f", "null", "-"],
        check=True, capture_output=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def vorbis(wave: np.ndarray) -> None:
    """Encode with the libvorbis in libsndfile, as the attack does."""
    soundfile.write(io.BytesIO(), wave, RATE, format="OGG", subtype="VORBIS")


def program(name: str, folder: Path, wave: np.ndarray) -> Callable[[], float]:
    """Return a function that measures the encoder in the FFmpeg program, in processor seconds."""
    rate, _, bits, options = CODECS[name]
    raw, none = folder / f"{rate}.f32", folder / "none.f32"
    wave[:: RATE // rate].astype("<f4").tofile(raw)
    wave[:320].astype("<f4").tofile(none)
    given = [word for key, value in options.items() for word in (f"-{key}", value)]
    output = ["-c:a", name, *given] + (["-b:a", str(bits)] if bits else [])
    return lambda: ffmpeg(raw, rate, output) - ffmpeg(none, rate, output)


def resampler(folder: Path, wave: np.ndarray) -> Callable[[], float]:
    """Return a function that measures soxr in the FFmpeg program, there and back."""
    raw = folder / "long.f32"
    np.tile(wave, 10).astype("<f4").tofile(raw)
    there_and_back = ",".join(
        f"aresample={rate}:resampler=soxr:precision=20" for rate in (OTHER_RATE, RATE)
    )

    def spent(filters: str) -> float:
        return ffmpeg(raw, RATE, ["-af", filters, "-c:a", "pcm_f32le"])

    return lambda: (spent(there_and_back) - spent("anull")) / 10


def there_and_back(wave: np.ndarray) -> np.ndarray:
    """Resample with soxr as attacks do."""
    up = soxr.resample(wave, RATE, OTHER_RATE, quality="HQ")
    return np.asarray(soxr.resample(up, OTHER_RATE, RATE, quality="HQ"))


def pairs(folder: Path) -> dict[str, tuple[Callable[[], float], Callable[[], float]]]:
    """Return, by what is compared, the measurements of ours and of the other build."""
    wave = sound()
    taps = np.random.default_rng(0).standard_normal(9600).astype(np.float32)
    spectra = wave[: 1 << 19]
    tensor, kernel = torch.from_numpy(spectra), torch.from_numpy(taps)
    size = scipy.fft.next_fast_len(spectra.size + taps.size, real=True)

    def by_torch() -> torch.Tensor:
        product = torch.fft.rfft(tensor, size) * torch.fft.rfft(kernel, size)
        return torch.fft.irfft(product, size)

    def measured(call: Callable[[], object]) -> Callable[[], float]:
        return lambda: cost(call)

    made = {
        f"{name}: {'PyAV' if form else 'libsndfile'} / FFmpeg program": (
            measured(encoder(name, wave) if form else lambda: vorbis(wave)),
            program(name, folder, wave),
        )
        for name, (_, form, _, _) in CODECS.items()
    }  # fmt: skip
    soxr_down = measured(lambda: soxr.resample(wave, RATE, 8000, quality="HQ"))
    return made | {
        "soxr HQ to 44.1 kHz and back: soxr / FFmpeg program": (
            measured(lambda: there_and_back(wave)), resampler(folder, wave),
        ),
        "16 to 8 kHz: soxr HQ / scipy resample_poly": (
            soxr_down, measured(lambda: resample_poly(wave, 1, 2)),
        ),
        "real FFT of 2^19: scipy.fft / numpy.fft": (
            measured(lambda: scipy.fft.rfft(spectra)), measured(lambda: np.fft.rfft(spectra)),
        ),
        "real FFT of 2^19: scipy.fft / torch (MKL)": (
            measured(lambda: scipy.fft.rfft(spectra)), measured(lambda: torch.fft.rfft(tensor)),
        ),
        "convolution, 0.6 s response: scipy oaconvolve / torch FFT": (
            measured(lambda: oaconvolve(spectra, taps)), measured(by_torch),
        ),
    }  # fmt: skip


def main() -> None:
    """Print one row for each comparison."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name, one_thread():
        print("| compared: ours / other | ours | other | ours over other |\n|---|---|---|---|")
        for what, (ours, other) in pairs(Path(name)).items():
            ours(), other()
            both = [(ours(), other()) for _ in range(rounds)]
            mine, theirs = (min(side) for side in zip(*both, strict=True))
            print(f"| {what} | {1000 * mine:.1f} ms | {1000 * theirs:.1f} ms |"
                  f" {mine / theirs:.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
