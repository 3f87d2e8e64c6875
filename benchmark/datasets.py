"""Open a data set as a protocol: a folder with protocol.csv, or with real/ and fake/."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import InputError
from benchmark.protocol import CARD_FILE, LABELS, PROTOCOL_FILE, Protocol, validated

_FOLDERS = {
    "bonafide": ("real", "bonafide", "bona-fide", "bona_fide", "genuine", "human"),
    "spoof": ("fake", "spoof", "spoofed", "synthetic", "deepfake"),
}
_ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif")


def open_folder(root: Path) -> Protocol:
    """The data set in `root`.

    Read is `protocol.csv` (columns utterance_id, path, label; optional speaker, spoof_system,
    split, source, track), with `card.json` beside it where there is one; else a folder of real and
    one of fake audio. Without a protocol, every utterance is a test trial and its own speaker is
    unknown.
    """
    if not root.is_dir():
        raise InputError(f"data folder not found: {root}")
    if (root / PROTOCOL_FILE).is_file():
        return _read_protocol(root)
    found = {
        label: sorted({p for p in root.iterdir() if p.is_dir() and p.name.lower() in names})
        for label, names in _FOLDERS.items()
    }
    if not all(found.values()):
        here = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
        raise InputError(
            f"{root} is no known data set: looked for {PROTOCOL_FILE}, or folders real/ and fake/;"
            f" found {here}"
        )
    rows = [
        (str(file.relative_to(root)), label)
        for label in LABELS
        for folder in found[label]
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in _ENDINGS
    ]
    other = sum(
        not file.name.startswith(".") and file.suffix.lower() not in _ENDINGS
        for folders in found.values()
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file()
    )
    if other:
        endings = " ".join(_ENDINGS)
        print(f"{root}: {other} files are passed over (not {endings})", file=sys.stderr)
    table = pd.DataFrame(rows, columns=["path", "label"]).assign(utterance_id=lambda t: t["path"])
    return Protocol(name=root.name, root=root, table=validated(table, root))


def _read_protocol(root: Path) -> Protocol:
    file = root / PROTOCOL_FILE
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{file} cannot be read as CSV ({error})") from error
    card: dict[str, Any] = {}
    if (root / CARD_FILE).is_file():
        try:
            card = json.loads((root / CARD_FILE).read_text())
        except ValueError as error:
            raise InputError(f"{root / CARD_FILE} is not JSON ({error})") from error
        if not isinstance(card, dict):
            raise InputError(f"{root / CARD_FILE} is not a JSON object")
    return Protocol(
        name=str(card.get("name", root.name)),
        root=root,
        table=validated(table, file),
        version=str(card.get("version", "-")),
        headline=str(card.get("headline", "-")),
        systems_left_out=tuple(card.get("systems_left_out", ())),
    )
