"""The trials that the ids of other tools mean: exported names, file names, paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from benchmark.exchange.score_formats import file_id

_ENDING = re.compile(r"\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{2,5}$")


class TrialIds:
    """The utterance ids of a run, found by what other tools call them.

    A name means a trial if it is the utterance id, its exported file name, or the path of its file,
    with or without an ending of a file name, and below any folders. Folders of the utterance id
    itself cannot be left out: other trials may have the same file name.
    """

    def __init__(self, trials: pd.DataFrame) -> None:
        """Take the trials, of which `utterance_id` and, where there is one, `path` count."""
        ids = [str(uid) for uid in trials["utterance_id"]]
        self.first = ids[0] if ids else ""
        self._exact = {file_id(uid): uid for uid in ids} | {uid: uid for uid in ids}
        paths = trials["path"].astype(str) if "path" in trials else ids
        self._names = _distinct(zip((*ids, *paths), (*ids, *ids), strict=True))

    def find(self, name: str) -> str:
        """Return the utterance id that `name` means; '' if it means none, or several."""
        if name in self._exact:
            return self._exact[name]
        parts = name.strip().replace("\\", "/").split("/")
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            for form in (tail, _ENDING.sub("", tail)):
                found = self._exact.get(form) or self._names.get(form, "")
                if found:
                    return found
        return ""


def _distinct(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Map each name, with and without its ending, to its utterance; '' if several have it."""
    found: dict[str, str] = {}
    for name, uid in _forms(names):
        found[name] = uid if found.get(name, uid) == uid else ""
    return found


def _forms(names: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, uid in names:
        clean = name.replace("\\", "/")
        yield from ((form, uid) for form in {clean, _ENDING.sub("", clean)})
