"""Audio behind URLs: the same run as from the disk, and one line for what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.audio import remote
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import file_hashes
from benchmark.laundering import engine
from tests.runs.test_foreign_code import options

fsspec = pytest.importorskip("fsspec")
SUITE = "lowpass(cutoff=4000)"


@pytest.fixture
def memory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """fsspec's file system in memory, empty, with a cache of the test's own."""
    monkeypatch.setenv(remote.VARIABLE, "")  # restored, since runs set it
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def digest(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    capsys.readouterr()
    assert main(options(*arguments, "--workers", 0)) == 0
    (found,) = re.findall(r"run digest (\w+)", capsys.readouterr().out)
    return found


def test_a_run_from_memory_is_the_run_from_the_disk(
    toy: Path, tmp_path: Path, memory: Any, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    memory.put(str(toy), "/corpora/toy", recursive=True)
    one = digest(capsys, toy, tmp_path / "disk", "evil", SUITE)
    assert digest(capsys, "memory://corpora/toy", tmp_path / "url", "evil", SUITE) == one
    monkeypatch.setattr(remote, "FEW", 1)  # as for many files: the folder is listed
    audio = ("--audio-root", "memory://corpora/toy")
    assert digest(capsys, toy, tmp_path / "audio", "evil", SUITE, *audio) == one


def test_a_changed_file_is_fetched_again_and_a_missing_one_is_no_file(memory: Any) -> None:
    remote.allow(Path("memory://box"))
    path = Path("memory://box/a.wav")
    memory.pipe("/box/a.wav", b"one")
    assert remote.local(path).read_bytes() == b"one"
    memory.pipe("/box/a.wav", b"two!")
    assert remote.local(path).read_bytes() == b"two!"
    assert file_hashes.stamps(Path("memory://box"), ["a.wav", "b.wav"])[1] == file_hashes.MISSING
    assert file_hashes.state(Path("memory://box/b.wav")) is None
    found = engine.decoded(Path("memory://box/b.wav"))
    assert isinstance(found, engine.Failure) and found.cause == "memory://box/b.wav: no such file"
    found = engine.decoded(path)
    assert isinstance(found, engine.Failure) and found.cause.startswith("memory://box/a.wav: ")


def test_nothing_is_fetched_from_where_nobody_said(memory: Any) -> None:
    memory.pipe("/other/a.wav", b"one")
    remote.allow(Path("memory://box"))
    for name in ("memory://other/a.wav", "memory://boxes/a.wav", "memory://box/../other/a.wav"):
        with pytest.raises(InputError, match=r"nobody named|may not contain"):
            remote.local(Path(name))


def test_a_file_system_that_fails_stops_the_run_rather_than_lose_trials(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TimeoutError("no answer")

    remote.allow(Path("memory://box"))
    monkeypatch.setattr(type(memory), "info", fail)
    monkeypatch.setattr(remote.time, "sleep", lambda _: None)
    with pytest.raises(InputError, match=re.escape("memory://box/a.wav cannot be read (Timeout")):
        engine.decoded(Path("memory://box/a.wav"))


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("nosuch://box/toy", "no file system that fsspec knows"),
        ("file:///data/toy", "given by their path alone"),
        ("memory://empty", r"memory://empty/protocol\.csv is not there"),
        ("memory://empty/list.csv", r"memory://empty/list\.csv is not there"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line(
    where: str, words: str, memory: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(where, tmp_path / "run", "evil", SUITE)) == 2  # type: ignore[arg-type]
    lines = capsys.readouterr().err.strip().splitlines()
    assert re.search(words, lines[-1]), lines


def test_a_missing_package_is_named(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import known_implementations

    lacking = {"class": "no_such_package.FileSystem", "err": "Install s3fs to access S3"}
    monkeypatch.setitem(known_implementations, "lacks", lacking)
    with pytest.raises(InputError, match="lacks:// needs another package: Install s3fs"):
        remote.allow(Path("lacks://bucket/flac"))
