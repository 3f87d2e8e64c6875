"""Fetching wheels: pinned, atomic, with clear errors. No test uses the network."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import KOKORO_PARTS, LART, Wheel
from benchmark.core.errors import InputError


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    """Return a wheel that a fake index offers in tmp_path/index."""
    index = tmp_path / "index"
    index.mkdir()
    path = index / "toy_data-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy/hello.txt", "hello")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel("toy-data", "1.0", path.name, digest, "MIT", "nobody", "a test")


def fake_pip(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Replace pip by `script`, which gets the listing as argv[1] and the folder as argv[2]."""

    def command(listing: Path, into: Path) -> Sequence[str]:
        return [sys.executable, "-c", script, str(listing), str(into)]

    monkeypatch.setattr(wheels, "pip_command", command)


def copying(index: Path) -> str:
    files = [str(path) for path in index.iterdir()]
    return f"import shutil, sys; [shutil.copy(path, sys.argv[2]) for path in {files!r}]"


def test_fetch_stores_the_wheel_and_does_not_download_twice(
    tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, copying(tmp_path / "index"))
    store = tmp_path / "store"
    wheels.fetch([wheel], store, progress=False)
    assert wheels.members(wheel, store) == ["toy/hello.txt"]
    assert wheels.member(wheel, "toy/hello.txt", store) == b"hello"
    fake_pip(monkeypatch, "raise SystemExit('downloaded twice')")
    wheels.fetch([wheel], store, progress=False)
    assert [p.name for p in store.iterdir()] == [wheel.filename]


def test_no_network_names_the_wheel_and_a_remedy(
    tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = "WARNING: retrying\\nERROR: Could not find a version that satisfies toy-data==1.0"
    fake_pip(monkeypatch, f"import sys; sys.stderr.write('{stderr}'); sys.exit(1)")
    with pytest.raises(InputError) as caught:
        wheels.fetch([wheel], tmp_path / "store", progress=False)
    text = str(caught.value)
    assert "toy-data 1.0" in text
    assert "ERROR: Could not find a version" in text
    assert "check the network or pip's index settings" in text.lower()
    assert "\n" not in text
    assert list((tmp_path / "store").iterdir()) == []


def test_missing_pip_is_reported(
    tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, "import sys; sys.exit('/usr/bin/python: No module named pip')")
    with pytest.raises(InputError, match="ensurepip"):
        wheels.fetch([wheel], tmp_path / "store", progress=False)


def test_a_wheel_that_was_altered_is_refused(tmp_path: Path, wheel: Wheel) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / wheel.filename).write_bytes(b"not the wheel")
    with pytest.raises(InputError, match=rf"{wheel.filename}: wrong content"):
        wheels.fetch([wheel], store, progress=False)


def test_an_index_that_sends_something_else_is_refused(
    tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index" / wheel.filename).write_bytes(b"something else")
    fake_pip(monkeypatch, copying(tmp_path / "index"))
    with pytest.raises(InputError, match="wrong content"):
        wheels.fetch([wheel], tmp_path / "store", progress=False)
    assert not (tmp_path / "store" / wheel.filename).exists()


def test_leftovers_of_a_killed_fetch_are_removed(
    tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "store" / f"{wheels.TEMPORARY}dead"
    left.mkdir(parents=True)
    fake_pip(monkeypatch, copying(tmp_path / "index"))
    wheels.fetch([wheel], tmp_path / "store", progress=False)
    assert not left.exists()


def test_reading_a_wheel_that_is_not_there(tmp_path: Path, wheel: Wheel) -> None:
    with pytest.raises(InputError, match=r"toy/hello\.txt"):
        wheels.member(wheel, "toy/hello.txt", tmp_path)
    with pytest.raises(InputError, match="toy_data"):
        wheels.members(wheel, tmp_path)


def test_pip_downloads_pinned_wheels_only(tmp_path: Path) -> None:
    command = wheels.pip_command(tmp_path / "r.txt", tmp_path)
    for option in ("--require-hashes", "--no-deps", "--only-binary=:all:"):
        assert option in command
    assert LART.requirement.startswith("lart-research-assistant==0.5.0 --hash=sha256:05f86f73")
    assert len({part.sha256 for part in KOKORO_PARTS}) == 4
