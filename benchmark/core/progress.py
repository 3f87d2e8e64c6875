"""Progress on standard error: what is being done, how much of it is done, and what time is left.

On a terminal a bar is drawn over itself and goes when it ends. Elsewhere, as in the log of a job,
nothing is drawn: work of more than a minute says a plain line every minute, without control
characters. No other module uses tqdm.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO, TypeAlias, TypeVar, cast

from tqdm import tqdm

from benchmark.core import terminal

Bar: TypeAlias = "tqdm[Any]"
Item = TypeVar("Item")

INNER_S = 1.0  # before work inside other work is shown
EACH_S = 60.0  # between two lines where nothing can be drawn
UNKNOWN_SIZE = {"ncols": 79, "nrows": 20}  # of a terminal that does not say it
NO_COLOR = "NO_COLOR"  # see no-color.org

_hidden = False


def progress_bar(
    iterable: Iterable[Any] | None = None,
    desc: str = "",
    total: float | None = None,
    *,
    unit: str = "it",
    shown: bool = True,
    after_s: float = 0.0,
    **settings: Any,
) -> Bar:
    """Return a progress bar of tqdm, over an iterable or to be updated.

    desc    : what is being done; control characters of a file's name in it are escaped
    shown   : False for work that needs no bar
    after_s : seconds before it is shown, for work that is mostly short or inside other work
    """
    where = _on_terminal()
    if where:
        where["delay"] = after_s
    else:
        where = {"file": _Lines(), "ncols": 0}
        where |= dict.fromkeys(("delay", "mininterval", "maxinterval"), EACH_S)
    if os.environ.get(NO_COLOR):
        where["colour"] = None  # whatever TQDM_COLOUR says
    made = tqdm(
        iterable, terminal.printable(desc), total, unit=unit, leave=False,
        disable=_hidden or not shown, **(where | settings),
    )  # fmt: skip
    return cast("Bar", made)


def each(
    items: Iterable[Item],
    desc: str,
    unit: str,
    total: float | None = None,
    after_s: float = 0.0,
) -> Iterable[Item]:
    """Return the items, with a bar that says what is done with them, as `progress_bar` does."""
    return cast("Iterable[Item]", progress_bar(items, desc, total, unit=unit, after_s=after_s))


def say(text: str, stream: TextIO) -> None:
    """Print a line on a stream at once, above the bars that are drawn."""
    above = tqdm.external_write_mode(file=stream) if stream.isatty() else contextlib.nullcontext()
    with above:
        print(text, file=stream, flush=True)


def hide(hidden: bool) -> bool:
    """Show no bars in this process from now on, or show them again; return what held before."""
    global _hidden
    before, _hidden = _hidden, hidden
    return before


def _on_terminal() -> dict[str, Any]:
    """Return how tqdm draws on standard error; {} if that cannot draw a line over itself."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return {}
    known = os.get_terminal_size(sys.stderr.fileno()).columns > 0  # not in every container
    return {"file": sys.stderr} | ({"dynamic_ncols": True} if known else UNKNOWN_SIZE)


class _Lines:
    """A stream that turns what tqdm draws into plain lines on standard error, one in `EACH_S`.

    Whoever holds a bar may draw it at any time, as libraries that download do.
    """

    encoding = "ascii"

    def __init__(self) -> None:
        self._said = time.monotonic()

    def write(self, text: str) -> None:
        """Write the text without what moves the cursor, if anything is left and it is time."""
        plain = text.replace("\r", "").replace("\x1b[A", "").strip()
        now = time.monotonic()
        if plain and now - self._said >= EACH_S:
            self._said = now
            sys.stderr.write(f"{plain}\n")

    def flush(self) -> None:
        """Flush standard error."""
        sys.stderr.flush()
