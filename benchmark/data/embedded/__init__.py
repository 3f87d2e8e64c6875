"""The embedded data set: real and synthetic speech built from hash-pinned wheels of PyPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.data.embedded.builder import babble_segments, build, complete, read

__all__ = ["babble_segments", "build", "complete", "read"]


def __getattr__(name: str) -> Any:
    """The builder's names, on first use: it needs torch, and the catalogue beside it does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from benchmark.data.embedded import builder

    return getattr(builder, name)
