"""How the published scripts launder, written anew after their description, to be measured against.

One file at a time and everything through files: a room simulated for every file, noise laid down
as short events by audiomentations, two ffmpeg programs for a codec, librosa for another rate, and
every detector reading every laundered file again. The 27 conditions are those of the suite
`laundering`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import audiomentations
import imageio_ffmpeg
import librosa
import numpy as np
import pyroomacoustics
import soundfile
from scipy.signal import butter, sosfilt

RATE = 16000
ROOM = (9.0, 7.5, 3.5)
RT60 = (0.3, 0.6, 0.9)
SNR = (0, 10, 20)
KBPS = (16, 64, 128, 160)
RATES = (8000, 11025, 22050, 44100)


def launder(source: Path, noises: dict[str, Path], out: Path) -> Iterator[Path]:
    """All 27 laundered versions of one file, each written to disk; yields their paths."""
    for rt60 in RT60:
        yield _written(out / f"rt{rt60}.wav", _reverberant(_read(source), rt60))
    for folder in noises.values():
        for snr in SNR:
            yield _written(out / f"{folder.name}{snr}.wav", _noisy(_read(source), folder, snr))
    for kbps in KBPS:
        yield _through_mp3(source, out / f"mp3{kbps}.wav", kbps)
    for rate in RATES:
        wave = librosa.resample(_read(source), orig_sr=RATE, target_sr=rate)
        path = _written(out / f"rate{rate}.wav", wave, rate)
        back, _ = librosa.load(path, sr=RATE)
        yield _written(path, back)
    sections = butter(10, 7000, fs=RATE, output="sos")
    yield _written(out / "lowpass.wav", sosfilt(sections, _read(source)))


def _read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def _written(path: Path, wave: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, wave, rate)
    return path


def _reverberant(wave: np.ndarray, rt60: float) -> np.ndarray:
    absorption, order = pyroomacoustics.inverse_sabine(rt60, ROOM)
    material = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(ROOM, fs=RATE, materials=material, max_order=order)
    room.add_source([2.5, 3.7, 1.8], signal=wave)
    room.add_microphone([6.3, 4.9, 1.2])
    room.simulate()
    mixed = room.mic_array.signals[0]
    return mixed / np.abs(mixed).max()


def _noisy(wave: np.ndarray, folder: Path, snr: float) -> np.ndarray:
    add = audiomentations.AddShortNoises(
        sounds_path=folder, min_snr_db=snr, max_snr_db=snr, noise_rms="relative_to_whole_input",
        min_time_between_sounds=0.5, max_time_between_sounds=2.0, p=1.0,
    )  # fmt: skip
    return add(wave, sample_rate=RATE)


def _through_mp3(source: Path, out: Path, kbps: int) -> Path:
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    coded = out.with_suffix(".mp3")
    subprocess.run([*ffmpeg, "-i", source, "-b:a", f"{kbps}k", coded], check=True)
    subprocess.run([*ffmpeg, "-i", coded, "-ar", str(RATE), out], check=True)
    return out
