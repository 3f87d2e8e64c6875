"""What the pages of this process serve: the desk, the detectors, the limits, the results.

The server sets it before it starts, because Streamlit runs the pages as scripts without arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.web.desk import Desk
from benchmark.web.limits import Limits


@dataclass(frozen=True)
class Site:
    """One running server.

    detectors : their names, in order, with a line about each
    results   : folder whose leaderboards are shown
    """

    desk: Desk
    detectors: dict[str, str]
    limits: Limits
    results: Path


_site: Site | None = None


def use(site: Site) -> None:
    """Serve this from now on."""
    global _site
    _site = site


def current() -> Site:
    """Return what is served; only `launderbench serve` makes it."""
    if _site is None:
        raise RuntimeError("no server has been started in this process")
    return _site
