"""Published weights: the index, and download from the authors into the user's cache.

A file is used only if it is identical to the published one, byte for byte.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pooch

import detectors
from benchmark.core import atomic_files, paths
from benchmark.core.errors import InputError, unknown
from benchmark.core.progress import progress_bar
from benchmark.inference import checkpoints
from benchmark.inference.checkpoints import Checkpoint
from detectors.contract.base import Detector, registry

RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class PublishedWeights:
    """One weight file published by its authors; `name` is the detector that uses it.

    `size` is in bytes, `citation` is BibTeX, `reported` is the accuracy that the authors report.
    """

    name: str
    file: str
    repository: str
    commit: str
    path: str
    size: int
    sha256: str
    licence: str
    reported: str
    citation: str

    @property
    def url(self) -> str:
        """The address at which the authors publish the file."""
        return f"{RAW}/{self.repository}/{self.commit}/{self.path}"

    @property
    def cached(self) -> Path:
        """The path of the file in the user's cache."""
        return paths.weights() / self.file

    def state(self) -> str:
        """Return `cached`, `absent`, or `damaged` if the cached file is a different one."""
        if not self.cached.is_file():
            return "absent"
        return "cached" if _sha256(self.cached) == self.sha256 else "damaged"


@cache
def index() -> dict[str, PublishedWeights]:
    """Return all published weight files by the names of their detectors."""
    text = (Path(detectors.__path__[0]) / "weights.toml").read_text(encoding="utf-8")
    return {
        name: PublishedWeights(name=name, **facts) for name, facts in tomllib.loads(text).items()
    }


def find(name: str) -> PublishedWeights:
    """Return the entry of detector `name`; `InputError` suggests similar names if there is none."""
    if name not in index():
        raise unknown("published weights", name, index())
    return index()[name]


def checkpoint(name: str) -> Checkpoint:
    """Return the cached weights of detector `name`; `InputError` says how to get missing ones."""
    entry = find(name)
    state = entry.state()
    if state == "absent":
        raise InputError(
            f"the weights of detector {name!r} are not in the cache: run launderbench weights"
            f" fetch {name} (or launderbench weights add FILE)"
        )
    if state == "damaged":
        raise InputError(
            f"{_mismatch(entry, entry.cached)}: run launderbench weights fetch {name} again"
        )
    return checkpoints.foreign(name, entry.cached, _facts(entry))


def given(name: str, path: Path) -> Checkpoint:
    """Return the weights in `path` for detector `name`, as given by the user.

    Raises `InputError` if there is no such file or detector, or if `name` has a published file and
    this is a different one.
    """
    if name in index():
        entry = find(name)
        if path.is_file() and _sha256(path) != entry.sha256:
            raise InputError(
                f"{_mismatch(entry, path)}: name an architecture (such as rawnet2) to use other"
                " weights"
            )
        return checkpoints.foreign(name, path, _facts(entry))
    return checkpoints.foreign(name, path, {})


def fetch(name: str) -> Path:
    """Download the weights of detector `name` into the cache, with a progress bar.

    A valid cached file is kept. Raises `InputError` if the download fails or does not give the
    published file; nothing of that download is kept.
    """
    entry = find(name)
    if entry.state() == "cached":
        return entry.cached
    by_hand = f"get it elsewhere and run launderbench weights add FILE, or put it at {entry.cached}"
    pooch.get_logger().setLevel("WARNING")
    try:
        with progress_bar(desc=entry.file, total=entry.size, unit="B", unit_scale=True) as bar:
            pooch.retrieve(
                entry.url,
                f"sha256:{entry.sha256}",
                entry.file,
                entry.cached.parent,
                downloader=pooch.HTTPDownloader(progressbar=bar),
            )
    except ValueError as error:  # pooch raises this if the hash differs
        raise InputError(
            f"{entry.url} gave a different file from the published {entry.file}"
            f" (SHA-256 {entry.sha256[:12]}...): try again, or {by_hand}"
        ) from error
    except OSError as error:  # includes the errors of requests
        response = getattr(error, "response", None)
        cause = f"HTTP {response.status_code}" if response is not None else error.strerror
        cause = cause or "no connection, or it was interrupted"
        raise InputError(f"cannot download {entry.url} ({cause}): {by_hand}") from error
    return entry.cached


def add(path: Path) -> PublishedWeights:
    """Copy a published weight file into the cache, recognised by its content.

    Raises `InputError` if it is none of the published files. If only its name is one of theirs,
    the error says how its content differs.
    """
    if not path.is_file():
        raise InputError(f"weight file not found: {path}")
    digest = _sha256(path)
    for entry in index().values():
        if entry.sha256 == digest:
            atomic_files.write(entry.cached, path.read_bytes())
            return entry
    for entry in index().values():
        if path.name in (entry.file, Path(entry.path).name):
            raise InputError(_mismatch(entry, path))
    raise InputError(
        f"{path} is not one of the published weight files ({', '.join(sorted(index()))}):"
        " run other weights with --weights ARCHITECTURE=FILE"
    )


def describe(entry: PublishedWeights) -> Iterator[str]:
    """Yield the facts that a user of the weights must know, line by line."""
    yield f"{entry.name}  {entry.reported}"
    yield f"    licence: {entry.licence}"
    yield from _origin(registry.get(entry.name))
    yield f"    source: https://github.com/{entry.repository} : {entry.path}"
    yield f"    file: {entry.file}, {entry.size} bytes, SHA-256 {entry.sha256}"
    state = entry.state()
    where = f"launderbench weights fetch {entry.name}" if state != "cached" else str(entry.cached)
    yield f"    weights: {state} ({where})"
    yield "    please cite:"
    for line in entry.citation.strip().splitlines():
        yield f"      {line}"


def by_hand() -> Iterator[str]:
    """Yield the systems whose authors' weights a user must get and name, line by line."""
    for name in registry.names():
        item = registry.get(name)
        if not item.trained_on or name in index():
            continue
        yield f"{name}  {item.summary}"
        yield f"    weights: from its authors; run them with --weights {name}=FILE"
        yield from _origin(item)


def _origin(item: type[Detector]) -> Iterator[str]:
    """Yield what the authors' weights were trained on, and under which terms they may be used."""
    if item.trained_on:
        corpora = (f"{corpus}:{part}" for corpus, part in item.trained_on.items())
        yield f"    trained on: {', '.join(corpora)}"
    if item.licence:
        yield f"    licence: {item.licence}{f': {item.terms}' if item.terms else ''}"


def _facts(entry: PublishedWeights) -> dict[str, str]:
    return {
        "weights": entry.file,
        "sha256": entry.sha256,
        "source": f"https://github.com/{entry.repository}/blob/{entry.commit}/{entry.path}",
        "licence": entry.licence,
        "citation": entry.citation.strip(),
    }


def _mismatch(entry: PublishedWeights, path: Path) -> str:
    digest, size = _sha256(path), path.stat().st_size
    return (
        f"{path} is not the published {entry.file} (SHA-256 {digest[:12]}..., {size} bytes;"
        f" published {entry.sha256[:12]}..., {entry.size} bytes)"
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
