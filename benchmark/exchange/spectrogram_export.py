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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image as Picture

from attacks.contract.base import Wave
from attacks.contract.condition import Condition, parse
from attacks.contract.precomputed import made
from benchmark import frontends
from benchmark.core import atomic_files
from benchmark.core.errors import InputError, unknown
from benchmark.core.parallel import one_thread, processes, spread
from benchmark.core.progress import progress_bar
from benchmark.data.protocol import Protocol
from benchmark.data.trial_table import digest_column, path_column, rows_of, with_digests
from benchmark.exchange.score_formats import file_id
from benchmark.frontends.specs import Image
from benchmark.laundering import resuming
from benchmark.laundering.engine import launder_each, of_data_set
from benchmark.laundering.failure import Failure
from benchmark.laundering.output_layout import RECORDS, folder_names
from benchmark.scores.unit_keys import shards
from benchmark.workers.context import ALONE, ProcessContext
from benchmark.workers.start import start_process

SPEC = Image()  # 128 mels of the first 4 s at 22,050 Hz
METADATA = "metadata.csv"
FORMAT = 1

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
        return resuming.key_of([parts, self.utterances])

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
    context: ProcessContext = ALONE,
) -> pd.DataFrame:
    """Write the missing spectrograms, with a progress bar, and the metadata table; return it.

    kind    : png, npy or hdf5
    workers : as in `processes`

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
    total = sum(len(shard.utterances) for shard in jobs)
    with progress_bar(
        total=total, initial=total - left, desc="writing spectrograms", unit="file", shown=left > 0
    ) as bar, one_thread():  # fmt: skip
        todo.sort(key=lambda shard: shard.number)  # so that its utterances stay decoded
        count = processes(workers, left)
        for place, shard_rows in spread(_compute, todo, count, start_process, (context,)):
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
    """Launder and render a shard; write its files and, if nothing failed, its record."""
    condition = parse(shard.condition)
    rows: list[Row] = []
    waves: list[Wave] = []
    for entry in shard.utterances:
        absent = f"{entry[0]}: the data set brings no such audio of it"
        utterance = of_data_set(shard.root, entry, absent)
        (laundered,) = launder_each(utterance, [condition], shard.seed)
        row: Row = {"condition": shard.condition, "utterance_id": utterance.utterance_id}
        rows.append(row | {"path": "", "index": "", "failure": "", "cause": ""})
        if isinstance(laundered.result, Failure):
            rows[-1] |= laundered.result.columns()
        else:
            waves.append(laundered.result.wave)
    drawn = [row for row in rows if not row["failure"]]
    written = WRITERS[shard.kind](shard, drawn, pictures(waves)) if drawn else {}
    if len(drawn) == len(rows):
        resuming.keep(shard.record(), {"key": shard.key(), "files": written, "rows": rows})
    return (shard.folder, shard.number), rows


def _finished_rows(shard: SpectrogramShard) -> list[Row] | None:
    """Return the rows of a finished shard with unchanged inputs and files, else None."""

    def files(record: resuming.Record) -> Mapping[Path, str]:
        return {shard.out / name: digest for name, digest in record["files"].items()}

    record = resuming.kept(shard.record(), shard.key(), files)
    return None if record is None else record.get("rows")


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


WRITERS: dict[str, Callable[[SpectrogramShard, list[Row], Pixels], dict[str, str]]] = {
    "png": _png,
    "npy": _npy,
    "hdf5": _hdf5,
}
