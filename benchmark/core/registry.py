"""Register items by name, from files in a package, installed entry points, and files by path."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from benchmark.core import plugin_source
from benchmark.core.errors import InputError, one_line, unknown

T = TypeVar("T")
FILES = "launderbench_plugin_"  # the modules of files that are given by path
FROM_OUTSIDE = re.compile(rb"^\s*(from|import)\s+launderbench\b", re.MULTILINE)


class _Uncached(SourceFileLoader):
    """Compile a file as it is now.

    Python takes bytecode for current if the file has the same size and was last changed in the same
    second: scores of the old code would stand under the digest of the new.
    """

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Registry(Generic[T]):
    """Names to items of one kind, loaded on first use.

    The first look-up imports the plugin modules of `package` and the installed entry points in
    `group`. A plugin module is a file directly in the package's folder, or a file in a folder below
    it whose source registers a literal name, as in `@attack("mp3")`. Other files below are imported
    by the modules that use them; tests (`test_*.py`) are never imported. A plugin that fails to
    import registers nothing, in any registry. `broken` keeps the cause by plugin, and the error for
    an unknown name quotes it.
    """

    _all: ClassVar[WeakSet[Registry[Any]]] = WeakSet()
    _opening: ClassVar[int] = 0  # plugins that are being imported, one inside another

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self.broken: dict[str, str] = {}
        self._items: dict[str, T] = {}
        self._loaded = False
        Registry._all.add(self)

    def add(self, name: str, item: T) -> None:
        """Register `item`; `InputError` names both modules if the name is taken."""
        if name in self._items:
            old, new = map(_origin, (self._items[name], item))
            raise InputError(f"{self.kind} {name!r} is registered twice: in {old} and in {new}")
        self._items[name] = item
        plugin_source.record(item, opened=Registry._opening > 0)

    def remove(self, name: str) -> None:
        """Forget the item called `name`."""
        del self._items[name]

    def get(self, name: str) -> T:
        """Return the item called `name`; `InputError` suggests near names if there is none."""
        self._load()
        if name in self._items:
            return self._items[name]
        error = unknown(self.kind, name, self._items, f"launderbench list {self.kind}s")
        raise InputError(f"{error}{self.failures()}")

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        self._load()
        return sorted(self._items)

    def items(self) -> list[T]:
        """Return all registered items, in the order of their registration."""
        self._load()
        return [*self._items.values()]

    def failures(self) -> str:
        """Return the plugins that failed to load, with the causes, as an addition to an error."""
        causes = "; ".join(f"{plugin}: {cause}" for plugin, cause in self.broken.items())
        return f" [plugins that failed to load: {causes}]" if causes else ""

    def load_file(self, path: Path) -> None:
        """Import the plugin file at `path`, unless a loaded module comes from it already.

        Raises `InputError` naming the file if it fails; it then registers nothing, in any registry.
        """
        self._load()
        path = Path(path).resolve()
        if not path.is_file():
            raise InputError(f"plugin file not found: {path}")
        if _is_loaded(path):
            return
        module_name = f"{FILES}{path.stem}"
        if _file_of(module_name):  # another file of the same stem
            module_name += f"_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise InputError(f"plugin file is not Python: {path}")
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Uncached(module_name, str(path))
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        before = _snapshot()
        try:
            with _opened():
                spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            sys.modules.pop(module_name, None)
            _take_back(before)
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
        """Return the names of the plugin modules, the project's own first.

        Its own lie in folders and never import `launderbench`, as plugins of others do. So a plugin
        that repeats a name fails, and not the module of the project that has it.

        A file is recorded in `broken` if Python would import a package of the same name instead.
        """
        registers = re.compile(rb"\b%s\(\s*[\"']" % self.kind.encode())
        roots = [Path(folder) for folder in importlib.import_module(self.package).__path__]
        found: list[tuple[bool, bool, str]] = []
        for root in roots:
            for path in root.rglob("*.py"):
                parts = path.relative_to(root).with_suffix("").parts
                if path.name.startswith("test_") or any(part.startswith(".") for part in parts):
                    continue
                initial = parts[-1] == "__init__"
                flat = len(parts) == 1
                source = path.read_bytes()
                if (initial and flat) or not (flat or registers.search(source)):
                    continue
                name = ".".join((self.package, *(parts[:-1] if initial else parts)))
                if (path.with_suffix("") / "__init__.py").is_file():
                    file = path.relative_to(root.parent).as_posix()
                    self.broken[name] = f"{file} has the name of a folder: rename it"
                    continue
                found.append((flat, bool(FROM_OUTSIDE.search(source)), name))
        return [name for *_, name in sorted(found)]

    def _try(self, name: str, load: object) -> None:
        before = _snapshot()
        try:
            with _opened():
                load(name)  # type: ignore[operator]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - recorded, and quoted on a miss
            _take_back(before)
            self.broken[name] = _cause(error)


@contextlib.contextmanager
def _opened() -> Iterator[None]:
    """Note that what registers in this block comes through a door for plugins."""
    Registry._opening += 1
    try:
        yield
    finally:
        Registry._opening -= 1


def _snapshot() -> list[tuple[Registry[Any], set[str]]]:
    """Return every registry with the names that it holds now."""
    return [(registry, set(registry._items)) for registry in Registry._all]


def _take_back(before: list[tuple[Registry[Any], set[str]]]) -> None:
    """Remove the items registered since `before` whose module failed to load.

    Modules that the failed one imported stay loaded, so that their items stay as well.
    """
    for registry, names in before:
        registry._items = {
            name: item
            for name, item in registry._items.items()
            if name in names or getattr(item, "__module__", None) in sys.modules
        }


def _is_loaded(path: Path) -> bool:
    """Return whether a loaded module comes from the file at `path`, which is resolved."""
    attributes = [getattr(module, "__dict__", {}) for module in [*sys.modules.values()]]
    files = [str(found.get("__file__") or "") for found in attributes]
    return any(file.endswith(path.name) and Path(file).resolve() == path for file in files)


def _file_of(module: str) -> str:
    """Return the file of a loaded module; '' where it is not loaded or has none."""
    return str(getattr(sys.modules.get(module), "__file__", "") or "")


def _origin(item: object) -> str:
    """Return where an item was defined: its module, or its file if that was given by path."""
    module = str(getattr(item, "__module__", "?"))
    return _file_of(module) if module.startswith(FILES) else module


def _cause(error: BaseException) -> str:
    """Return the error on one line, with the line of the file where Python names it."""
    return f"{type(error).__name__}: {one_line(error)}".rstrip(": ")
