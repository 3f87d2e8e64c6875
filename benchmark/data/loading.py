"""Opening a data set in any supported layout as a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.core.errors import InputError, unknown
from benchmark.data.protocol import Protocol
from benchmark.data.readers import READERS, Hints, Reader


def open_data(
    path: Path, *, layout: str = "", pattern: str = "", labels: Mapping[str, str] | None = None
) -> Protocol:
    """Open the data set in a folder, or the one described by a table file.

    The layout is recognised by its marks (`launderbench list layouts` names them) unless `layout`
    is given. `pattern` is a regular expression over relative paths with a named group `label` (and
    `speaker`, `spoof_system`, `split`, ...). `labels` maps the data set's own class names to
    bonafide and spoof. Without a split column every utterance is a test trial. Raises `InputError`
    that names what was looked for and what was found.
    """
    if not path.exists():
        raise InputError(f"data folder not found: {path}")
    readers = {reader.name: reader for reader in READERS}
    if layout and layout not in readers:
        raise unknown("layout", layout, readers, "launderbench list layouts")
    tried = [readers[layout]] if layout else list(READERS)
    hints = Hints(pattern, labels)
    for reader in tried:
        found = reader.read(path, hints)
        if found is not None:
            _require_one_corpus(path, reader, tried)
            return found
    here = [p.name for p in sorted(path.iterdir())] if path.is_dir() else [f"the file {path.name}"]
    shown = ", ".join(here[:8]) + (f" and {len(here) - 8} more" if len(here) > 8 else "")
    wanted = "; ".join(f"{reader.wants} ({reader.name})" for reader in tried)
    raise InputError(
        f"{path} is not a known data set: looked for {wanted}; found {shown or 'nothing'}"
    )


def _require_one_corpus(path: Path, reader: Reader, tried: Sequence[Reader]) -> None:
    """Raise `InputError` if the folder holds several corpora: none is chosen by guessing."""
    if reader.marks is None:
        return
    names = [one.name for one in tried if one.marks is not None and one.marks(path)]
    if len(names) > 1:
        raise InputError(
            f"{path} holds several data sets ({', '.join(names)}): select one with --layout"
        )
