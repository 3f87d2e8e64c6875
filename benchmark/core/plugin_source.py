"""The source of registered items: which files define an attack or a detector, and their digest.

What LaunderBench brings along has versions that tests guard, and no digest. Everything else is a
plugin, whose source is part of its identity: changed code gives other keys, never mixed scores.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

DIGITS = 16  # hex digits of a digest in an identity
OURS = ("attacks", "detectors")  # packages that take files dropped flat
SHIPPED = (*OURS, "noises", "benchmark")


@dataclass(frozen=True)
class Source:
    """The files that define an item, as they were when it was registered.

    files  : name and SHA-256 (hex) of each file; () for what LaunderBench brings along
    opened : whether the item came through a door for plugins, not from a script or a notebook
    """

    files: tuple[tuple[str, str], ...] = ()
    opened: bool = False

    @property
    def suffix(self) -> str:
        """Return `@` and a digest of the files for an identity; '' for what is brought along."""
        if not self.files:
            return ""
        if len(self.files) == 1:  # whatever the file is called
            return f"@{self.files[0][1][:DIGITS]}"
        text = "".join(f"{name}\0{sha256}\n" for name, sha256 in self.files)
        return f"@{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"


_known: WeakKeyDictionary[type, Source] = WeakKeyDictionary()


def record(item: object, opened: bool) -> None:
    """Note the source of a class as it is registered, before its files can change."""
    if isinstance(item, type):
        _known[item] = _read(item, opened)


def of(item: type) -> Source:
    """Return the source of a class, or of the one that it only configures."""
    for base in item.__mro__:
        if base in _known and base.__module__ == item.__module__:
            return _known[base]
    return _known.setdefault(item, _read(item, opened=False))


def _read(item: type, opened: bool) -> Source:
    module = sys.modules.get(item.__module__)
    if module is not None and _is_shipped(module):
        return Source()
    files = () if module is None else _files(module)
    return Source(files or ((item.__qualname__, _definition(item)),), opened)


def _is_shipped(module: ModuleType) -> bool:
    """Check whether a module is one of LaunderBench and was not dropped flat into its packages."""
    top, *below = module.__name__.split(".")
    flat = top in OURS and len(below) == 1 and not hasattr(module, "__path__")
    return top in SHIPPED and not flat


def _files(module: ModuleType) -> tuple[tuple[str, str], ...]:
    """Return all Python files of the package of a plugin, or its only file; () if it has none.

    A file dropped flat into a package of ours is alone, and so is one that is given by path.
    """
    path = _path(module) if module.__name__.partition(".")[0] in OURS else _root(module)
    try:
        if path is None or path.name != "__init__.py":
            return () if path is None else ((path.name, _sha256(path)),)
        folder = path.parent
        found = sorted(file.relative_to(folder.parent).as_posix() for file in folder.rglob("*.py"))
        return tuple((name, _sha256(folder.parent / name)) for name in found)
    except OSError:  # for example, a module in a ZIP archive
        return ()


def _root(module: ModuleType) -> Path | None:
    """Return the file of the outermost package that has one, or of the module itself."""
    parts = module.__name__.split(".")
    outer = (sys.modules.get(".".join(parts[:count])) for count in range(1, len(parts)))
    paths = (_path(found) for found in (*outer, module) if found is not None)
    return next((path for path in paths if path is not None), None)


def _path(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(str(file)) if file else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _definition(item: type) -> str:
    """Hash (hex) what a class without a file defines; where that is unknown, a random text.

    A class of a notebook has no file, but Python keeps the text of its functions.
    """
    texts = []
    for name, value in sorted(vars(item).items()):
        if isinstance(value, (bool, int, float, str, tuple)) and not name.startswith("__"):
            texts.append(f"{name} = {value!r}")
        function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
        code = getattr(function, "__code__", None)
        if code is None or code.co_filename == "<string>":  # the second is made by `dataclass`
            continue
        try:
            texts.append(inspect.getsource(function))  # type: ignore[arg-type]
        except (OSError, TypeError):
            texts.append(uuid.uuid4().hex)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def files_of(items: Iterable[object]) -> dict[str, str]:
    """Return the SHA-256 (hex) of every plugin file of the classes `items`, by its name.

    Of several files with one name, all but the first have a number in it.
    """
    every = {file: None for item in items if isinstance(item, type) for file in of(item).files}
    found: dict[str, str] = {}
    for name, sha256 in sorted(every):
        number = 1 + sum(known.partition(" ")[0] == name for known in found)
        found[name if number == 1 else f"{name} ({number})"] = sha256
    return found
