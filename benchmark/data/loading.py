"""Opening a data set in any supported layout as a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.audio import remote
from benchmark.core.errors import InputError, unknown
from benchmark.data.cleaning import AUDIO_ROOT
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol
from benchmark.data.readers import READERS, Hints, Reader, nearest, tree
from benchmark.data.readers.generic import TABLES


def open_data(
    path: Path,
    *,
    layout: str = "",
    pattern: str = "",
    labels: Mapping[str, str] | None = None,
    audio_root: Path | None = None,
) -> Protocol:
    """Open the data set in a folder, or the one described by a table file.

    The layout is recognised by its marks (`launderbench list layouts` names them) unless `layout`
    is given. `pattern` is a regular expression over relative paths with a named group `label` (and
    `speaker`, `spoof_system`, `split`, ...). `labels` maps the data set's own class names, also
    those of folders, to bonafide and spoof. `audio_root` is the folder that contains the audio,
    where it does not lie with the table. Without a split column every utterance is a test trial.
    Raises `InputError` that names what was looked for and what was found.
    """
    if audio_root is not None and remote.is_url(audio_root):
        remote.allow(audio_root)
    if remote.is_url(path):
        path, audio_root = _fetched(path, audio_root)
    try:
        return _open(path, layout, Hints(pattern, labels, audio_root))
    except InputError as error:
        lines = str(error).splitlines()
        if len(lines) < 2:
            raise
        # names of files and columns may have line breaks
        raise InputError(" ".join(lines)) from error


def _fetched(place: Path, audio_root: Path | None) -> tuple[Path, Path]:
    """Return the copy of a table behind a URL, or of the folder of one, and where its audio is.

    Raises `InputError` if there is none: folders of other layouts are read from disks only.
    """
    is_table = place.suffix.lower() in TABLES
    folder = place.parent if is_table else place
    remote.allow(folder)
    table = place if is_table else place / PROTOCOL_FILE
    try:
        copy = remote.local(table)
        if not is_table and remote.stamp(place / CARD_FILE) is not None:
            remote.local(place / CARD_FILE)
    except FileNotFoundError as error:
        raise InputError(
            f"{remote.url(table)} is not there; behind a URL a data set is a table or a folder with"
            f" {PROTOCOL_FILE}: for other layouts copy the protocol and give the URL of the audio"
            f" with {AUDIO_ROOT}"
        ) from error
    return (copy if is_table else copy.parent), audio_root or folder


def _open(path: Path, layout: str, hints: Hints) -> Protocol:
    audio_root = hints.audio_root
    try:
        there = path.exists()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise InputError(f"data folder not found: {path} ({error})") from error
    if not there:
        raise InputError(f"data folder not found: {path}")
    if audio_root is not None and not (remote.is_url(audio_root) or audio_root.is_dir()):
        raise InputError(f"{AUDIO_ROOT}: no such folder: {audio_root}")
    readers = {reader.name: reader for reader in READERS}
    if layout and layout not in readers:
        raise unknown("layout", layout, readers, "launderbench list layouts")
    tried = [readers[layout]] if layout else list(READERS)
    tree.forget()
    for reader in tried:
        found = _read(reader, path, hints)
        if found is not None:
            _require_one_corpus(path, reader, tried)
            if audio_root is not None and not reader.elsewhere:
                raise InputError(
                    f"{path} has the layout {reader.name}, which finds the audio in its own"
                    f" folders: {AUDIO_ROOT} is for tables and protocols"
                )
            return found
    here = [p.name for p in sorted(path.iterdir())] if path.is_dir() else [f"the file {path.name}"]
    shown = ", ".join(here[:8]) + (f" and {len(here) - 8} more" if len(here) > 8 else "")
    if near := nearest.hints(path, hints, tried):
        raise InputError(
            f"{path} is not a known data set: {'; '.join(near)}; found {shown or 'nothing'}"
            " (launderbench list layouts: what is read)"
        )
    wanted = "; ".join(f"{reader.wants} ({reader.name})" for reader in tried)
    raise InputError(
        f"{path} is not a known data set: looked for {wanted}; found {shown or 'nothing'}"
    )


def _read(reader: Reader, path: Path, hints: Hints) -> Protocol | None:
    """Return what a reader finds; a folder that cannot be read is an error of one line."""
    try:
        return reader.read(path, hints)
    except OSError as error:
        name = error.filename or path
        raise InputError(f"{name} cannot be read ({error.strerror or error})") from error
    except MemoryError as error:
        raise InputError(f"{path}: there is not enough memory to read its table") from error


def _require_one_corpus(path: Path, reader: Reader, tried: Sequence[Reader]) -> None:
    """Raise `InputError` if the folder holds several corpora: none is chosen by guessing."""
    if reader.marks is None:
        return
    names = [one.name for one in tried if one.marks is not None and one.marks(path)]
    if len(names) > 1:
        raise InputError(
            f"{path} holds several data sets ({', '.join(names)}): select one with --layout"
        )
