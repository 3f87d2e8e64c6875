"""Unpacking of the audio files inside Parquet and Arrow files, once, into the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import posixpath
import shutil
import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.audio.endings import AUDIO_ENDINGS
from benchmark.core import atomic_files, paths
from benchmark.core.errors import InputError
from benchmark.core.progress import each, progress_bar
from benchmark.data.cleaning import clean_paths
from benchmark.data.file_hashes import MISSING, file_digests
from benchmark.data.readers.arrow_tables import reading, text_columns
from benchmark.data.readers.hub_files import Shard

FORMAT = 1  # raised when the same files would be unpacked otherwise
BLOCK = 32  # rows in memory at a time
BUFFER = 1 << 20  # bytes read at a time: else a whole row group is
TABLE = "rows.parquet"
INNER = "inner_path"  # the path that the data set writes next to the bytes
_ROOM = "set LAUNDERBENCH_CACHE to a folder with room"
_MAGIC = (
    (b"RIFF", ".wav"), (b"RF64", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"),
    (b"FORM", ".aiff"), (b"\xff\xfb", ".mp3"), (b"\xff\xf3", ".mp3"), (b"\xff\xf2", ".mp3"),
)  # fmt: skip


def unpacked(root: Path, files: Sequence[Shard], audio: str) -> tuple[Path, pd.DataFrame]:
    """Return the folder of the unpacked audio and the table of rows: path, split, text columns.

    The folder is named by the content of the files, so that it is made once. Without `audio` (the
    name of a column), nothing is unpacked. Raises `InputError` if a file is damaged or the cache
    cannot be written.
    """
    if not audio:
        return root, pd.concat([_rows(shard, None, "") for shard in files], ignore_index=True)
    home = paths.cache() / "hub"
    folder = home / _key(root, files, audio)
    if not (folder / TABLE).is_file():
        with _locked(home):
            if not (folder / TABLE).is_file():  # another process may have been faster
                _unpack(files, audio, folder, root)
    return folder, pd.read_parquet(folder / TABLE)


def _key(root: Path, files: Sequence[Shard], audio: str) -> str:
    names = [shard.path.relative_to(root).as_posix() for shard in files]
    hashed = each(names, "hashing data files", "file")
    digests = [file_digests(root, [name])[0] for name in hashed]
    if MISSING in digests:
        raise InputError(f"{root / names[digests.index(MISSING)]} is missing")
    text = "\n".join([f"{FORMAT} {audio}", *map(str, zip(names, digests, strict=True))])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    try:
        with atomic_files.lock(home / ".lock", "audio of a data set is being unpacked"):
            yield
    except InputError as error:
        if str(error).startswith(f"cannot write {home / '.lock'}"):
            raise InputError(f"the audio cannot be unpacked: {error}; {_ROOM}") from error
        raise


def _unpack(files: Sequence[Shard], audio: str, folder: Path, root: Path) -> None:
    """Write the audio of all rows into a folder that gets its name when it is complete."""
    for left in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    needed = sum(shard.path.stat().st_size for shard in files)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        if shutil.disk_usage(folder.parent).free < needed:
            raise InputError(
                f"{root}: unpacking the audio needs about {needed / 1e9:.1f} GB in {folder.parent},"
                f" which has less: {_ROOM}"
            )
        temporary.mkdir()
        rows = _count(files)
        with progress_bar(desc="unpacking audio", total=rows or None, unit="file") as bar:
            parts = []
            for number, shard in enumerate(files):
                inside = temporary / f"{number:05d}"
                inside.mkdir()
                parts.append(_rows(shard, inside, audio, bar))
        pd.concat(parts, ignore_index=True).to_parquet(temporary / TABLE)
        temporary.replace(folder)
    except OSError as error:
        raise InputError(
            f"{root}: the audio cannot be unpacked into {folder.parent}"
            f" ({error.strerror or error}): {_ROOM}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _count(files: Sequence[Shard]) -> int:
    """Return the number of rows, for the bar; 0 for Arrow files, which do not say it."""
    if any(shard.path.suffix == ".arrow" for shard in files):
        return 0
    return sum(reading(s.path, partial(pq.read_metadata, s.path)).num_rows for s in files)


def _rows(shard: Shard, inside: Path | None, audio: str, bar: Any = None) -> pd.DataFrame:
    """Return the rows of one file; write their audio into the folder `inside`, block by block."""
    parts: list[pd.DataFrame] = []
    row = 0
    blocks = _blocks(shard.path)
    while True:
        block = reading(shard.path, lambda: next(blocks, None))
        if block is None:
            break
        columns = reading(shard.path, partial(text_columns, block, shard.path))
        columns.pop("hub_split", None)
        part = pd.DataFrame(columns, index=range(block.num_rows), dtype=object)
        if inside is not None:
            part = part.drop(columns=[c for c in ("path", INNER) if c in part])
            part["path"], part[INNER] = _write(block.column(audio), inside, row, bar)
        parts.append(part.assign(hub_split=shard.split))
        row += block.num_rows
    if not parts:
        return pd.DataFrame({"hub_split": []}, dtype=object)
    return pd.concat(parts, ignore_index=True)


def _blocks(file: Path) -> Iterator[pa.RecordBatch]:
    if file.suffix == ".arrow":
        yield from _arrow_blocks(file)
        return
    with pq.ParquetFile(
        file, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True
    ) as table:
        yield from table.iter_batches(batch_size=BLOCK, use_threads=False)


def _arrow_blocks(file: Path) -> Iterator[pa.RecordBatch]:
    """Read from a memory map, so that a record batch of any size takes no memory of its own."""
    with file.open("rb") as handle:
        mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    with pa.ipc.open_stream(pa.py_buffer(mapped)) as stream:
        for batch in stream:
            for start in range(0, batch.num_rows, BLOCK):
                yield batch.slice(start, BLOCK)
                if hasattr(mmap, "MADV_DONTNEED"):  # pages that were read would pile up
                    mapped.madvise(mmap.MADV_DONTNEED)


def _write(column: pa.Array, inside: Path, first: int, bar: Any) -> tuple[list[str], list[str]]:
    """Write the audio of one block; return paths in the folder, and those that the rows give."""
    names, inner = [], []
    for number, cell in enumerate(column, first):
        value = cell.as_py() or {}
        content, said = value.get("bytes"), value.get("path") or ""
        said = posixpath.normpath(clean_paths([str(said)], Path("/nowhere"))[0]) if said else ""
        # the row number alone makes the name: what the data set writes never leads elsewhere
        name = f"{number:07d}{_ending(content or b'', said)}"
        if content:
            (inside / name).write_bytes(content)
        names.append(f"{inside.name}/{name}")  # without content it has no file, as is said later
        inner.append(said)
        if bar is not None:
            bar.update()
    return names, inner


def _ending(content: bytes, said: str) -> str:
    for magic, ending in _MAGIC:
        if content.startswith(magic):
            return ending
    if content[4:8] == b"ftyp":
        return ".m4a"
    ending = os.path.splitext(said)[1].lower()  # noqa: PTH122 - of a name, not of a file
    return ending if ending in AUDIO_ENDINGS else ".wav"
