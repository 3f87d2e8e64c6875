"""Scoring of single files and folders, file by file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmark import frontends
from benchmark.audio import discovery, reader
from benchmark.audio.audio_error import AudioError
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.frontends.specs import Image
from benchmark.inference.batching import BATCH
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer

LEAST_S = 0.1  # seconds of sound below which a score means very little
NO_THRESHOLD = "no threshold"
NAME_OF_PICTURE = ".png"


@dataclass(frozen=True)
class AudioSource:
    """One file: its path as printed, and the name of its spectrogram image without suffix."""

    path: Path
    name: str


@dataclass(frozen=True)
class ScoredFile:
    """One file's score (higher = more bona fide) and verdict, or the cause of its failure.

    `seconds` is the duration of its sound.
    """

    path: Path
    score: float | None
    verdict: str
    cause: str = ""
    seconds: float = 0.0


def sources(given: Sequence[Path]) -> list[AudioSource]:
    """List the given files, and all audio files below the given folders, sorted in each folder.

    Missing files are listed too; scoring reports them. Raises `InputError` if a folder contains
    no audio.
    """
    found = []
    for path in given:
        if path.is_dir():
            inside = discovery.listed(path, "score")
            found += [AudioSource(file, discovery.name_below(file, path)) for file in inside]
        else:
            found.append(AudioSource(path, path.name))
    return found


def scored(
    checkpoint: Checkpoint,
    device: torch.device,
    wanted: Sequence[AudioSource],
    pictures: Path | None = None,
) -> Iterator[ScoredFile]:
    """Yield the score and verdict of each file, or the cause of its failure, in the given order.

    pictures : a folder in which the spectrogram of each file is written as PNG

    Raises `InputError` if the detector fails, or if two pictures would have one name.
    """
    if pictures is not None:
        _require_different_names(wanted)
    limit = threshold(checkpoint)
    with one_thread():
        scorer = Scorer([checkpoint], device, fill=False)
        yield from _scored(scorer, checkpoint, limit, wanted, pictures)


def threshold(checkpoint: Checkpoint) -> float | None:
    """Return the lowest score that counts as bona fide, frozen in training; None if unknown."""
    value = checkpoint.facts.get("dev_threshold")
    return None if value is None else float(value)


def verdict(score: float, limit: float | None) -> str:
    """Return `bonafide` for a score >= `limit`, else `spoof`; `no threshold` if `limit` is None."""
    if limit is None:
        return NO_THRESHOLD
    return "bonafide" if score >= limit else "spoof"


def _scored(
    scorer: Scorer,
    checkpoint: Checkpoint,
    limit: float | None,
    wanted: Sequence[AudioSource],
    pictures: Path | None,
) -> Iterator[ScoredFile]:
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        read = [_read(source.path) for source in part]
        waves = [wave for wave in read if not isinstance(wave, str)]
        scores, causes = scorer(waves, [checkpoint.name])
        if causes:
            raise InputError(f"detector {checkpoint.name!r} failed: {causes[checkpoint.name]}")
        own = iter(scores[checkpoint.name])
        for source, wave in zip(part, read, strict=True):
            if isinstance(wave, str):
                yield ScoredFile(source.path, None, "", wave)
                continue
            score = float(next(own))
            if pictures is not None:
                atomic_files.write(pictures / f"{source.name}{NAME_OF_PICTURE}", picture(wave))
            if not np.isfinite(score):
                yield ScoredFile(source.path, None, "", f"the score is not finite ({score})")
            else:
                seconds = wave.size / reader.SAMPLE_RATE
                yield ScoredFile(source.path, score, verdict(score, limit), seconds=seconds)


def _read(path: Path) -> reader.Wave | str:
    """Return the wave, or the cause why it cannot be read, without the path."""
    try:
        return reader.read(path)
    except AudioError as error:
        return str(error).removeprefix(f"{path}: ")


def picture(wave: reader.Wave) -> bytes:
    """Return a wave's mel spectrogram as PNG, the same image that detectors on images get."""
    from PIL import Image as Picture

    spec = Image()
    pixels = frontends.picture(
        spec, frontends.waveforms(spec.waveform, [wave], torch.device("cpu"))
    )
    buffer = io.BytesIO()
    Picture.fromarray(pixels[0].permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return buffer.getvalue()


def _require_different_names(wanted: Sequence[AudioSource]) -> None:
    seen: dict[str, Path] = {}
    for source in wanted:
        other = seen.setdefault(source.name, source.path)
        if other != source.path:
            raise InputError(
                f"{other} and {source.path} would both write {source.name}{NAME_OF_PICTURE}:"
                " score them one by one"
            )
