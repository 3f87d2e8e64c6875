"""Paths and ids that a table gives without an ending."""

from __future__ import annotations

import os
import posixpath
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmark.audio.endings import AUDIO_ENDINGS, is_audio
from benchmark.core.errors import InputError
from benchmark.data.cleaning import is_outside, place
from benchmark.data.readers.common import walk


def with_endings(paths: Sequence[str], root: Path, source: Path) -> list[str]:
    """Return the paths; one without an ending becomes the one audio file of that name.

    It is searched in the folder that the path says, and anywhere below `root` if the path says
    none. A path that exists as it stands, and one without such a file, stays. Raises `InputError`
    naming both files if there are two.
    """
    usual = tuple(AUDIO_ENDINGS)
    unusual = [path for path in paths if not path.endswith(usual)]  # fast for a million paths
    bare = [
        path
        for path in dict.fromkeys(unusual)
        if path
        and posixpath.splitext(path)[1].lower() not in AUDIO_ENDINGS
        and "\0" not in path
        and not is_outside(path)
    ]
    if not bare:
        return list(paths)
    found = _beside(bare, root)
    lone = [path for path in bare if path not in found and "/" not in path]
    if lone:
        found |= _anywhere(set(lone), root)
    whole: dict[str, str] = {}
    for path, files in found.items():
        if len(files) > 1:
            raise InputError(
                f"{place(source, None, path)}: {path!r} has no ending, and there are {files[0]}"
                f" and {files[1]}: write which one"
            )
        whole[path] = files[0]
    return [whole.get(path, path) for path in paths]


def _beside(paths: Sequence[str], root: Path) -> dict[str, list[str]]:
    """Find the audio files with these paths, apart from the ending."""
    folders: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder, name = posixpath.split(path)
        folders[folder].add(name)
    found: dict[str, list[str]] = defaultdict(list)
    for folder, wanted in folders.items():
        for name in _names(root / folder):
            stem = name.rpartition(".")[0]
            if name in wanted:  # as it stands
                found[posixpath.join(folder, name)].insert(0, "")
            if stem in wanted and is_audio(Path(name)):
                found[posixpath.join(folder, stem)].append(posixpath.join(folder, name))
    exact = {path: [path] for path, files in found.items() if "" in files}
    return found | exact


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())
    except OSError:
        return []  # the row has no file, which is said later


def _anywhere(stems: set[str], root: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for file in walk(root):
        if file.stem in stems and is_audio(file):
            found[file.stem].append(file.relative_to(root).as_posix())
    return found
