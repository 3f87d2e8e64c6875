"""Provenance of the results: versions, commit, machine and time."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmark.audio import libav
from benchmark.workers import plugins

PLUGINS = "plugins"  # the fact that lists plugin files with their SHA-256
_LIBRARIES = (
    "av", "librosa", "numpy", "pandas", "pyarrow", "pyroomacoustics", "scikit-learn", "scipy",
    "soundfile", "soxr", "torch", "torchvision",
)  # fmt: skip

# what is written into `results` is no code: the reference is made in its own checkout
_CODE = (".", ":(exclude)results")


def code() -> dict[str, Any]:
    """Return the versions of package, commit, libraries and plugins of this process (JSON-able)."""
    av = libav.module()
    return {
        "launderbench": metadata.version("launderbench"),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "ffmpeg": {k: ".".join(map(str, v)) for k, v in sorted(av.library_versions.items())},
        "lame": str(libav.lame()),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no", "--", *_CODE)),
        PLUGINS: plugins.files(),
    }


def machine(device: str) -> dict[str, Any]:
    """Return the system, processor, cores, device and GPU (JSON-able).

    device : several CUDA devices are joined by `,`
    """
    import torch

    from benchmark.core.parallel import cores

    gpus = [name for name in device.split(",") if name.startswith("cuda")]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": cores(),
        "device": device,
        "gpu": ", ".join(dict.fromkeys(map(torch.cuda.get_device_name, gpus))) or None,
    }


def now() -> str:
    """Return the current UTC time, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git(*arguments: str) -> str | None:
    """Return the output of a git command in this checkout; None without a checkout or git."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=here, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
