"""One registry, three doors: a file in the package, an installed entry point, a file by path."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from benchmark.core.errors import InputError, unknown

T = TypeVar("T")
FILES = "launderbench_plugin_"  # the modules of files that are given by path


class Registry(Generic[T]):
    """Names to items of one kind, loaded on first use.

    The plugin modules of `package` and every installed entry point in `group` are imported on the
    first look-up: each file directly in the package's folder, and each file in a folder below it
    whose source registers a literal name, as in `@attack("mp3")`. Other files below are machinery,
    and are imported by whoever uses them. A plugin that fails to import costs its own names only:
    the cause is kept in `broken` and quoted when an unknown name is asked for.
    """

    _all: ClassVar[WeakSet[Registry[Any]]] = WeakSet()

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self.broken: dict[str, str] = {}
        self._items: dict[str, T] = {}
        self._loaded = False
        Registry._all.add(self)

    def add(self, name: str, item: T) -> None:
        """Register `item`; a name that is taken raises `InputError` naming both modules."""
        if name in self._items:
            old, new = map(_origin, (self._items[name], item))
            raise InputError(f"{self.kind} {name!r} is registered twice: in {old} and in {new}")
        self._items[name] = item

    def get(self, name: str) -> T:
        """The item called `name`; `InputError` with the nearest names where there is none."""
        self._load()
        if name in self._items:
            return self._items[name]
        error = unknown(self.kind, name, self._items, f"launderbench list {self.kind}s")
        if self.broken:
            causes = "; ".join(f"{plugin}: {cause}" for plugin, cause in self.broken.items())
            error = InputError(f"{error} [plugins that failed to load: {causes}]")
        raise error

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._load()
        return sorted(self._items)

    def load_file(self, path: Path) -> None:
        """Import the plugin file at `path`; here a failure is an `InputError` naming the file.

        A file that fails midway leaves nothing behind, in this registry or any other.
        """
        self._load()
        path = Path(path).resolve()
        if not path.is_file():
            raise InputError(f"plugin file not found: {path}")
        module_name = f"{FILES}{path.stem}"
        if _file_of(module_name) not in ("", str(path)):  # another file of the same stem
            module_name += f"_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        if _file_of(module_name) == str(path):
            return
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise InputError(f"plugin file is not Python: {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        before = [(other, dict(other._items)) for other in Registry._all if other._loaded]
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            sys.modules.pop(module_name, None)
            for other, items in before:
                other._items = items
            raise InputError(f"plugin {path} failed to load: {_cause(error)}") from error

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for module in self._modules():
            self._try(module, lambda name: importlib.import_module(name))
        points = {point.name: point for point in entry_points(group=self.group)}
        for name in sorted(points):
            self._try(name, lambda key: points[key].load())

    def _modules(self) -> list[str]:
        """The names of the plugin modules; those in sub-folders, the project's own, first."""
        registers = re.compile(rb"\b%s\(\s*[\"']" % self.kind.encode())
        roots = [Path(folder) for folder in importlib.import_module(self.package).__path__]
        found = []
        for root in roots:
            for path in root.rglob("*.py"):
                parts = path.relative_to(root).with_suffix("").parts
                if path.name == "__init__.py" or any(part.startswith(".") for part in parts):
                    continue
                flat = len(parts) == 1
                if flat or registers.search(path.read_bytes()):
                    found.append((flat, ".".join((self.package, *parts))))
        return [name for _, name in sorted(found)]

    def _try(self, name: str, load: object) -> None:
        before = dict(self._items)
        try:
            load(name)  # type: ignore[operator]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - recorded, and quoted on a miss
            self._items = before
            self.broken[name] = _cause(error)


def _file_of(module: str) -> str:
    """Return the file of a loaded module; '' where it is not loaded or has none."""
    return str(getattr(sys.modules.get(module), "__file__", "") or "")


def _origin(item: object) -> str:
    """Return where an item was defined: its module, or its file if that was given by path."""
    module = str(getattr(item, "__module__", "?"))
    return _file_of(module) if module.startswith(FILES) else module


def _cause(error: BaseException) -> str:
    """Return the error on one line, with the line of the file where Python names it."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
