"""Save and restore interrupted training."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers and texts of a schedule's state, without its methods."""
    return {k: v for k, v in state.items() if isinstance(v, int | float | str | bool | list)}


def read(path: Path, key: str, title: str) -> dict[str, Any] | None:
    """Return the state that a killed training left in `path`, if its key is `key`.

    Where it cannot be used, that is said on standard error; `title` names the training there.
    """
    if not path.is_file():
        return None
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        tqdm.write(f"{path} is damaged ({error}): training begins anew", file=sys.stderr)
        return None
    if saved.get("key") != key:
        tqdm.write(f"{path} is of another training: this one begins anew", file=sys.stderr)
        return None
    tqdm.write(f"{title}: goes on after epoch {len(saved['history'])}", file=sys.stderr)
    return dict(saved)
