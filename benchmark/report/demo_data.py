"""The mark of results on the embedded data set, which is there for trying things out."""

from __future__ import annotations

from benchmark.data.embedded.card import NAME

MARK = "demo data: do not cite"


def is_demo(data: str) -> bool:
    """Return whether a data set, by its name, is the embedded one."""
    return data == NAME
