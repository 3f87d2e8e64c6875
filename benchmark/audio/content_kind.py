"""What a file is by its first bytes: MPEG audio, other audio, or something else by name."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.audio.audio_error import AudioError

MPEG = "mpeg"  # MPEG-1 and MPEG-2 audio, layers I to III, without a container
OTHER = "other"

_HEAD = 4096  # bytes that are looked at
_ID3V1 = 128  # bytes of the tag at the end
_OGG_PAGE = 65307  # bytes, at most
# The beginning of a file, without blanks and in small letters -> what it is.
_NOT_AUDIO = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer: fetch it with git lfs pull"),
    (b"/annex/objects/", "a git-annex pointer: fetch it with git annex get"),
    (b"<!doctype html", "an HTML page: the download failed"),
    (b"<html", "an HTML page: the download failed"),
    (b"<?xml", "an XML document"),
    (b"#extm3u", "a playlist: files that it names are not opened"),
    (b"[playlist]", "a playlist: files that it names are not opened"),
    (b"ffconcat", "a playlist: files that it names are not opened"),
    (b"#!amr", ""),  # audio, unlike other text after #!
    (b"#!", "a program"),
    (b'{"', "a JSON document"),
    (b"%pdf-", "a PDF document"),
    (b"\x89png", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"gif8", "a picture"),
    (b"pk\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"rar!", "a RAR archive: unpack it"),
    (b"par1", "a Parquet table"),
    (b"\x93numpy", "a NumPy array"),
    (b"\x7felf", "a program"),
)


def kind_of(path: Path) -> str:
    """Return `MPEG`, or `OTHER`, which may be any other audio, from the content of a file.

    Raises `AudioError` if there is no such file, it is empty, or it is known to be no audio.
    """
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            raise AudioError(f"{path}: is empty (0 bytes)")
        after = _id3_size(head)
        if after:
            file.seek(after)
            body = file.read(_HEAD).lstrip(b"\0")  # some programs pad the tag beyond its size
        else:
            body = head
    start = head[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, meaning in _NOT_AUDIO:
        if start.startswith(mark):
            if meaning:
                raise AudioError(f"{path}: is not audio but {meaning}")
            break
    if not any(head):
        with path.open("rb") as file:
            if not any(any(block) for block in iter(lambda: file.read(1 << 20), b"")):
                raise AudioError(f"{path}: holds nothing but zero bytes")
    known = body.startswith((b"fLaC", b"RIFF", b"FORM", b"OggS")) or body[4:8] == b"ftyp"
    if _is_mpeg_frame(body) or (after and not known and not _is_adts_frame(body)):
        return MPEG  # behind a tag there may be other bytes before the first frame
    return OTHER


def states_length(path: Path) -> bool:
    """Return whether an MPEG file states its number of frames (a Xing, Info or VBRI header)."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(_id3_size(head))
        first = file.read(_HEAD)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def ends_early(path: Path) -> bool:
    """Return whether an Ogg file lacks the page that ends its last stream."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * _OGG_PAGE))
        tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or len(tail) < last + 6 or not tail[last + 5] & 4


def sound_bytes(path: Path) -> int:
    """Return the size of a file without the tags at its start and end, in bytes."""
    with path.open("rb") as file:
        before = _id3_size(file.read(_HEAD))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _ID3V1))
        after = _ID3V1 if file.read(3) == b"TAG" else 0
    return size - before - after


def _id3_size(head: bytes) -> int:
    """Return the size of the ID3v2 tag at the start, in bytes; 0 without one."""
    if len(head) < 10 or not head.startswith(b"ID3") or max(head[6:10]) > 127:
        return 0
    footer = 10 if head[5] & 0x10 else 0
    size = 0
    for byte in head[6:10]:  # seven bits each
        size = size << 7 | byte
    return 10 + footer + size


def _is_mpeg_frame(data: bytes) -> bool:
    """Return whether data begins with the header of a frame of layer I, II or III."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return False
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    bitrate, rate = data[2] >> 4, data[2] >> 2 & 3
    return version != 1 and layer != 0 and bitrate != 15 and rate != 3


def _is_adts_frame(data: bytes) -> bool:
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0
