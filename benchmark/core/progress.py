"""Progress bars, shown on standard error unless a command is asked to be quiet."""

from __future__ import annotations

from typing import Any, cast

from tqdm import tqdm

_hidden = False


def progress_bar(*arguments: Any, disable: bool | None = False, **settings: Any) -> tqdm[Any]:
    """Return a progress bar of tqdm with these arguments; `disable` None: on a terminal only."""
    made = tqdm(*arguments, disable=True if _hidden else disable, **settings)  # type: ignore[call-overload]
    return cast("tqdm[Any]", made)


def hide(hidden: bool) -> bool:
    """Show no bars in this process from now on, or show them again; return what held before."""
    global _hidden
    before, _hidden = _hidden, hidden
    return before
