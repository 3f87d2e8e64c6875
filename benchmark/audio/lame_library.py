"""LAME as a shared library: whether one build may stand in for another, byte for byte."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import numpy as np

PROBE_KBPS = (16, 64, 160)
PROBE_RATE = 16000
PROBE_FRAMES = 4  # of 576 samples, MPEG-2 Layer III
ROOM = 7200  # bytes: what LAME asks for beyond 1.25 bytes a sample
MONO = 3  # `MPEG_mode` in lame.h


def version(library: ctypes.CDLL) -> str:
    """Return the version that a LAME states, as 3.100."""
    library.get_lame_version.restype = ctypes.c_char_p
    return (library.get_lame_version() or b"").decode(errors="replace")


def functions_used(libavcodec: Path) -> list[str]:
    """Return the functions of LAME that a build of libavcodec names."""
    names = set()
    with libavcodec.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        at = raw.find(b"\0lame_")
        while at >= 0:
            end = raw.find(b"\0", at + 1)
            names.add(raw[at + 1 : end].decode(errors="replace"))
            at = raw.find(b"\0lame_", end)
    return sorted(names)


def difference(stand_in: Path, own: Path, libavcodec: Path) -> str | None:
    """Return why `stand_in` may not encode in place of `own` for `libavcodec`; None if it may.

    It must state the same version, have every function that libavcodec names, and encode a probe
    to the same bytes. Both libraries are loaded without giving their symbols to others. No LAME
    may be global before: each of the two would then call functions of that one.
    """
    try:
        theirs, ours = ctypes.CDLL(str(stand_in)), ctypes.CDLL(str(own))
    except OSError as error:
        return f"it cannot be loaded ({error})"
    needed = ["get_lame_version", *functions_used(libavcodec)]
    if missing := [name for name in needed if not hasattr(theirs, name)]:
        return f"it lacks {missing[0]}"
    if version(theirs) != version(ours):
        return f"it is LAME {version(theirs)}, not {version(ours)}"
    if any(_probe(theirs, kbps) != _probe(ours, kbps) for kbps in PROBE_KBPS):
        return "it encodes a probe to other bytes"
    return None


def is_global() -> bool:
    """Return whether this process already has a LAME whose symbols every library would get."""
    return hasattr(ctypes.CDLL(None), "lame_init")


def make_global(library: Path) -> None:
    """Give the symbols of `library` to all libraries that are loaded from now on."""
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _probe(library: ctypes.CDLL, kbps: int) -> bytes | None:
    """Return the MP3 of noise that fades to silence; None if the library refuses it."""
    handle, integer, floats = ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_float)
    library.lame_init.restype = handle
    library.lame_encode_buffer_float.argtypes = [
        handle, floats, floats, integer, ctypes.c_char_p, integer,
    ]  # fmt: skip
    library.lame_encode_flush.argtypes = [handle, ctypes.c_char_p, integer]
    for name in ("lame_init_params", "lame_close"):
        getattr(library, name).argtypes = [handle]
    settings = {
        "in_samplerate": PROBE_RATE, "out_samplerate": PROBE_RATE, "num_channels": 1, "mode": MONO,
        "brate": kbps, "bWriteVbrTag": 0,
    }  # fmt: skip
    wave = np.random.default_rng(0).normal(0, 6000, PROBE_FRAMES * 576).astype(np.float32)
    wave *= np.linspace(1, 0, wave.size, dtype=np.float32)  # LAME's floats are 16-bit full scale
    size = wave.size + wave.size // 4 + ROOM
    coder = library.lame_init()
    if not coder:
        return None
    try:
        for name, value in settings.items():
            setter = getattr(library, f"lame_set_{name}")
            setter.argtypes = [handle, integer]
            setter(coder, value)
        if library.lame_init_params(coder) < 0:
            return None
        out = ctypes.create_string_buffer(size)
        pointer = wave.ctypes.data_as(floats)
        used = library.lame_encode_buffer_float(coder, pointer, pointer, wave.size, out, size)
        if not 0 <= used <= size:
            return None
        coded = out.raw[:used]
        used = library.lame_encode_flush(coder, out, size)
        return coded + out.raw[:used] if 0 <= used <= size else None
    finally:
        library.lame_close(coder)
