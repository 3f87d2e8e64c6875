"""MLAAD, the multi-language audio anti-spoofing dataset, in all its versions.

Müller et al., "MLAAD: The Multi-Language Audio Anti-Spoofing Dataset", IJCNN 2024; folders and
columns as described for versions 5 to 9 at huggingface.co/datasets/mueller91/MLAAD (2025, 2026).
Later versions add columns, such as reference_speaker. MLAAD-tiny has the recordings of M-AILABS in
original/.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.data.readers.common import Hints, Reader, audio_below, protocol
from benchmark.data.readers.tables import text_table

_KEPT = ("language", "training_data", "architecture", "reference_speaker", "is_original_language")
_HUMAN = ("real", "M-AILABS", "original")


def _mlaad(root: Path, hints: Hints) -> Protocol | None:
    """Read fake/LANG/MODEL/meta.csv.

    The bona fide utterances are the M-AILABS recordings that `original_file` names, searched in
    `real/`, `M-AILABS/`, `original/` and the root. `original/` is taken whole if none is found.
    """
    metas = sorted((root / "fake").glob("*/*/meta.csv"))
    if not metas:
        return None
    parts = []
    for meta in metas:
        table = _table(meta)
        if "path" not in table.columns:
            raise InputError(f"{meta}: missing column path; has {list(table.columns)}")
        folder = meta.parent.relative_to(root).as_posix()
        names = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in table["path"]]
        table["path"] = [f"{folder}/{name}" for name in names]
        table["spoof_system"] = meta.parent.name
        parts.append(table)
    fakes = pd.concat(parts, ignore_index=True).fillna("-")
    fakes = fakes.assign(label="spoof", utterance_id=fakes["path"])
    keep = ["utterance_id", "path", "label", "spoof_system"]
    keep += [name for name in _KEPT if name in fakes]
    originals = sorted(set(fakes.get("original_file", pd.Series(dtype=str))) - {"", "-"})
    humans = _recordings(root, originals)
    real = pd.DataFrame({"utterance_id": humans, "path": humans, "label": "bonafide"})
    return protocol("mlaad", root, pd.concat([real, fakes[keep]], ignore_index=True), root / "fake")


def _table(meta: Path) -> pd.DataFrame:
    """Read a meta.csv; an unpaired quotation mark in a transcript is text, not the end of a row."""
    try:
        table = text_table(meta, "|;,")
    except InputError:
        return text_table(meta, "|;,", quoted=False)
    swallowed = table.apply(
        lambda cells: cells.str.contains("\n") & cells.str.contains("|", regex=False)
    )
    return text_table(meta, "|;,", quoted=False) if swallowed.to_numpy().any() else table


def _recordings(root: Path, originals: list[str]) -> list[str]:
    """Return the paths of the recordings of M-AILABS; `InputError` if there are none."""
    bases = [p for p in (*(root / name for name in _HUMAN), root) if p.is_dir()]
    found = [
        there.relative_to(root).as_posix()
        for name in originals
        if ".." not in name.split("/")
        and (there := next((b / name for b in bases if (b / name).is_file()), None))
    ]
    if not found and (root / "original").is_dir():
        found = [file.relative_to(root).as_posix() for file in audio_below(root / "original")]
    if not found:
        raise InputError(
            f"{root}: MLAAD holds fakes only; add M-AILABS, so that the files named in"
            f" original_file exist (looked in {', '.join(map(str, bases))})"
        )
    return found


READERS = (Reader("mlaad", _mlaad),)
