"""Archives that are bombs or traps: refused in bounded memory, and nothing is written elsewhere."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from benchmark.assets import archives
from benchmark.core.errors import InputError

BOMB = 48 << 20  # bytes of a header, which compress to a thousandth
FEW = 16 << 20  # bytes of memory that refusing it may take


def header(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def member(name: str, content: bytes) -> bytes:
    return header(name, tarfile.REGTYPE, len(content)) + padded(content)


def packed(path: Path, *blocks: bytes) -> Path:
    with gzip.open(path, "wb", compresslevel=6) as file:
        for block in (*blocks, bytes(1024)):
            file.write(block)
    return path


def refused(archive: Path, out: Path) -> str:
    """Return why an archive is refused; fails if that takes much memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as told:
            archives.unpack(archive, out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < FEW, f"{peak >> 20} MiB"
    assert archive.name in str(told.value) and "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE,
             tarfile.SOLARIS_XHDTYPE]
)  # fmt: skip
def test_a_bomb_of_a_header_is_not_read(tmp_path: Path, kind: bytes) -> None:
    bomb = packed(
        tmp_path / "bomb.tar.gz",
        header("x", kind, BOMB), padded(b"a" * BOMB), member("a.wav", b"1"),
    )  # fmt: skip
    assert "header" in refused(bomb, tmp_path / "out")


def test_headers_count_as_unpacked_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FLOOR", 1 << 20)
    size = 1 << 19
    comment = f"{size} comment=".encode().ljust(size - 1, b"a") + b"\n"
    one = header("x", tarfile.XHDTYPE, size) + comment + member("b", b"")
    bomb = packed(tmp_path / "bomb.tar.gz", *([one] * 20))
    assert "more than 50 times" in refused(bomb, tmp_path / "out")


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    old = packed(tmp_path / "old.tar.gz", header("a.wav", tarfile.GNUTYPE_SPARSE, 0))
    assert "sparse" in refused(old, tmp_path / "out")
    pax = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    new = packed(
        tmp_path / "new.tar.gz",
        header("x", tarfile.XHDTYPE, len(pax)), padded(pax), member("a.wav", b"99999"),
    )  # fmt: skip
    assert "sparse" in refused(new, tmp_path / "out")


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_every_compression_of_tar_is_read(tmp_path: Path, ending: str) -> None:
    archive = tmp_path / f"a.{ending}"
    mode = "w" if ending == "tar" else f"w:{ending[4:]}"
    long = "d/" * 100 + "ü.wav"
    with tarfile.open(archive, mode) as file:  # type: ignore[call-overload]
        for name in ("one.wav", long):
            info = tarfile.TarInfo(name)
            info.size = 3
            file.addfile(info, io.BytesIO(b"abc"))
    assert archives.unpack(archive, tmp_path / "out") == 2
    assert (tmp_path / "out" / long).read_bytes() == b"abc"


def test_a_bomb_in_a_zip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FLOOR", 1 << 20)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.wav", bytes(BOMB))
    assert "more than 50 times" in refused(bomb, tmp_path / "out")


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_nothing_is_written_through_a_link(tmp_path: Path, ending: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"old")
    out = tmp_path / "out"
    out.mkdir()
    (out / "wav").symlink_to(elsewhere)
    archive = tmp_path / f"a.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("wav/kept", b"new")
    else:
        packed(archive, member("wav/kept", b"new"))
    with pytest.raises(InputError, match="through the link"):
        archives.unpack(archive, out)
    assert (elsewhere / "kept").read_bytes() == b"old"
    (out / "wav").unlink()
    (out / "wav").mkdir()
    os.link(elsewhere / "kept", out / "wav" / "kept")  # a second name of that file
    archives.unpack(archive, out)
    assert (elsewhere / "kept").read_bytes() == b"old"
    assert (out / "wav" / "kept").read_bytes() == b"new"


def test_a_pipe_in_the_place_of_a_member_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "a.wav")
    archives.unpack(packed(tmp_path / "a.tar.gz", member("a.wav", b"1")), tmp_path / "out")
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"1"
