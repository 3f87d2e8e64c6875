"""Modules with one line broken, to see that a test finds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

import pytest


def require_found(module: ModuleType, old: str, new: str, check: Callable[[], None]) -> None:
    """Fail unless `check` raises `AssertionError` while `old` in the module's source is `new`.

    Only functions of the module are exchanged; `old` must be there once.
    """
    path = Path(str(module.__file__))
    source = path.read_text()
    assert source.count(old) == 1, old
    broken = ModuleType(module.__name__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, broken)  # for its dataclasses
        exec(compile(source.replace(old, new), path.name, "exec"), vars(broken))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in vars(broken).items():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                patch.setattr(module, name, value)
        with pytest.raises(AssertionError):
            check()
