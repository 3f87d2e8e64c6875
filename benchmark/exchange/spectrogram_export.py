"""Export of clean or laundered spectrograms, identical to the inputs of the image detectors.

    DIR/CONDITION/png/ID.png                one image per utterance, 224 x 224, magma
    DIR/CONDITION/{npy,hdf5}/shard-N.*      uint8 (n, 3, 224, 224), in the order of metadata.csv
    DIR/metadata.csv                        condition, id, path, index in the shard, label, ...

Utterances are processed in shards. Every finished shard has a record of its inputs. A later call
computes only shards without a record, with other audio, another attack or seed, or with changed
files.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image as Picture
from tqdm import tqdm

from attacks.contract.base import AttackError, Wave
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import launder
from attacks.contract.precomputed import made
from benchmark import frontends
from benchmark.audio import reader
from benchmark.core import atomic_files
from benchmark.core.errors import InputError, unknown
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.data.protocol import ABSENT, Protocol
from benchmark.data.trial_table import digest_column, path_column, rows_of, with_digests
from benchmark.exchange.score_formats import file_id
from benchmark.frontends.specs import Image
from benchmark.laundering.output_layout import RECORDS, folder_names
from benchmark.scores.unit_keys import shards
from benchmark.workers.start import start_process

SPEC = Image()  # 128 mels of the first 4 s at 22,050 Hz
METADATA = "metadata.csv"
FORMAT = 1
FEW = 16  # up to this number of utterances, no worker processes are started

Pixels = npt.NDArray[np.uint8]
Row = dict[str, Any]


@dataclass(frozen=True)
class SpectrogramShard:
    """Some utterances under one condition, as plain data that can be sent to a worker.

    utterances : (id, file below `root`, SHA-256 of the file)
    folder     : the name of the condition's folder
    """

    number: int
    condition: str
    identity: str
    folder: str
    root: Path
    utterances: tuple[tuple[str, str, str], ...]
    out: Path
    kind: str
    seed: int

    def key(self) -> str:
        """Return a hash (hex) of everything that determines the pixels and the file names."""
        parts = [FORMAT, repr(SPEC), self.kind, self.identity, self.seed, self.folder]
        return hashlib.sha256(json.dumps([parts, self.utterances]).encode()).hexdigest()

    def record(self) -> Path:
        """Return the path of the shard's record."""
        return self.out / RECORDS / self.folder / self.kind / f"{self.number:05d}.json"


def make(
    protocol: Protocol,
    conditions: Sequence[Condition],
    out: Path,
    kind: str,
    seed: int,
    workers: int | None,
    plugins: Sequence[Path] = (),
) -> pd.DataFrame:
    """Write the missing spectrograms, with a progress bar, and the metadata table; return it.

    kind    : png, npy or hdf5
    workers : None = one per core, or none for up to 16 utterances

    The table has one row per utterance and condition: condition, utterance_id, path (below `out`),
    index (in its shard), label, speaker, spoof_system, split, source, failure and cause (both empty
    for a written spectrogram). Raises `InputError` for an unknown kind, a ready-made condition that
    the data set lacks, or HDF5 without h5py.
    """
    if kind not in WRITERS:
        raise unknown("kind of spectrogram file", kind, WRITERS)
    if kind == "hdf5":
        _h5py()
    jobs = _shards(protocol, conditions, out, kind, seed)
    rows: dict[tuple[str, int], list[Row]] = {}
    todo = []
    for shard in jobs:
        finished = _finished_rows(shard)
        if finished is None:
            todo.append(shard)
        else:
            rows[shard.folder, shard.number] = finished
    left = sum(len(shard.utterances) for shard in todo)
    if workers is None:
        workers = 0 if left <= FEW else cores()
    total = sum(len(shard.utterances) for shard in jobs)
    with tqdm(
        total=total, initial=total - left, desc="spectrograms", unit="file", disable=not left
    ) as bar, one_thread():  # fmt: skip
        parts: Iterator[tuple[tuple[str, int], list[Row]]] = map(_compute, todo)
        if workers:
            parts = pooled(_compute, todo, workers, start_process, (tuple(plugins),))
        for place, shard_rows in parts:
            rows[place] = shard_rows
            bar.update(len(shard_rows))
    ordered = [row for shard in jobs for row in rows[shard.folder, shard.number]]
    table = pd.DataFrame(ordered)
    known = ["utterance_id", "label", "speaker", "spoof_system", "split", "source"]
    table = table.merge(protocol.table[known], on="utterance_id", how="left", sort=False)
    columns = ["condition", "utterance_id", "path", "index", *known[1:], "failure", "cause"]
    table = table[columns]
    atomic_files.write(out / METADATA, table.to_csv(index=False, lineterminator="\n"))
    return table


def pictures(waves: Sequence[Wave]) -> Pixels:
    """Return the images of 16 kHz waves, uint8 (n, 3, 224, 224).

    Each is computed separately, so that it does not depend on the other waves.
    """
    device = torch.device("cpu")
    with torch.inference_mode():
        each = [
            frontends.picture(SPEC, frontends.waveforms(SPEC.waveform, [wave], device))
            for wave in waves
        ]
    return torch.cat(each).numpy() if each else np.zeros((0, 3, *SPEC.size), np.uint8)


def _shards(
    protocol: Protocol, conditions: Sequence[Condition], out: Path, kind: str, seed: int
) -> list[SpectrogramShard]:
    digested = with_digests(protocol, allow_missing=True).table
    spellings = [str(condition) for condition in conditions]
    found = []
    for condition, folder in zip(conditions, folder_names(spellings), strict=True):
        name = made(condition)
        columns = ("utterance_id", path_column(name), digest_column(name))
        if columns[1] not in digested:
            raise unknown("ready-made condition of the data set", name, protocol.made())
        every = rows_of(digested, *columns)
        found += [
            SpectrogramShard(
                number, str(condition), condition.identity(), folder, protocol.root,
                tuple(every[start:stop]), out, kind, seed,
            )
            for number, (start, stop) in enumerate(shards(len(every)))
        ]  # fmt: skip
    return found


def _compute(shard: SpectrogramShard) -> tuple[tuple[str, int], list[Row]]:
    """Read, launder and render a shard; write its files and, if nothing failed, its record."""
    rows: list[Row] = []
    waves: list[Wave] = []
    for uid, path, _ in shard.utterances:
        row: Row = {"condition": shard.condition, "utterance_id": uid, "path": "", "index": ""}
        rows.append(row | {"failure": "", "cause": ""})
        try:
            if path == ABSENT:
                raise reader.AudioError(f"{uid}: the data set brings no such audio of it")
            wave = reader.read(shard.root / path)
            condition = _condition(shard.condition)
            waves.append(launder(condition, wave, reader.SAMPLE_RATE, uid, shard.seed).wave)
        except reader.AudioError as error:
            rows[-1] |= {"failure": "unreadable", "cause": str(error)}
        except AttackError as error:
            rows[-1] |= {"failure": "attack", "cause": str(error)}
    drawn = [row for row in rows if not row["failure"]]
    written = WRITERS[shard.kind](shard, drawn, pictures(waves)) if drawn else {}
    if len(drawn) == len(rows):
        facts = {"key": shard.key(), "files": written, "rows": rows}
        atomic_files.write(shard.record(), json.dumps(facts))
    return (shard.folder, shard.number), rows


def _finished_rows(shard: SpectrogramShard) -> list[Row] | None:
    """Return the rows of a finished shard with unchanged inputs and files, else None."""
    try:
        facts = json.loads(shard.record().read_text(encoding="utf-8"))
        if facts["key"] != shard.key():
            return None
        for name, digest in facts["files"].items():
            if hashlib.sha256((shard.out / name).read_bytes()).hexdigest() != digest:
                return None
        return list(facts["rows"])
    except (OSError, ValueError, KeyError):
        return None  # missing or damaged: the shard is computed again


def _png(shard: SpectrogramShard, rows: list[Row], pixels: Pixels) -> dict[str, str]:
    written: dict[str, str] = {}
    for row, one in zip(rows, pixels, strict=True):
        row["path"] = f"{shard.folder}/png/{file_id(row['utterance_id'])}.png"
        buffer = io.BytesIO()
        Picture.fromarray(np.ascontiguousarray(one.transpose(1, 2, 0))).save(buffer, "PNG")
        written |= _write(shard, row["path"], buffer.getvalue())
    return written


def _npy(shard: SpectrogramShard, rows: list[Row], pixels: Pixels) -> dict[str, str]:
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return _write(shard, _shard_path(shard, rows, "npy"), buffer.getvalue())


def _hdf5(shard: SpectrogramShard, rows: list[Row], pixels: Pixels) -> dict[str, str]:
    """Write the datasets `images` and `utterance_id`, both in the order of the metadata."""
    buffer = io.BytesIO()
    h5py = _h5py()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("images", data=pixels, chunks=(1, *pixels.shape[1:]), compression=1)
        names = [row["utterance_id"] for row in rows]
        file.create_dataset("utterance_id", data=names, dtype=h5py.string_dtype())
    return _write(shard, _shard_path(shard, rows, "h5"), buffer.getvalue())


def _shard_path(shard: SpectrogramShard, rows: list[Row], ending: str) -> str:
    """Return the path of the shard's file; set path and index of every row."""
    path = f"{shard.folder}/{shard.kind}/shard-{shard.number:05d}.{ending}"
    for index, row in enumerate(rows):
        row |= {"path": path, "index": index}
    return path


def _write(shard: SpectrogramShard, path: str, content: bytes) -> dict[str, str]:
    atomic_files.write(shard.out / path, content)
    return {path: hashlib.sha256(content).hexdigest()}


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            "HDF5 files need h5py: pip install 'launderbench[hdf5]', or use --kind npy"
        ) from error
    return h5py


@lru_cache(maxsize=1024)
def _condition(spelling: str) -> Condition:
    return parse(spelling)


WRITERS: dict[str, Callable[[SpectrogramShard, list[Row], Pixels], dict[str, str]]] = {
    "png": _png,
    "npy": _npy,
    "hdf5": _hdf5,
}
