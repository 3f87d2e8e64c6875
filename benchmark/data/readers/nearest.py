"""The layout that a folder resembles, and what it lacks, for the error that no layout was found."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.data.cleaning import AUDIO_ROOT
from benchmark.data.readers import audiofolder, folders
from benchmark.data.readers.common import Hints, Reader
from benchmark.data.readers.tables import SYNONYMS, text_table
from benchmark.data.readers.tree import places

# What a layout consists of: patterns of paths, all of which it needs.
PARTS: dict[str, tuple[str, ...]] = {
    "asvspoof2019-la": ("ASVspoof2019_LA_cm_protocols",),
    "asvspoof2019-pa": ("ASVspoof2019_PA_cm_protocols",),
    "asvspoof2021-la": ("ASVspoof2021_LA_eval/flac", "keys/LA/CM/trial_metadata.txt"),
    "asvspoof2021-df": ("ASVspoof2021_DF_eval/flac", "keys/DF/CM/trial_metadata.txt"),
    "asvspoof5": ("ASVspoof5_protocols",),
    "fake-or-real": ("training/real", "testing"),
    "wavefake": ("generated_audio", "LJSpeech-1.1/wavs"),
    "librisevoc": ("gt", "melgan"),
    "mlaad": ("fake/*/*/meta.csv",),
    "spoofceleb": ("metadata/evaluation.csv", "flac"),
    "codecfake": ("label/*.txt", "train"),
    "deepfake-eval-2024": ("audio-metadata-publish.csv", "audio-data"),
    "replaydf": ("wav/*/benign", "wav/*/spoof"),
}
_ABOVE = 3  # folders above the given one that may be meant
_ALIKE = 0.8


def hints(path: Path, given: Hints, tried: Sequence[Reader]) -> list[str]:
    """Return, in words, what a path that no reader takes may be and what it lacks."""
    names = [reader.name for reader in tried if reader.name in PARTS]
    if not path.is_dir():
        return list(_above(path, names))
    found = [*_above(path, names), *_partly(path, names), *_alike(path, names)]
    if any(reader.name == "audiofolder" for reader in tried):
        found += _metadata(path)
    if not found and any(reader.name == "folders" for reader in tried):
        found += [said for said in [folders.hint(path, given)] if said]
    return found


def _above(path: Path, names: Sequence[str]) -> list[str]:
    """Find a corpus of which a part was given."""
    folder = path.resolve()
    for _ in range(_ABOVE):
        if folder == folder.parent:
            break
        folder = folder.parent
        for name in names:
            if all(any(folder.glob(part)) for part in PARTS[name]):
                return [f"{folder}, above it, has the layout {name}: give that folder"]
    return []


def _partly(path: Path, names: Sequence[str]) -> list[str]:
    """Find layouts of which some parts are there."""
    said = []
    for name in names:
        lacks = [part for part in PARTS[name] if not places(path, part)]
        has = [part for part in PARTS[name] if part not in lacks]
        distinctive = [
            part for part in has if part not in ("gt", "melgan", "flac", "train", "testing")
        ]
        if lacks and distinctive:
            more = f" (audio that lies elsewhere: {AUDIO_ROOT})" if "flac" in lacks[0] else ""
            said.append(
                f"it is nearest to the layout {name}: it has {', '.join(has)} and lacks"
                f" {', '.join(lacks)}{more}"
            )
    return said


def _alike(path: Path, names: Sequence[str]) -> list[str]:
    """Find folders whose names are nearly those of a layout."""
    here = [p.name for above in ("", "*/") for p in sorted(path.glob(f"{above}*/"))]
    for name in names:
        for part in PARTS[name]:
            first = part.split("/")[0]
            if len(first) < 8 or first in here or "*" in first:
                continue  # short names are alike by chance
            near = difflib.get_close_matches(first, here, n=1, cutoff=_ALIKE)
            if near:
                return [f"it is nearest to the layout {name}: {near[0]} is called {first} there"]
    return []


def _metadata(path: Path) -> list[str]:
    """Say what a metadata table lacks."""
    said = []
    for file in audiofolder.tables(path)[:1]:
        if file.suffix not in (".csv", ".tsv"):
            continue
        try:
            columns = list(text_table(file).columns)
        except InputError as error:
            return [str(error)]
        lower = {column.casefold() for column in columns}
        lacks = [name for name in ("path", "label") if not lower & {name, *SYNONYMS[name]}]
        if lacks:
            said.append(
                f"{file} lacks a column {' and a column '.join(lacks)} (it has"
                f" {', '.join(columns[:8])})"
            )
    return said
