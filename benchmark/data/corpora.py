"""Public corpora by name: fetch the open ones; give instructions for the others."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.assets.archives import is_archive, unpack
from benchmark.assets.download import NOT_PINNED, PUBLISHED, download
from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError, unknown

RECORD = "fetched.json"
INDEX = Path(__file__).with_name("corpora.toml")


@dataclass(frozen=True)
class RemoteFile:
    """One file of a corpus.

    `hash` is `md5:HEX` or `sha256:HEX`, empty if no reliable one is known. `size` is in bytes, 0 if
    unknown. `home` is the folder into which the archive is unpacked.
    """

    name: str
    url: str
    hash: str = ""
    size: int = 0
    home: str = ""


@dataclass(frozen=True)
class Corpus:
    """A public corpus.

    It has `files` at open addresses, or the name of a data set at Kaggle or Hugging Face. Without
    any of these, `note` says how to get it from `page`.
    """

    name: str
    title: str
    page: str
    licence: str
    note: str = ""
    kaggle: str = ""
    hub: str = ""
    files: tuple[RemoteFile, ...] = field(default=())

    @property
    def way(self) -> str:
        """Source of the corpus: `open`, `Kaggle`, `Hugging Face` or `by hand`."""
        if self.files:
            return "open"
        return "Kaggle" if self.kaggle else "Hugging Face" if self.hub else "by hand"


@cache
def index(path: Path = INDEX) -> dict[str, Corpus]:
    """Return every corpus of the index file by name."""
    found = {}
    for name, facts in tomllib.loads(path.read_text(encoding="utf-8")).items():
        remotes = tuple(RemoteFile(**one) for one in facts.pop("files", []))
        found[name] = Corpus(name=name, files=remotes, **facts)
    return found


def find(name: str) -> Corpus:
    """Return the corpus `name`; `InputError` with similar names if it is unknown."""
    if name not in index():
        raise unknown("corpus", name, index(), "launderbench data fetch")
    return index()[name]


def listing() -> Iterator[str]:
    """Yield one line of text per corpus."""
    width = max(map(len, index()))
    for corpus in index().values():
        yield f"{corpus.name:{width}}  {corpus.way:12}  {corpus.title} ({corpus.licence})"


def fetch(corpus: Corpus, folder: Path, only: str = "", keep: bool = False) -> Iterator[str]:
    """Fetch a corpus into `folder` and yield one line of text per step.

    `only` is a pattern over file names, such as `*keys*`. Files that were fetched and unpacked are
    recorded in fetched.json and not fetched again. Archives are deleted unless `keep`. Raises
    `InputError` with instructions if the corpus must be downloaded by hand, or with the cause of a
    failure; files fetched before are kept.
    """
    if corpus.files:
        yield from _from_addresses(corpus, folder, only, keep)
    elif corpus.kaggle:
        yield _from_kaggle(corpus, folder)
    elif corpus.hub:
        yield _from_hub(corpus, folder, only)
    else:
        raise InputError(f"{corpus.title} cannot be fetched automatically: {_by_hand(corpus)}")
    if corpus.note:
        yield corpus.note
    yield f"licence: {corpus.licence}; {corpus.page}"


def _from_addresses(corpus: Corpus, folder: Path, only: str, keep: bool) -> Iterator[str]:
    wanted = [one for one in corpus.files if not only or fnmatch(one.name, only)]
    if not wanted:
        names = ", ".join(one.name for one in corpus.files)
        raise InputError(f"--only {only!r} matches no file of {corpus.name} ({names})")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create {folder} ({error.strerror})") from error
    record = _record(folder)
    for remote in wanted:
        if record.get(remote.name, {}).get("url") == remote.url:
            yield f"{remote.name} was fetched before"
            continue
        received = download(remote.url, remote.name, folder, remote.hash, remote.size)
        if received.checked == PUBLISHED:
            yield f"{remote.name}: matches the hash published by the server, {received.hash}"
        elif received.checked == NOT_PINNED:
            yield f"{remote.name}: not pinned (no published hash); its hash is {received.hash}"
        count = 1
        if is_archive(received.path):
            count = unpack(received.path, folder, remote.home)
            if not keep:
                received.path.unlink()
        record[remote.name] = {
            **asdict(remote),
            "hash": received.hash,
            "checked": received.checked,
            "files": count,
        }
        atomic_files.write(folder / RECORD, json.dumps(record, indent=1) + "\n")
        yield f"{remote.name}: {count} files in {folder}"


def _record(folder: Path) -> dict[str, Any]:
    """Read the record of the files that were fetched into a folder before."""
    if not (folder / RECORD).is_file():
        return {}
    try:
        found = json_text.parse((folder / RECORD).read_text())
    except ValueError as error:
        raise InputError(f"{folder / RECORD} is damaged: delete it to fetch again") from error
    if not isinstance(found, dict):
        raise InputError(f"{folder / RECORD} is damaged: delete it to fetch again")
    return found


def _from_kaggle(corpus: Corpus, folder: Path) -> str:
    try:
        import kagglehub
    except ImportError as error:
        raise InputError(
            f"{corpus.name} needs Kaggle's client: pip install 'launderbench[kaggle]',"
            f" or {_by_hand(corpus)}"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    try:
        where = kagglehub.dataset_download(corpus.kaggle, output_dir=str(folder))
    except Exception as error:  # the client's errors have no common base class
        raise _client_failed("Kaggle", corpus, error) from error
    return f"{corpus.kaggle} is in {where}"


def _from_hub(corpus: Corpus, folder: Path, only: str) -> str:
    try:
        import huggingface_hub
    except ImportError as error:
        raise InputError(
            f"{corpus.name} needs Hugging Face's client: pip install 'launderbench[hub]',"
            f" or {_by_hand(corpus)}"
        ) from error
    try:
        where = huggingface_hub.snapshot_download(
            corpus.hub, repo_type="dataset", local_dir=str(folder), allow_patterns=only or None
        )
    except Exception as error:  # the client's errors have no common base class
        raise _client_failed("Hugging Face", corpus, error) from error
    return f"{corpus.hub} is in {where}"


def _client_failed(client: str, corpus: Corpus, error: Exception) -> InputError:
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return InputError(
        f"{client}'s client could not fetch {corpus.name} ({cause}): log in with it, or"
        f" {_by_hand(corpus)}"
    )


def _by_hand(corpus: Corpus) -> str:
    return f"get it at {corpus.page}. {corpus.note}".strip()
