"""The ASVspoof Laundering Database: the ASVspoof 2019 LA evaluation set, laundered by its authors.

Ali et al., "Is Audio Spoof Detection Robust to Laundering Attacks?", IH&MMSec 2024.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import MADE, Protocol
from benchmark.data.readers.common import Hints, Reader, locate, protocol
from benchmark.data.readers.tables import class_of, columns_of

_TYPES = ("Noise_Addition", "Reverberation", "Resampling", "Recompression", "Filtering")
# The first stem, with its typing error, is the published one.
_STEMS = ("ASVspoofLauneredDatabase", "ASVspoofLaunderedDatabase")
_COLUMNS = ("speaker", "file", "spoof_system", "label", "type", "parameter")
_SAME = ["speaker", "spoof_system", "label"]  # equal in all conditions of an utterance
_NAME = re.compile(r"(LA_[A-Z]_\d+)_(.+)")  # utterance id, condition
_CLEAN = "ASVspoof2019_LA_eval"


def _laundered(root: Path, hints: Hints) -> Protocol | None:
    """Read the database: one row per utterance of the ASVspoof 2019 LA evaluation set.

    `path` is the clean recording; a column `made:TYPE/PARAMETER` per published condition is the
    laundered one.
    """
    files = [
        file
        for type_ in _TYPES
        for stem in _STEMS
        if (file := root / "protocols" / f"{stem}_{type_}.txt").is_file()
    ]
    if not files:
        return None
    made = pd.concat([_rows(file) for file in files], ignore_index=True)
    source = root / "protocols"
    base, clean = _clean(root)
    above = root.resolve().relative_to(base.resolve()).as_posix()
    inside = "" if above == "." else f"{above}/"
    made["path"] = inside + made["type"] + "/flac/" + made["file"] + ".flac"
    twice = made.duplicated(["utterance_id", "made"])
    if twice.any():
        row = made[twice].iloc[0]
        raise InputError(f"{source}: {row['utterance_id']} is listed twice under {row['made']}")
    table = made[["utterance_id", *_SAME]].drop_duplicates()
    unlike = table["utterance_id"].duplicated()
    if unlike.any():
        name = table.loc[unlike, "utterance_id"].iloc[0]
        raise InputError(f"{source}: {name} has several speakers, systems or keys")
    table = table.assign(
        label=class_of(table["label"], source),
        path=clean.relative_to(base).as_posix() + "/flac/" + table["utterance_id"] + ".flac",
    )
    columns = {
        f"{MADE}{name}": table["utterance_id"].map(rows.set_index("utterance_id")["path"])
        for name, rows in made.groupby("made", sort=False)
    }
    table = pd.concat([table, pd.DataFrame(columns)], axis=1)
    return protocol("asvspoof-laundering", base, table, source)


def _rows(file: Path) -> pd.DataFrame:
    """Read one protocol; add the utterance id and the name of the condition (`made`)."""
    table = columns_of(file, _COLUMNS)
    names = table["file"].tolist()
    parts = [found.groups() for name in names if (found := _NAME.fullmatch(name))]
    if len(parts) < len(names):
        name = next(name for name in names if not _NAME.fullmatch(name))
        raise InputError(
            f"{file}: the file name {name!r} is not an ASVspoof 2019 LA id with a condition,"
            " such as LA_E_2834763_babble_0"
        )
    ids, conditions = zip(*parts, strict=True)
    return table.assign(utterance_id=ids, made=table["type"] + "/" + pd.Series(conditions))


def _clean(root: Path) -> tuple[Path, Path]:
    """Return the folder that holds clean and laundered audio, and the clean folder within it."""
    for base in dict.fromkeys((root, root.resolve().parent)):
        clean = locate(base, _CLEAN)
        if clean is not None:
            return base, clean
    raise InputError(
        f"{root} has the laundered evaluation set of ASVspoof 2019 LA, but the clean one,"
        f" {_CLEAN}/flac, was not found in {root}, in {root.resolve().parent}, or in a folder"
        " directly below them"
    )


READERS = (Reader("asvspoof-laundering", _laundered),)
