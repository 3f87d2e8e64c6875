"""Open a noise: one of the bank, of a user's folder, of a wheel, or any file or folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from benchmark.audio import discovery, reader
from benchmark.audio.audio_error import AudioError
from benchmark.core.errors import InputError, unknown
from noises.bank import KINDS, LEAST_SECONDS, MANIFEST, bank_folder, entries
from noises.excerpts import Noise, opened
from noises.packaged import PACKAGED, open_packaged
from noises.published_names import kind_of

LEAST_OF_FOLDER_S = 0.5  # corpora hold short sounds; LEAST_SECONDS is for the named kinds
README = "noises/README.md"


def is_path(kind: str) -> bool:
    """Return whether `kind` is a file or folder and not a noise's name: has a slash or a dot."""
    return any(mark in kind for mark in "/\\.")


def open_noise(kind: str) -> Noise:
    """Open the noise that a condition calls `kind`: of the bank, of a wheel, a file or folder."""
    if kind in PACKAGED:
        return open_packaged(kind)
    return open_path(Path(kind).expanduser()) if is_path(kind) else open_kind(kind)


@lru_cache(maxsize=32)
def open_path(path: Path) -> Noise:
    """Open the file `path`, or every audio file below the folder `path`, once per process.

    Raises `InputError` that names the file or folder that is missing, holds no audio, or holds a
    file that is broken, silent or shorter than half a second.
    """
    return _noise(str(path), discovery.listed(path, "noise"), path, LEAST_OF_FOLDER_S)


def open_kind(kind: str, folder: Path | None = None) -> Noise:
    """Open the noise `kind` (babble, cafe, street, volvo), once per process and manifest.

    In a folder with a manifest.json, the file must have the digest that the manifest names. A
    user's folder without a manifest holds a file such as `babble.wav`, at any rate, or files under
    published names (`noises.published_names`), all of which are recordings of that kind. Raises
    `InputError` if the noise is missing, damaged, silent or shorter than ten seconds.
    """
    if kind not in KINDS:
        raise unknown("noise", kind, KINDS)
    folder = Path(folder) if folder is not None else bank_folder()
    manifest = folder / MANIFEST
    return _open(kind, folder, manifest.stat().st_mtime_ns if manifest.is_file() else 0)


@lru_cache(maxsize=8)
def _open(kind: str, folder: Path, _manifest_written: int) -> Noise:
    if not (folder / MANIFEST).is_file():
        return _noise(kind, _own_files(kind, folder), folder, LEAST_SECONDS)
    entry = entries(folder).get(kind)
    if entry is None:
        raise InputError(f"{folder / MANIFEST} names no {kind}; run: launderbench data build")
    path = folder / str(entry["file"])
    if not path.is_file():
        raise InputError(f"noise file not found: {path}; run: launderbench data build")
    if discovery.digest([path]) != entry["sha256"]:
        raise InputError(f"{path} is not the file that {MANIFEST} names (SHA-256 differs)")
    return _noise(kind, (path,), folder, LEAST_SECONDS)


def _own_files(kind: str, folder: Path) -> tuple[Path, ...]:
    """Return the file with the kind's name, else all files known to be of this kind."""
    found = discovery.below(folder)
    plain = [path for path in found if path.parent == folder and path.stem == kind]
    if len(plain) > 1:
        names = " or ".join(path.name for path in plain)
        raise InputError(f"{folder}: the {kind} noise may be {names}; keep only one of them")
    known = [path for path in found if kind_of(path.relative_to(folder)) == kind]
    if not (plain or known):
        raise InputError(
            f"no {kind} noise in {folder}: needs {kind}.wav or a published name ({README});"
            " build the project's own bank with: launderbench data build"
        )
    return tuple(plain or known)


def _noise(kind: str, files: tuple[Path, ...], folder: Path, least: float) -> Noise:
    try:
        recordings = tuple(
            opened(file, discovery.name_below(file, folder), least) for file in files
        )
    except AudioError as error:
        raise InputError(str(error)) from error
    decoded = any(recording.whole for recording in recordings)
    return Noise(kind, recordings, reader.digest(files, by_ffmpeg=decoded))
