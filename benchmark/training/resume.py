"""Save and restore interrupted training."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from benchmark.core.log import logger


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers and strings (and lists) of a schedule's state, without its methods."""
    return {k: v for k, v in state.items() if isinstance(v, int | float | str | bool | list)}


def read(path: Path, key: str, title: str) -> dict[str, Any] | None:
    """Return the state that an interrupted training saved in `path`; None if it is unusable.

    A state is usable if its file is intact and its key is `key`. Prints to standard error whether
    the training resumes or starts over; `title` is the name of the training there.
    """
    if not path.is_file():
        return None
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        logger.warning(f"{path} is damaged ({error}): training starts over")
        return None
    if saved.get("key") != key:
        logger.warning(f"{path} belongs to another training: this one starts over")
        return None
    logger.warning(f"{title}: training resumes after epoch {len(saved['history'])}")
    return dict(saved)
