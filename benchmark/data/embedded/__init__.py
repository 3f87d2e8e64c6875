"""The embedded data set: human and synthetic speech built from hash-pinned PyPI wheels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.data.embedded.builder import (
        babble_segments,
        build,
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


def __getattr__(name: str) -> Any:
    """Import the builder's names on first use: the builder needs torch, this package does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from benchmark.data.embedded import builder

    return getattr(builder, name)
