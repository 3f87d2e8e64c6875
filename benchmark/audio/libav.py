"""PyAV, which all code gets from here, so that MP3 is encoded at LAME's real speed.

The LAME inside PyAV's wheel runs as if it had been compiled without optimisation. The package
`lameenc` brings the same version, optimised. Loaded with global symbols before PyAV, it is the one
that the dynamic linker gives to libavcodec. That happens only where both encode the same bytes;
otherwise PyAV's own encodes, and `lame` says why. LAUNDERBENCH_LAME=pyav asks for PyAV's own.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import sys
import threading
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmark.audio import lame_library
from benchmark.core.errors import InputError

VARIABLE = "LAUNDERBENCH_LAME"
OWN = "pyav"

_choosing = threading.Lock()


@dataclass(frozen=True)
class Lame:
    """The LAME that encodes MP3 in this process.

    version : as the library states it; empty where that cannot be asked
    package : name and version of the package that it comes from
    reason  : why it is PyAV's own; empty where it is not
    """

    version: str
    package: str
    reason: str = ""

    def __str__(self) -> str:
        why = f"; {self.reason}" if self.reason else ""
        return f"{self.version or 'unknown version'} ({self.package}{why})"


def module() -> Any:
    """Return the module `av`; raise `InputError` if LAUNDERBENCH_LAME has no known value."""
    lame()
    import av

    return av


def lame() -> Lame:
    """Return the LAME of this process; the first call loads it, and PyAV after it."""
    with _choosing:
        return _chosen()


@cache
def _chosen() -> Lame:
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", OWN):
        raise InputError(f"{VARIABLE} is {wanted!r}; leave it unset, or set it to {OWN}")
    own = _only("libmp3lame")
    reason = f"{VARIABLE}={OWN}" if wanted else _load_optimised(own)
    import av

    if reason is None:
        return Lame(_stated(own), f"lameenc {metadata.version('lameenc')}")  # the same version
    return Lame(_stated(own), f"PyAV {av.__version__}", reason)


def _load_optimised(own: Path | None) -> str | None:
    """Load the LAME of `lameenc` for libavcodec; return why that is not possible, None if done."""
    if (sys.platform, platform.machine(), platform.libc_ver()[0]) != ("linux", "x86_64", "glibc"):
        return "its bytes were compared on Linux x86-64 with glibc only"
    if "av" in sys.modules:
        return "av was imported before"
    if lame_library.is_global():
        return "a LAME with global symbols was loaded before, which may encode instead"
    libavcodec = _only("libavcodec")
    if own is None or libavcodec is None:
        return "PyAV is not the wheel that carries LAME"
    found = importlib.util.find_spec("lameenc")
    if found is None or found.origin is None or not any(metadata.distributions(name="lameenc")):
        return "lameenc is not installed"
    optimised = Path(found.origin)
    if different := lame_library.difference(optimised, own, libavcodec):
        return f"that of lameenc is not used: {different}"
    lame_library.make_global(optimised)
    return None


def _only(name: str) -> Path | None:
    """Return the one library of that name inside PyAV's wheel; None without exactly one."""
    found = importlib.util.find_spec("av")
    if found is None or found.origin is None:
        return None
    files = list(Path(found.origin).parents[1].glob(f"av.libs/{name}-*.so*"))
    return files[0] if len(files) == 1 else None


def _stated(library: Path | None) -> str:
    if library is None:
        return ""
    return lame_library.version(ctypes.CDLL(str(library)))
