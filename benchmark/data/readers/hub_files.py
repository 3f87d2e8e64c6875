"""The files of a Hugging Face data set: Parquet as on the hub, Arrow as `save_to_disk` writes it.

Facts of the formats follow the documentation of `datasets` 2 to 4 (2024 to 2026). Files are read
with pyarrow alone: code that comes with a data set is never run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmark.core.errors import InputError, one_line
from benchmark.core.log import warn_once
from benchmark.data.readers.arrow_tables import features_of, is_text, schema_of
from benchmark.data.readers.tables import SYNONYMS
from benchmark.data.readers.tree import places

_NUMBERED = re.compile(r"(.+?)-\d+-of-\d+(?:-[0-9a-f]+)?")
_ANY = ("data", "default", "partial-train")  # folders whose name is no split


@dataclass(frozen=True)
class Shard:
    """One file of a data set, and the split that its name or folder says ('' for none)."""

    path: Path
    split: str


def shards(root: Path) -> list[Shard]:
    """Return the Parquet or Arrow files of a data set in order; empty if the folder has none.

    Raises `InputError` for a damaged index and for files of several configurations.
    """
    if not root.is_dir():
        return []
    if (root / "dataset_dict.json").is_file():
        return _dictionary(root)
    if (root / "state.json").is_file() and (root / "dataset_info.json").is_file():
        return _saved(root, "")
    return _parquet(root)


def audio_column(file: Path) -> str:
    """Return the column with audio files of a Parquet or Arrow file; '' if it has none.

    Raises `InputError` if it has several, or samples in place of files.
    """
    schema = schema_of(file)
    marked = {
        name
        for name, feature in features_of(schema).items()
        if isinstance(feature, dict) and feature.get("_type") == "Audio"
    }
    found = [field.name for field in schema if _is_file(field.type)]
    if not found:
        decoded = [field.name for field in schema if _is_samples(field.type)]
        if decoded:
            raise InputError(
                f"{file}: the column {decoded[0]!r} holds samples, not audio files: cast it to"
                " Audio with datasets and save it again"
            )
        return ""
    best = [name for name in found if name in marked] or found
    if len(best) > 1 and "audio" in best:
        return "audio"
    if len(best) > 1:
        raise InputError(
            f"{file} has several columns with audio ({', '.join(best)}): keep one, or call it audio"
        )
    return best[0]


def has_utterances(file: Path, audio: str) -> bool:
    """Return True if a file names audio and classes."""
    schema = schema_of(file)
    names = {field.name.casefold() for field in schema if is_text(field.type)}
    label = bool(names & {"label", *SYNONYMS["label"]})
    return label and bool(audio or names & {"path", *SYNONYMS["path"]})


def warn_of_code(root: Path) -> None:
    """Tell the user that a loading script is not run."""
    for script in sorted(root.glob("*.py")):
        warn_once(f"{script} is code that comes with the data set and is not run")


def _is_file(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return False
    fields = {field.name: field.type for field in kind}
    inner = fields.get("bytes")
    return inner is not None and (pa.types.is_binary(inner) or pa.types.is_large_binary(inner))


def _is_samples(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {"array", "sampling_rate"} <= {f.name for f in kind}


def _parquet(root: Path) -> list[Shard]:
    files = [
        file
        for file in places(root, "*.parquet")
        if not any(part.startswith(".") for part in file.relative_to(root).parts)
    ]
    found = [Shard(file, _split(file, root)) for file in files]
    _require_one_configuration(found, root)
    return found


def _split(file: Path, root: Path) -> str:
    numbered = _NUMBERED.fullmatch(file.stem)
    if numbered:
        return numbered[1]
    folder = file.parent.name if file.parent != root else ""
    if folder and folder not in _ANY:
        return folder
    return "" if file.stem.isdigit() else file.stem


def _require_one_configuration(found: Sequence[Shard], root: Path) -> None:
    """Raise `InputError` if one split lies in several folders: these are other configurations."""
    homes: dict[str, Path] = {}
    for shard in found:
        home = homes.setdefault(shard.split, shard.path.parent)
        if home != shard.path.parent:
            raise InputError(
                f"{root} holds several configurations ({home.relative_to(root)},"
                f" {shard.path.parent.relative_to(root)}): give the folder of one"
            )


def _dictionary(root: Path) -> list[Shard]:
    names = _index(root / "dataset_dict.json").get("splits")
    if not isinstance(names, list) or not all(_plain(name) for name in names):
        raise InputError(f"{root / 'dataset_dict.json'} does not list splits: save it again")
    return [shard for name in names for shard in _saved(root / name, name)]


def _saved(folder: Path, split: str) -> list[Shard]:
    state = _index(folder / "state.json")
    if state.get("_indices_files"):
        raise InputError(
            f"{folder} is a selection of rows with an index: call flatten_indices() before"
            " save_to_disk()"
        )
    files = state.get("_data_files")
    names = (
        [one.get("filename") for one in files if isinstance(one, dict)]
        if isinstance(files, list)
        else []
    )
    if not names or not all(_plain(name) for name in names):
        raise InputError(f"{folder / 'state.json'} does not list data files: save it again")
    said = state.get("_split")
    found = [
        Shard(folder / str(name), split or (said if isinstance(said, str) else ""))
        for name in names
    ]
    for shard in found:
        if not shard.path.is_file():
            raise InputError(f"{folder / 'state.json'} names {shard.path.name}, which is missing")
    return found


def _plain(name: Any) -> bool:
    """Return True for the name of a file or folder that leads nowhere else."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def _index(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise InputError(f"{file} is not a JSON object")
    return found
