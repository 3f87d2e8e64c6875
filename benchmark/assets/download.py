"""Download one large file: resumed after a break, checked against its hash and its length."""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pooch
import requests
from tqdm import tqdm

from benchmark.core.errors import InputError

ATTEMPTS = 5  # without a single new byte
PAUSE_S = 2.0  # before the second attempt; doubles
TIMEOUT_S = (30, 60)  # to connect, and between two pieces
PIECE = 1 << 20
RESERVE = 64 << 20  # bytes of the disk that are left free
PINNED, PUBLISHED, NOT_PINNED = "pinned", "as the server publishes", "not pinned"


@dataclass(frozen=True)
class DownloadedFile:
    """A file that came: its hash as `md5:HEX` or `sha256:HEX`, and what that was held against."""

    path: Path
    hash: str
    checked: str


def download(url: str, name: str, folder: Path, known: str = "", size: int = 0) -> DownloadedFile:
    """Bring `url` into `folder` as `name`; a file that is there with the right hash stays.

    `known` is the file's hash, `size` its length in bytes; where they are empty, what the server
    publishes takes their place, and where it publishes nothing the hash is only recorded. What a
    break leaves is kept as NAME.part, and the next call goes on there. Raises `InputError` naming
    the address and the cause.
    """
    pooch.get_logger().setLevel("WARNING")
    transfer = _Transfer(url, folder / f"{name}.part", known, size)
    try:
        pooch.retrieve(url, known or None, name, folder, downloader=transfer)
    except InputError:
        raise
    except ValueError as error:  # how pooch says that the hash is another one
        raise _another(url, name, known) from error
    except requests.RequestException as error:
        raise InputError(
            f"cannot download {url} (no connection, or it broke off again and again);"
            " what has come is kept: run again to go on"
        ) from error
    except OSError as error:
        raise InputError(f"cannot write {folder / name} ({error.strerror or error})") from error
    path = folder / name
    if known:
        return DownloadedFile(path, known, PINNED)
    expected = transfer.published or f"sha256:{pooch.file_hash(str(path))}"
    algorithm, digest = expected.split(":")
    if transfer.published and pooch.file_hash(str(path), alg=algorithm) != digest:
        path.unlink()
        raise _another(url, name, expected)
    return DownloadedFile(path, expected, PUBLISHED if transfer.published else NOT_PINNED)


@dataclass
class _Transfer:
    """What pooch calls to fill a file; `published` is then the hash that the server names."""

    url: str
    part: Path
    known: str
    size: int
    published: str = field(default="", init=False)

    def __call__(self, url: str, output_file: str, pup: Any, check_only: bool = False) -> None:
        failures = 0
        while True:
            before = _length(self.part)
            try:
                self._once()
                break
            except (requests.RequestException, _BrokenOffError) as error:
                failures = 0 if _length(self.part) > before else failures + 1
                if failures == ATTEMPTS:
                    raise requests.ConnectionError(str(error)) from error
                time.sleep(PAUSE_S * 2 ** max(0, failures - 1))
        self.part.replace(output_file)
        self._mark.unlink(missing_ok=True)

    @property
    def _mark(self) -> Path:
        """Holds what the server called the version of which the part is."""
        return self.part.with_name(f"{self.part.name}.version")

    def _once(self) -> None:
        have = _length(self.part)
        version = self._mark.read_text() if self._mark.is_file() else ""
        headers = {"Accept-Encoding": "identity"}
        if have and (version or self.known):
            headers["Range"] = f"bytes={have}-"
            if version:
                headers["If-Range"] = version
        with requests.get(self.url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink(missing_ok=True)  # not a part of what is there now
                raise _BrokenOffError
            if answer.status_code >= 500 or answer.status_code == requests.codes.too_many:
                raise requests.HTTPError(f"HTTP {answer.status_code}")
            if not answer.ok:
                raise InputError(f"cannot download {self.url} (HTTP {answer.status_code})")
            if "text/html" in answer.headers.get("Content-Type", ""):
                raise InputError(
                    f"{self.url} answers with a web page, not with a file: it has moved, or wants"
                    " a login; open it in a browser"
                )
            goes_on = answer.status_code == requests.codes.partial_content
            have = have if goes_on else 0
            self.published = self.published or _published(answer)
            self._mark.write_text(_version(answer))
            self._receive(answer, have)

    def _receive(self, answer: requests.Response, have: int) -> None:
        announced = answer.headers.get("Content-Length")
        total = have + int(announced) if announced else self.size
        if self.size and total != self.size:
            raise InputError(
                f"{self.url} offers {total} bytes; the published file has {self.size}:"
                " it is another file"
            )
        free = shutil.disk_usage(self.part.parent).free
        if total - have > free - RESERVE:
            raise InputError(
                f"{self.part.parent}: {(total - have) / 1e9:.1f} GB are still to come and"
                f" {free / 1e9:.1f} GB are free"
            )
        name = self.part.name.removesuffix(".part")
        with (
            self.part.open("ab" if have else "wb") as file,
            tqdm(desc=name, total=total or None, initial=have, unit="B", unit_scale=True) as bar,
        ):
            for piece in answer.iter_content(PIECE):
                have += len(piece)
                if total and have > total:
                    raise InputError(f"{self.url} sends more than the {total} bytes it announced")
                file.write(piece)
                bar.update(len(piece))
        if total and have < total:
            raise _BrokenOffError


class _BrokenOffError(Exception):
    """Less came than was announced."""


def _length(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _version(answer: requests.Response) -> str:
    """A strong mark of what is sent, with which the server can be asked for the rest of it."""
    mark = answer.headers.get("ETag", "")
    return "" if mark.startswith("W/") else mark or answer.headers.get("Last-Modified", "")


def _published(answer: requests.Response) -> str:
    """The hash that a server gives away in its headers, as `md5:HEX` or `sha256:HEX`, or nothing.

    Zenodo names the MD5 in its ETag, Hugging Face the SHA-256 in X-Linked-ETag before it
    redirects; others send Content-MD5 (RFC 1864).
    """
    return next((named for one in (*answer.history, answer) for named in _named(one)), "")


def _named(answer: requests.Response) -> Iterator[str]:
    linked = answer.headers.get("X-Linked-ETag", "").strip('"')
    if re.fullmatch("[0-9a-f]{64}", linked):
        yield f"sha256:{linked}"
    tag = answer.headers.get("ETag", "").strip('"')
    if re.fullmatch("md5:[0-9a-f]{32}", tag):
        yield tag
    if answer.status_code == requests.codes.ok:  # of a part it would be the part's
        try:
            digest = base64.b64decode(answer.headers.get("Content-MD5", ""), validate=True)
        except binascii.Error:
            return
        if len(digest) == 16:
            yield f"md5:{digest.hex()}"


def _another(url: str, name: str, expected: str) -> InputError:
    return InputError(
        f"{url} gave another file than the published {name}, whose hash is {expected};"
        " it was deleted: run again, and if that does not help, the file has changed"
    )
