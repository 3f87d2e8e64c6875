"""Codecfake: speech that neural codecs coded and decoded.

Xie et al., "The Codecfake Dataset and Countermeasures for the Universally Detection of Deepfake
Audio", IEEE TASLP 2025. Folders as in the authors' description of 2024 (github.com/xieyuankun/
Codecfake): label/NAME.txt with rows `FILE real|fake NUMBER`; audio in train/, dev/ and, for the
conditions C1 to C7 (codecs) and A1 to A3 (audio language models), in test/NAME/ or NAME/. The
number is that of the codec, 0 for real speech. The labels of A1 to A3 are read in the same form.

CodecFake of Wu et al. (Interspeech 2024) is another corpus, of Parquet files: see `hub`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.data.readers.common import Hints, Reader, protocol
from benchmark.data.readers.tables import class_of, columns_of
from benchmark.data.readers.tree import places

_SPLITS = {"train": "train", "dev": "dev", "val": "dev"}
_CONDITION = re.compile(r"[CA]\d+")
_COLUMNS = ("file", "label", "codec")


def _labels(root: Path) -> list[Path]:
    """Return the label folders: they hold train.txt, dev.txt or C1.txt, ... next to the audio."""
    return [
        folder
        for folder in places(root, "label")
        if any(_audio(folder.parent, p.stem) is not None for p in folder.glob("*.txt"))
    ]


def _audio(base: Path, name: str) -> Path | None:
    """Return the audio folder of a part: train/, dev/, test/C1/, C1/, ..."""
    if name not in _SPLITS and not _CONDITION.fullmatch(name):
        return None
    others = ("val",) if name == "dev" else ("dev",) if name == "val" else ()
    for near in (name, f"test/{name}", *others):
        if (base / near).is_dir():
            return base / near
    return None


def _codecfake(root: Path, hints: Hints) -> Protocol | None:
    folders = _labels(root)
    if not folders:
        return None
    folder = folders[0]
    parts = []
    for file in sorted(folder.glob("*.txt")):
        name = file.stem
        audio = _audio(folder.parent, name)
        if audio is None:
            if name in _SPLITS or _CONDITION.fullmatch(name):
                audio = folder.parent / name  # its audio is missing, which is said later
            else:
                continue
        table = columns_of(file, _COLUMNS, _COLUMNS[:2])
        near = audio.relative_to(root).as_posix()
        label = class_of(table["label"], file, hints.words)
        codec = table["codec"] if "codec" in table else pd.Series("-", index=table.index)
        parts.append(
            pd.DataFrame(
                {
                    # the same file names recur in the conditions
                    "utterance_id": f"{name}/" + table["file"],
                    "path": f"{near}/" + table["file"],
                    "label": label,
                    "spoof_system": ("F0" + codec).where(label == "spoof", "-"),
                    "split": _SPLITS.get(name, "test"),
                    "condition": name if name not in _SPLITS else "-",
                }
            )
        )
    if not parts:
        raise InputError(f"{folder} holds no label file of Codecfake (train.txt, C1.txt, ...)")
    return protocol("codecfake", root, pd.concat(parts, ignore_index=True), folder)


READERS = (Reader("codecfake", _codecfake, _labels),)
