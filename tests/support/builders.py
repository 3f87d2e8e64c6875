"""Small corpora of synthetic, speech-like audio for tests that need a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile

RATE = 16000


def voice(seed: int, seconds: float = 2.0, pitch: float = 120.0) -> npt.NDArray[np.float32]:
    """Return harmonics of a varying pitch with syllable-like modulation and breath noise.

    float32 (T,) at 16 kHz, peak 0.3. The band is wide enough to measure every attack.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    drift = 1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * time + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch * drift) / RATE
    tilt = rng.uniform(0.6, 1.2)
    wave = sum(np.sin(k * phase) / k**tilt for k in range(1, 50))
    wave = wave + 0.3 * rng.standard_normal(time.size)
    wave *= 0.05 + np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * time + rng.uniform(0, 6)), 0, 1)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def fake(seed: int, seconds: float = 2.0, pitch: float = 120.0) -> npt.NDArray[np.float32]:
    """Return the same voice with a vocoder-like artefact: a comb of tones near 6 kHz."""
    wave = voice(seed, seconds, pitch)
    time = np.arange(wave.size) / RATE
    comb = sum(np.sin(2 * np.pi * f * time) for f in (5600.0, 6000.0, 6400.0))
    return (wave + 0.02 * comb.astype(np.float32)).astype(np.float32)


def corpus(
    root: Path, *, test: int = 24, train: int = 0, dev: int = 12, seconds: float = 1.0
) -> Path:
    """Write a corpus of `test`, `train` and `dev` utterances, half of them spoof, to `root`.

    Each split has six speakers. The spoof systems are S1 (track neural) and S2 (track classic).
    """
    (root / "flac").mkdir(parents=True)
    rows = []
    for split, count in (("test", test), ("train", train), ("dev", dev)):
        for index in range(count):
            spoof = index % 2 == 1
            speaker = f"{split}{index // 2 % 6}"
            name = f"{split}_{index:04d}"
            seed = 1000 * len(split) + index // 2
            make = fake if spoof else voice
            wave = make(seed, seconds, 100 + 15 * (index // 2 % 6))
            soundfile.write(root / "flac" / f"{name}.flac", wave, RATE)
            system = ("S2" if index % 6 == 5 else "S1") if spoof else "-"
            track = {"S1": "neural", "S2": "classic", "-": "-"}[system]
            rows.append(
                {
                    "utterance_id": name,
                    "path": f"flac/{name}.flac",
                    "label": "spoof" if spoof else "bonafide",
                    "speaker": speaker,
                    "spoof_system": system,
                    "split": split,
                    "source": speaker,
                    "track": track,
                }
            )
    pd.DataFrame(rows).to_csv(root / "protocol.csv", index=False)
    card = {"name": "toy", "version": "1", "headline": "neural", "audio_digest": "0" * 64}
    (root / "card.json").write_text(json.dumps(card))
    return root
