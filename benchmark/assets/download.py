"""Download of one large file: resumed after an interruption, checked by hash and length."""

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

from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar

ATTEMPTS = 5  # consecutive attempts without a single new byte
PAUSE_S = 2.0  # before the second attempt; doubles after each further one
TIMEOUT_S = (30, 60)  # to connect, and between two blocks
PIECE = 1 << 20
RESERVE = 64 << 20  # bytes of the disk that are left free
PINNED, PUBLISHED, NOT_PINNED = "pinned", "as the server publishes", "not pinned"


@dataclass(frozen=True)
class DownloadedFile:
    """A downloaded file: its hash (`md5:HEX` or `sha256:HEX`) and the origin of the expected hash.

    `checked` is `PINNED`, `PUBLISHED` or `NOT_PINNED`.
    """

    path: Path
    hash: str
    checked: str


def download(url: str, name: str, folder: Path, known: str = "", size: int = 0) -> DownloadedFile:
    """Download `url` into `folder` as `name`; keep an existing file with the right hash.

    `known` is the expected hash and `size` the length in bytes. If they are empty, the values that
    the server publishes are used; if it publishes no hash, the hash is only recorded. An
    interrupted download is kept as NAME.part, and the next call resumes it. Raises `InputError`
    naming the address and the cause.
    """
    pooch.get_logger().setLevel("WARNING")
    transfer = _Transfer(url, folder / f"{name}.part", known, size)
    try:
        pooch.retrieve(url, known or None, name, folder, downloader=transfer)
    except InputError:
        raise
    except ValueError as error:  # pooch's error for a hash mismatch
        raise _wrong_hash(url, name, known) from error
    except requests.RequestException as error:
        raise InputError(
            f"cannot download {url} (no connection, or it was interrupted repeatedly);"
            " the received part is kept: run again to resume"
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
        raise _wrong_hash(url, name, expected)
    return DownloadedFile(path, expected, PUBLISHED if transfer.published else NOT_PINNED)


@dataclass
class _Transfer:
    """The downloader that pooch calls; `published` is then the hash that the server names."""

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
        self._version_file.unlink(missing_ok=True)

    @property
    def _version_file(self) -> Path:
        """File that holds the server's version mark of the partial file."""
        return self.part.with_name(f"{self.part.name}.version")

    def _once(self) -> None:
        have = _length(self.part)
        version = self._version_file.read_text() if self._version_file.is_file() else ""
        headers = {"Accept-Encoding": "identity"}
        if have and (version or self.known):
            headers["Range"] = f"bytes={have}-"
            if version:
                headers["If-Range"] = version
        with requests.get(self.url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink(missing_ok=True)  # not a part of the current file
                raise _BrokenOffError
            if response.status_code >= 500 or response.status_code == requests.codes.too_many:
                raise requests.HTTPError(f"HTTP {response.status_code}")
            if not response.ok:
                raise InputError(f"cannot download {self.url} (HTTP {response.status_code})")
            if "text/html" in response.headers.get("Content-Type", ""):
                raise InputError(
                    f"{self.url} returned a web page instead of a file: the file has moved or"
                    " requires a login; open the address in a browser"
                )
            resumed = response.status_code == requests.codes.partial_content
            have = have if resumed else 0
            self.published = self.published or _published(response)
            self._version_file.write_text(_version(response))
            self._receive(response, have)

    def _receive(self, response: requests.Response, have: int) -> None:
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else self.size
        if self.size and total != self.size:
            raise InputError(
                f"{self.url} offers {total} bytes, but the published file has {self.size}:"
                " it is a different file"
            )
        free = shutil.disk_usage(self.part.parent).free
        if total - have > free - RESERVE:
            raise InputError(
                f"{self.part.parent}: {(total - have) / 1e9:.1f} GB remain to be downloaded, but"
                f" {free / 1e9:.1f} GB are free"
            )
        name = self.part.name.removesuffix(".part")
        with (
            self.part.open("ab" if have else "wb") as file,
            progress_bar(
                desc=name, total=total or None, initial=have, unit="B", unit_scale=True
            ) as bar,
        ):
            for piece in response.iter_content(PIECE):
                have += len(piece)
                if total and have > total:
                    raise InputError(f"{self.url} sent more than the {total} bytes it announced")
                file.write(piece)
                bar.update(len(piece))
        if total and have < total:
            raise _BrokenOffError


class _BrokenOffError(Exception):
    """Error for a response that ended before its announced length."""


def _length(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _version(response: requests.Response) -> str:
    """Return a strong version mark of the content, which allows a later range request."""
    mark = response.headers.get("ETag", "")
    return "" if mark.startswith("W/") else mark or response.headers.get("Last-Modified", "")


def _published(response: requests.Response) -> str:
    """Return the hash in the server's headers as `md5:HEX` or `sha256:HEX`; empty without one.

    Zenodo names the MD5 in its ETag, Hugging Face the SHA-256 in X-Linked-ETag before it
    redirects; others send Content-MD5 (RFC 1864).
    """
    chain = (*response.history, response)
    return next((found for one in chain for found in _header_hashes(one)), "")


def _header_hashes(response: requests.Response) -> Iterator[str]:
    linked = response.headers.get("X-Linked-ETag", "").strip('"')
    if re.fullmatch("[0-9a-f]{64}", linked):
        yield f"sha256:{linked}"
    tag = response.headers.get("ETag", "").strip('"')
    if re.fullmatch("md5:[0-9a-f]{32}", tag):
        yield tag
    if response.status_code == requests.codes.ok:  # in a partial response it covers the part only
        try:
            digest = base64.b64decode(response.headers.get("Content-MD5", ""), validate=True)
        except binascii.Error:
            return
        if len(digest) == 16:
            yield f"md5:{digest.hex()}"


def _wrong_hash(url: str, name: str, expected: str) -> InputError:
    return InputError(
        f"{url} returned a different file from the published {name} (hash {expected});"
        " it was deleted: run again; if the error remains, the file at the address has changed"
    )
