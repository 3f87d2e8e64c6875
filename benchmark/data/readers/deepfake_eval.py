"""Deepfake-Eval-2024, the audio part: recordings of social media in 2024.

Chandra et al., "Deepfake-Eval-2024: A Multi-Modal In-the-Wild Benchmark of Deepfakes Circulated in
2024", arXiv:2503.02857. Files as in the release of 2025 (huggingface.co/datasets/nuriachandra/
Deepfake-Eval-2024): audio-metadata-publish.csv with Filename, Ground Truth (Real, Fake, Unknown)
and Finetuning Set (Train, Test), recordings in audio-data/. The authors leave out Unknown.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.log import warn_once
from benchmark.data.cleaning import clean_paths
from benchmark.data.protocol import Protocol
from benchmark.data.readers.common import Hints, Reader, protocol
from benchmark.data.readers.stems import with_endings
from benchmark.data.readers.tables import class_of, split_of, text_table
from benchmark.data.readers.tree import places

_FILES = ("audio-metadata-publish.csv", "audio-metadata-publish-with-links.csv")
_COLUMNS = {"filename": "path", "ground truth": "label", "finetuning set": "split"}


def _tables(root: Path) -> list[Path]:
    return places(root, *_FILES)


def _deepfake_eval(root: Path, hints: Hints) -> Protocol | None:
    files = _tables(root)
    if not files:
        return None
    file = files[0]
    table = text_table(file)
    table.columns = pd.Index([name.casefold().replace("_", " ") for name in table.columns])
    if missing := [name for name in ("filename", "ground truth") if name not in table]:
        raise InputError(
            f"{file}: missing column {', '.join(missing)}; has {', '.join(table.columns)}"
        )
    table = table[[c for c in (*_COLUMNS, "language") if c in table]].rename(columns=_COLUMNS)
    unknown = table["label"].str.casefold().isin(("unknown", ""))
    if unknown.any():
        warn_once(f"{file}: {unknown.sum()} recordings of unknown class are left out")
    table = table[~unknown].reset_index(drop=True)
    base = hints.audio_root or root
    folder = hints.audio_root or file.parent / "audio-data"
    names = with_endings(clean_paths(table["path"].tolist(), folder), folder, file)
    near = folder.relative_to(base).as_posix()
    table["utterance_id"] = names
    table["path"] = [name if near == "." else f"{near}/{name}" for name in names]
    table["label"] = class_of(table["label"], file, hints.words)
    if "split" in table:
        table["split"] = split_of(table["split"])
    return protocol("deepfake-eval-2024", base, table, file)


READERS = (Reader("deepfake-eval-2024", _deepfake_eval, _tables, elsewhere=True),)
