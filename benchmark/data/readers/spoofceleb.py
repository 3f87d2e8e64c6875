"""SpoofCeleb: speech in the wild and spoofs made from it.

Jung et al., "SpoofCeleb: Speech Deepfake Detection and SASV in the Wild", IEEE OJSP 2025. Folders
and columns as in the release of 2024 (jungjee.github.io/spoofceleb): metadata/SPLIT.csv with file,
speaker and attack, audio in flac/SPLIT/. The attack a00 is bona fide.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.cleaning import clean_paths
from benchmark.data.protocol import Protocol
from benchmark.data.readers.common import Hints, Reader, protocol
from benchmark.data.readers.tables import text_table
from benchmark.data.readers.tree import places

_SPLITS = {"train": "train", "development": "dev", "evaluation": "test"}
_COLUMNS = {"file", "speaker", "attack"}
_HUMAN = "a00"


def _metadata(root: Path) -> list[Path]:
    """Return the metadata folders whose tables lie next to flac/."""
    found = dict.fromkeys(p.parent for p in places(root, *(f"metadata/{s}.csv" for s in _SPLITS)))
    return [folder for folder in found if (folder.parent / "flac").is_dir()]


def _spoofceleb(root: Path, hints: Hints) -> Protocol | None:
    folders = _metadata(root)
    if not folders:
        return None
    folder = folders[0]
    base = hints.audio_root or root
    audio = places(base, "flac") if hints.audio_root else [folder.parent / "flac"]
    near = (audio[0] if audio else base / "flac").relative_to(base).as_posix()
    parts = []
    for name, split in _SPLITS.items():
        file = folder / f"{name}.csv"
        if not file.is_file():
            continue
        table = text_table(file)
        if missing := _COLUMNS - set(table.columns):
            raise InputError(
                f"{file}: missing column {', '.join(sorted(missing))}; has"
                f" {', '.join(table.columns)}"
            )
        paths = clean_paths(table["file"].tolist(), folder.parent)
        human = table["attack"].str.lower() == _HUMAN
        parts.append(
            pd.DataFrame(
                {
                    "utterance_id": [f"{name}/{path}" for path in paths],
                    "path": [f"{near}/{name}/{path}" for path in paths],
                    "label": human.map({True: "bonafide", False: "spoof"}),
                    "speaker": table["speaker"],
                    "spoof_system": table["attack"].where(~human, "-"),
                    "split": split,
                }
            )
        )
    return protocol("spoofceleb", base, pd.concat(parts, ignore_index=True), folder)


READERS = (Reader("spoofceleb", _spoofceleb, _metadata, elsewhere=True),)
