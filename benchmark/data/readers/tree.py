"""The names in a folder and two levels below it, listed once for all readers."""

from __future__ import annotations

import os
import re
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

DEPTH = 3  # archives and mirrors unpack corpora into a folder within a folder
# A corpus has millions of other files, none of which marks a layout.
_MARKING = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".arrow", ".trn", ".trl")


class Tree:
    """Where the folders and tables below a root are; each level is listed when it is needed."""

    def __init__(self, root: str) -> None:
        self._folders = [[root]]  # by level
        self._where: list[dict[str, list[str]]] = []  # by level: name -> folders that contain it

    def named(self, depth: int, pattern: str) -> list[Path]:
        """Return the paths `folder/pattern` at a depth, sorted; a pattern may have wildcards."""
        while len(self._where) <= depth:
            self._list_level()
        first = pattern.partition("/")[0]
        where = self._where[depth]
        if "*" in first or "[" in first:
            rule = re.compile(translate(first))
            folders = {f for name, own in where.items() if rule.match(name) for f in own}
        else:
            folders = set(where.get(first, ()))
        return sorted(path for folder in folders for path in Path(folder).glob(pattern))

    def _list_level(self) -> None:
        where: dict[str, list[str]] = {}
        inside: list[str] = []
        for folder in self._folders[-1]:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        is_folder = entry.is_dir()
                        if is_folder:
                            inside.append(entry.path)
                        if is_folder or entry.name.endswith(_MARKING):
                            where.setdefault(entry.name, []).append(folder)
            except OSError:
                continue  # without permission, or removed meanwhile
        self._where.append(where)
        self._folders.append(inside)


@lru_cache(maxsize=4)
def tree(root: str) -> Tree:
    """Return the tree of a folder, as it was when it was first asked for; see `forget`."""
    return Tree(root)


def forget() -> None:
    """Forget what was listed, since folders change between two openings of a data set."""
    tree.cache_clear()


def places(root: Path, *names: str) -> list[Path]:
    """Return all of `names` in `root`, else those in its subfolders, else one level deeper.

    Archives and mirrors unpack corpora in this way, some of them in a folder within a folder. Names
    are of folders and tables, and may have wildcards.
    """
    for depth in range(DEPTH):
        found = [path for name in names for path in tree(str(root)).named(depth, name)]
        if found:
            return found
    return []
