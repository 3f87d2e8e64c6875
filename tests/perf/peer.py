"""Reimplementation of the published laundering scripts, from their description, for comparison.

They process one file at a time, and every step goes through files. They simulate a room for every
file, add noise as short events with audiomentations, run ffmpeg twice per codec and resample with
librosa; every detector reads every laundered file again. The 27 conditions are those of the suite
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
    """Write all 27 laundered versions of one file to disk and yield their paths."""
    for rt60 in RT60:
        yield _write(out / f"rt{rt60}.wav", _reverberate(_read(source), rt60))
    for folder in noises.values():
        for snr in SNR:
            yield _write(out / f"{folder.name}{snr}.wav", _add_noise(_read(source), folder, snr))
    for kbps in KBPS:
        yield _code_mp3(source, out / f"mp3{kbps}.wav", kbps)
    for rate in RATES:
        wave = librosa.resample(_read(source), orig_sr=RATE, target_sr=rate)
        path = _write(out / f"rate{rate}.wav", wave, rate)
        back, _ = librosa.load(path, sr=RATE)
        yield _write(path, back)
    sections = butter(10, 7000, fs=RATE, output="sos")
    yield _write(out / "lowpass.wav", sosfilt(sections, _read(source)))


def _read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def _write(path: Path, wave: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, wave, rate)
    return path


def _reverberate(wave: np.ndarray, rt60: float) -> np.ndarray:
    absorption, order = pyroomacoustics.inverse_sabine(rt60, ROOM)
    material = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(ROOM, fs=RATE, materials=material, max_order=order)
    room.add_source([2.5, 3.7, 1.8], signal=wave)
    room.add_microphone([6.3, 4.9, 1.2])
    room.simulate()
    mixed = room.mic_array.signals[0]
    return mixed / np.abs(mixed).max()


def _add_noise(wave: np.ndarray, folder: Path, snr: float) -> np.ndarray:
    add = audiomentations.AddShortNoises(
        sounds_path=folder, min_snr_db=snr, max_snr_db=snr, noise_rms="relative_to_whole_input",
        min_time_between_sounds=0.5, max_time_between_sounds=2.0, p=1.0,
    )  # fmt: skip
    return add(wave, sample_rate=RATE)


def _code_mp3(source: Path, out: Path, kbps: int) -> Path:
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    coded = out.with_suffix(".mp3")
    subprocess.run([*ffmpeg, "-i", source, "-b:a", f"{kbps}k", coded], check=True)
    subprocess.run([*ffmpeg, "-i", coded, "-ar", str(RATE), out], check=True)
    return out
