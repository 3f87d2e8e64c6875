"""Helpers of the reader tests: text files, short sounds, files of `datasets`, row counts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import soundfile

from tests.support import builders

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])  # a column of `datasets`


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sound(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, builders.voice(1, 0.1), 16000, format="WAV")


def counts(table: pd.DataFrame, *columns: str) -> dict[object, int]:
    return table.groupby(list(columns) if len(columns) > 1 else columns[0]).size().to_dict()


def encoded(seconds: float = 0.1) -> bytes:
    """The bytes of a short WAV file."""
    file = io.BytesIO()
    soundfile.write(file, builders.voice(1, seconds), 16000, format="WAV")
    return file.getvalue()


def hub_table(rows: list[dict[str, object]], names: list[str] | None = None) -> pa.Table:
    """Rows as `datasets` stores them: a column audio of files, class names in the schema."""
    features: dict[str, object] = {"audio": {"_type": "Audio"}}
    if names:
        features["label"] = {"names": names, "_type": "ClassLabel"}
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    files = {k for k, v in columns.items() if isinstance(v[0], dict) and "bytes" in v[0]}
    arrays = {k: pa.array(v, AUDIO if k in files else None) for k, v in columns.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.table(arrays).replace_schema_metadata(metadata)


def save_arrow(table: pa.Table, folder: Path, split: str = "") -> None:
    """Write a table as `save_to_disk` does."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "data-00000-of-00001.arrow"
    with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table, max_chunksize=1000)
    state = {"_data_files": [{"filename": name}], "_split": split or None, "_indices_files": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
