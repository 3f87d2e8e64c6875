"""Audio in folders that are named by class, and by split, at any depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from benchmark.audio import discovery
from benchmark.audio.endings import is_audio
from benchmark.core.errors import InputError
from benchmark.core.log import warn_once
from benchmark.data.protocol import LABELS, OTHER, Protocol
from benchmark.data.readers.common import Hints, Reader, protocol, walk
from benchmark.data.readers.words import Vocabulary

_SHOWN = 5  # folders that an error or a warning names


def _folders(root: Path, hints: Hints) -> Protocol | None:
    """Read folders of human speech and of fakes, with any of the usual names or those of --labels.

    Folders of splits, above or below them, become splits. Audio outside of all is not read.
    """
    if not root.is_dir() or hints.pattern:
        return None
    rows: list[tuple[str, str, str]] = []
    others: list[Path] = []
    outside: Counter[str] = Counter()
    for near, names in _listed(root):
        label, split = _said(near, hints.words, root)
        for name in names:
            if not is_audio(Path(name)):
                others += [Path(name)] if label is not None else []
            elif label is None:
                outside[near] += 1
            else:
                rows.append((f"{near}/{name}", label, split or ""))
    if {label for _, label, _ in rows} != set(LABELS):
        return None
    discovery.warn_of_others(root, others)
    if outside:
        warn_once(
            f"{root}: audio files in no folder of a class are not read: {sum(outside.values())}"
            f" ({_few(outside)})"
        )
    table = pd.DataFrame(rows, columns=["path", "label", "split"])
    return protocol(root.name, root, _with_splits(table, root), root)


def _with_splits(table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return the table with its splits; without any, all utterances are for testing."""
    none = table["split"] == ""
    if none.all():
        table = table.drop(columns="split")
    elif none.any():
        warn_once(f"{root}: files in no folder of a split belong to none: {none.sum()}")
        table["split"] = table["split"].where(~none, OTHER)
    return table.assign(utterance_id=table["path"])


def said_by_folders(
    paths: Sequence[str], words: Vocabulary, source: Path, both: bool = False
) -> list[tuple[str | None, str | None]]:
    """Return the class and the split that the folders of each path say; None for neither.

    With `both`, the class is known otherwise, and what folders say of it does not matter.
    """
    known: dict[str, tuple[str | None, str | None]] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        if folder not in known:
            known[folder] = _said(folder, words, source, classes=not both)
    return [known[path.rpartition("/")[0]] for path in paths]


def hint(root: Path, hints: Hints) -> str:
    """Say how to read a folder of audio whose names do not tell both classes; '' without audio."""
    known: dict[str, set[str]] = {label: set() for label in LABELS}
    unknown: list[list[str]] = []
    for near, names in _listed(root):
        if not any(is_audio(Path(name)) for name in names):
            continue
        label, _ = _said(near, hints.words, root)
        parts = near.split("/") if near else []
        if label is None:
            unknown.append([p for p in parts if not hints.words.meaning(p).splits])
        else:
            known[label].add(next(part for part in parts if hints.words.meaning(part).classes))
    if not unknown and not any(known.values()):
        return ""
    said = [f"{_few(names)} says {label}" for label, names in known.items() if names]
    lacking = [label for label, names in known.items() if not names]
    strange = _distinct(unknown)
    if strange:
        said += [f"no class is known by the name {_few(strange)}"]
    if len(strange) < len(lacking):
        said += [f"no folder says {' or '.join(lacking)}"]
        advice = (
            "put the classes into folders real/ and fake/, give a table with path and label, or use"
            " --pattern over file names"
        )
    else:
        only = lacking[0] if len(lacking) == len(strange) == 1 else "bonafide|spoof"
        advice = f"say it with --labels '{','.join(f'{w}={only}' for w in strange[:2])}'"
    absent = sorted({word.casefold() for word in hints.labels or ()} - _names(root))
    if absent:
        said += [f"--labels names {', '.join(absent)}, and no folder does"]
    return f"of its folders with audio, {', '.join(said)}: {advice}"


def _distinct(folders: Sequence[Sequence[str]]) -> list[str]:
    """Return the names at the first depth at which folders differ, else those at the top."""
    for depth in range(max(map(len, folders), default=0)):
        names = {parts[depth] for parts in folders if len(parts) > depth}
        if len(names) > 1:
            return sorted(names)
    return sorted({parts[0] for parts in folders if parts})


def _names(root: Path) -> set[str]:
    return {part.casefold() for near, _ in _listed(root) for part in near.split("/")}


def _said(
    near: str, words: Vocabulary, source: Path, classes: bool = True
) -> tuple[str | None, str | None]:
    """Return the class and the split of a folder; `InputError` for two of a kind."""
    labels: dict[str, str] = {}
    splits: dict[str, str] = {}
    for part in near.split("/"):
        meaning = words.meaning(part)
        labels |= dict.fromkeys(sorted(meaning.classes), part)
        splits |= dict.fromkeys(sorted(meaning.splits), part)
    for kind, found in (("classes", labels if classes else {}), ("splits", splits)):
        if len(found) > 1:
            both = " and ".join(f"{value} ({part}/)" for value, part in found.items())
            advice = {
                "classes": "say with --labels what the folders mean (only its words then count)",
                "splits": "rename one of the folders",
            }[kind]
            raise InputError(f"{source}: the folder {near} names two {kind}: {both}; {advice}")
    return next(iter(labels), None) if classes else None, next(iter(splits), None)


def _listed(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below `root` that has files, as a relative path, and their names."""
    above, names = root, list[str]()
    for file in walk(root):
        if file.parent != above:
            if names:
                yield _near(above, root), names
            above, names = file.parent, []
        names.append(file.name)
    if names:
        yield _near(above, root), names


def _near(folder: Path, root: Path) -> str:
    near = folder.relative_to(root).as_posix()
    return "" if near == "." else near


def _few(names: Iterable[str]) -> str:
    shown = [f"{name}/" if name else "the root" for name in sorted(names)]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


READERS = (Reader("folders", _folders),)
