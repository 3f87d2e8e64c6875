"""Fetching corpora from a local server: complete and intact, or refused with one sentence."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading
import types
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmark.assets import archives, download
from benchmark.core.errors import InputError
from benchmark.data import corpora

CONTENT = bytes(range(256)) * 4000  # 1 MB
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@dataclass
class Server:
    """A server of `files` that cuts its next `cuts` responses off after `cut` bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    cut: int = 0
    cuts: int = 0
    extra: bytes = b""
    failures: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    monkeypatch.setattr(download, "PIECE", 100_000)
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            if state.failures:
                self.send_error(state.failures.pop(0))
                return
            body = state.files.get(self.path.strip("/"))
            if body is None:
                self.send_error(404)
                return
            tag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
            tags = {"ETag": tag} | state.headers
            start = 0
            same = self.headers.get("If-Range", tags["ETag"]) == tags["ETag"]
            if wanted and state.ranges and same:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(body):
                    self.send_error(416)
                    return
            part = body[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            for name, value in tags.items():
                self.send_header(name, value)
            if not state.extra:
                self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if state.cut and state.cuts:
                state.cuts -= 1
                part = part[: state.cut]
            self.wfile.write(part + state.extra)

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield state
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_file_is_fetched_once_and_checked(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5, len(CONTENT))
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.checked == "pinned"
    download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5, len(CONTENT))
    assert server.asked == [None]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_an_interrupted_download_is_resumed(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.cut, server.cuts = 300_000, 2
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5)
    assert fetched.path.read_bytes() == CONTENT
    starts = [int(asked.removeprefix("bytes=")[:-1]) for asked in server.asked if asked]
    assert server.asked[0] is None and starts == [300_000, 600_000]


def test_a_later_call_resumes_the_partial_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["a.bin"] = CONTENT
    server.cut, server.cuts = 400_000, 1
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.failures = []
    real = download._Transfer._once

    def once_then_fail(self: download._Transfer) -> None:
        if server.asked:
            raise download.requests.ConnectionError("gone")
        real(self)

    monkeypatch.setattr(download._Transfer, "_once", once_then_fail)
    with pytest.raises(InputError, match=r"interrupted repeatedly.*run again to resume"):
        download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    assert (tmp_path / "a.bin.part").stat().st_size == 400_000
    monkeypatch.setattr(download._Transfer, "_once", real)
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    assert fetched.path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=400000-"]


def test_a_file_that_has_changed_is_downloaded_from_the_start(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"old" * 1000)
    (tmp_path / "a.bin.part.version").write_text('"old"')
    server.files["a.bin"] = CONTENT
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    assert fetched.path.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.ranges, server.cut, server.cuts = False, 300_000, 1
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5)
    assert fetched.path.read_bytes() == CONTENT


def test_a_partial_file_longer_than_the_file_is_discarded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT * 2)
    server.files["a.bin"] = CONTENT
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5)
    assert fetched.path.read_bytes() == CONTENT


def test_a_response_that_is_always_truncated_is_an_error(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.ranges, server.cut, server.cuts = False, 1000, 100
    with pytest.raises(InputError, match="interrupted repeatedly"):
        download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    assert not (tmp_path / "a.bin").exists()


def test_a_file_that_differs_from_the_published_one_is_refused(
    server: Server, tmp_path: Path
) -> None:
    server.files["a.bin"] = b"something else"
    with pytest.raises(InputError, match=r"a different file from the published a\.bin"):
        download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5)
    with pytest.raises(InputError, match=r"offers 14 bytes, but the published file has 1024000"):
        download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5, len(CONTENT))
    assert not (tmp_path / "a.bin").exists()


def test_more_bytes_than_published_are_refused(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.extra = b"more"
    with pytest.raises(InputError, match="sent more than the 1024000 bytes"):
        download.download(f"{server.url}/a.bin", "a.bin", tmp_path, MD5, len(CONTENT))


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"ETag": f'"{MD5}"'}, MD5),
        (
            {"X-Linked-ETag": f'"{hashlib.sha256(CONTENT).hexdigest()}"'},
            f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
        ),
        ({"Content-MD5": base64.b64encode(hashlib.md5(CONTENT).digest()).decode()}, MD5),
    ],
)
def test_the_hash_that_a_server_publishes_is_checked(
    server: Server, tmp_path: Path, headers: dict[str, str], kind: str
) -> None:
    server.headers = headers
    server.files["a.bin"] = CONTENT
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    assert (fetched.hash, fetched.checked) == (kind, "as the server publishes")
    server.files["b.bin"] = CONTENT[:-1]
    with pytest.raises(InputError, match=f"different file from the published b.bin.*{kind}"):
        download.download(f"{server.url}/b.bin", "b.bin", tmp_path)
    assert not (tmp_path / "b.bin").exists()


def test_a_file_without_a_published_hash_is_not_pinned(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    fetched = download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    assert fetched.checked == "not pinned"
    assert fetched.hash == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def test_errors_of_servers(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="HTTP 404"):
        download.download(f"{server.url}/none", "a", tmp_path)
    assert len(server.asked) == 1
    server.files["a"] = b"<html>"
    server.failures = [503, 429]
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(InputError, match="web page instead of a file"):
        download.download(f"{server.url}/a", "a", tmp_path)
    with pytest.raises(InputError, match="no connection"):
        download.download("http://127.0.0.1:1/a", "a", tmp_path)


def test_a_full_disk_is_detected_beforehand(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["a.bin"] = CONTENT
    usage = types.SimpleNamespace(free=download.RESERVE + 1000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InputError, match="remain to be downloaded, but"):
        download.download(f"{server.url}/a.bin", "a.bin", tmp_path)
    archive = zipped(tmp_path / "a.zip", {"x.wav": CONTENT})
    with pytest.raises(InputError, match="unpacking needs"):
        archives.unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out" / "x.wav").exists()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes | tarfile.TarInfo], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            body = content if isinstance(content, bytes) else b""
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def test_archives_are_unpacked_below_their_home(tmp_path: Path) -> None:
    members = {"flac/a b.flac": b"1", "flac/ü.flac": b"2", "__MACOSX/flac/._a": b"x"}
    for archive in (
        zipped(tmp_path / "a.zip", members),
        tarred(tmp_path / "a.tar.gz", dict(members)),
        tarred(tmp_path / "a.tar", dict(members), "w"),
        tarred(tmp_path / "a.tar.bz2", dict(members), "w:bz2"),
    ):
        out = tmp_path / f"out-{archive.name}"
        assert archives.unpack(archive, out) == 2
        assert (out / "flac" / "ü.flac").read_bytes() == b"2"
        assert archives.unpack(archive, out, "flac") == 2
        assert archives.unpack(archive, out, "home") == 2
        found = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.flac"))
        assert found == [
            "flac/a b.flac", "flac/ü.flac", "home/flac/a b.flac", "home/flac/ü.flac",
        ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/tmp/evil", "C:\\evil", "..\\evil", "a\\..\\..\\evil"]
)
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "in"
    for archive in (
        zipped(tmp_path / "a.zip", {"good.wav": b"1", name: b"2"}),
        tarred(tmp_path / "a.tar", {name: b"2"}, "w"),
    ):
        with pytest.raises(InputError, match="points outside the folder; not unpacked"):
            archives.unpack(archive, inner)
    assert not list(inner.rglob("*"))
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    archive = tarred(tmp_path / "a.tar", {"link": info}, "w")
    with pytest.raises(InputError, match="'link' is a link or a device"):
        archives.unpack(archive, tmp_path / "out")
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="'link' is a link"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.wav").symlink_to(victim)
    archives.unpack(zipped(tmp_path / "a.zip", {"a.wav": b"1"}), tmp_path / "out")
    assert victim.read_bytes() == b"mine"
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"1"


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_damaged_archive_is_one_sentence(tmp_path: Path, ending: str) -> None:
    noise = hashlib.shake_256(b"x").digest(200_000)
    path = tmp_path / f"a.{ending}"
    members = {f"{i}.wav": noise for i in range(3)}
    if ending == "zip":
        zipped(path, members)
    else:
        tarred(path, dict(members), {"tar": "w"}.get(ending, f"w:{ending[4:]}"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged or cut short"):
        archives.unpack(path, tmp_path / "out")
    path.write_bytes(b"not an archive" * 100)
    with pytest.raises(InputError, match="damaged or cut short"):
        archives.unpack(path, tmp_path / "out")


def test_an_archive_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FLOOR", 1 << 20)
    zeros = bytes(3 << 20)
    for archive in (
        zipped(tmp_path / "a.zip", {"a.wav": zeros}),
        tarred(tmp_path / "a.tar.gz", {"a.wav": zeros}),
        tarred(tmp_path / "b.tar.gz", {f"{i}.wav": bytes(1 << 19) for i in range(6)}),
    ):
        with pytest.raises(InputError, match="more than 50 times its size"):
            archives.unpack(archive, tmp_path / "out")


def corpus(server: Server, **facts: object) -> corpora.Corpus:
    given = {"name": "toy", "title": "Toy", "page": "http://page", "licence": "CC0"} | facts
    remotes = tuple(
        corpora.RemoteFile(name, f"{server.url}/{name}", f"md5:{hashlib.md5(body).hexdigest()}")
        for name, body in server.files.items()
    )
    return corpora.Corpus(**given, files=remotes)  # type: ignore[arg-type]


def test_a_corpus_is_fetched_unpacked_recorded_and_not_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    server.files["one.zip"] = zipped(tmp_path / "1.zip", {"real/a.wav": b"1"}).read_bytes()
    server.files["two.tar.gz"] = tarred(tmp_path / "2.tar.gz", {"fake/b.wav": b"2"}).read_bytes()
    out = tmp_path / "out"
    toy = corpus(server)
    lines = list(corpora.fetch(toy, out, only="one*"))
    assert f"one.zip: 1 files in {out}" in lines
    assert not (out / "fake").exists()
    lines = list(corpora.fetch(toy, out))
    assert "one.zip was fetched before" in lines
    assert (out / "fake" / "b.wav").read_bytes() == b"2"
    record = json.loads((out / "fetched.json").read_text())
    assert record["two.tar.gz"]["checked"] == "pinned"
    assert len(server.asked) == 2
    assert sorted(p.name for p in out.iterdir()) == ["fake", "fetched.json", "real"]
    with pytest.raises(InputError, match=r"matches no file of toy \(one.zip, two.tar.gz\)"):
        list(corpora.fetch(toy, out, only="three"))
    (out / "fetched.json").write_text("{")
    with pytest.raises(InputError, match="is damaged: delete it"):
        list(corpora.fetch(toy, out))


def test_a_corpus_to_download_by_hand_says_how(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be fetched .* at http://page\. Ask"):
        list(corpora.fetch(corpus(server, note="Ask them."), tmp_path))


def test_kaggle_and_hugging_face_clients_are_called(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, dict[str, object]]] = []

    def download_(handle: str, **options: object) -> str:
        called.append((handle, options))
        return str(tmp_path)

    kaggle = types.ModuleType("kagglehub")
    kaggle.dataset_download = download_  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kagglehub", kaggle)
    hub = types.ModuleType("huggingface_hub")
    hub.snapshot_download = download_  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    list(corpora.fetch(corpus(server, kaggle="a/b"), tmp_path))
    list(corpora.fetch(corpus(server, hub="c/d"), tmp_path, only="fake/de/*"))
    assert called[0] == ("a/b", {"output_dir": str(tmp_path)})
    assert called[1][0] == "c/d" and called[1][1]["allow_patterns"] == "fake/de/*"

    def refuse(handle: str, **options: object) -> str:
        raise PermissionError("gated\nlong story")

    hub.snapshot_download = refuse  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"could not fetch toy \(gated\): log in"):
        list(corpora.fetch(corpus(server, hub="c/d"), tmp_path))
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(InputError, match=r"pip install 'launderbench\[kaggle\]'"):
        list(corpora.fetch(corpus(server, kaggle="a/b"), tmp_path))


def test_the_index_is_sound() -> None:
    for corpus_ in corpora.index().values():
        assert corpus_.page.startswith("https://")
        assert bool(corpus_.files) + bool(corpus_.kaggle) + bool(corpus_.hub) <= 1
        assert corpus_.way != "by hand" or corpus_.note
        for remote in corpus_.files:
            assert remote.url.startswith("https://") and remote.url.endswith(remote.name)
            assert archives.is_archive(Path(remote.name))
            if remote.hash:
                kind, digest = remote.hash.split(":")
                assert len(bytes.fromhex(digest)) == {"md5": 16, "sha256": 32}[kind]
    with pytest.raises(InputError, match="did you mean 'wavefake'"):
        corpora.find("wavefke")
    assert len(list(corpora.listing())) == len(corpora.index())
