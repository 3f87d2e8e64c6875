"""Leaderboards: only folders that are listed are opened, and a page cannot leave its sandbox."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.errors import InputError
from benchmark.web import boards
from tests.support.places import ROOT

pytest.importorskip("streamlit", reason="the extra web is not installed")
from benchmark.web import server
from benchmark.web.server import Address


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    one = shutil.ignore_patterns("laundering", "scope-spoof")  # boards of their own
    shutil.copytree(ROOT / "results" / "reference", root / "first run", ignore=one)
    beside = "group/inner/scope-spoof"  # a page to which that of group/inner leads
    for name in ("older", "group/inner", ".hidden", "group/.hidden", beside, "group/inner/deeper"):
        (root / name).mkdir(parents=True)
        (root / name / boards.MARK).write_text("broken")
    os.utime(root / "older" / boards.MARK, (0, 0))
    (root / "secret").mkdir()
    (root / "secret" / boards.PAGE).write_text("secret")
    return root


def test_runs_are_listed_newest_first_and_hidden_ones_not(results: Path) -> None:
    names = [board.name for board in boards.listed(results)]
    listed = {"first run", "older", "group/inner", "group/inner/scope-spoof"}
    assert set(names) == listed and len(names) == 4 and names[-1] == "older"
    assert boards.listed(results / "nowhere") == []


def test_tables_are_those_of_the_files_and_damage_is_named(results: Path) -> None:
    tables = boards.find(results, "first run").tables()
    assert next(iter(tables)) == "leaderboard" and set(tables) <= set(boards.ABOUT)
    assert set(tables["leaderboard"]["detector"]) >= {"mel-cnn", "shortcut"}
    assert all(len(table) for table in tables.values())
    with pytest.raises(InputError, match=r"older.*leaderboard\.csv"):
        boards.find(results, "older").tables()


def asked(results: Path, path: str, host: str = "127.0.0.1", method: str = "GET") -> Any:
    """Return status, headers and body of the server's answer to one request."""
    guard = server.Guard(server.route(results), server.LOOPBACK)
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": [(b"host", host.encode())],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(3600)  # the client sends nothing more, and stays

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, body


def test_a_page_is_sent_into_a_sandbox(results: Path) -> None:
    board = boards.find(results, "first run")
    assert board.page is not None and "%20" in board.address
    status, headers, body = asked(results, "/run/first run/leaderboard.html")
    assert status == 200 and body == board.page.read_bytes()
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox ") and "default-src 'none'" in policy
    assert "allow-same-origin" not in policy and headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["secret", "../secret", "first run/../secret", ".hidden", "/etc", "older", "", "a\0b"]
)
def test_what_is_not_listed_is_not_sent(results: Path, name: str) -> None:
    status, headers, body = asked(results, f"/run/{name}/leaderboard.html")
    assert status == 404 and body != b"secret"
    assert "content-security-policy" in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "127.0.0.1.evil", ""])
def test_a_foreign_name_of_the_loopback_is_refused(results: Path, host: str) -> None:
    assert asked(results, "/run/first run/leaderboard.html", host)[0] == 421


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.9.9.9", True),
        ("0.0.0.0", False), ("192.168.1.7", False), ("::", False), ("my.host", False),
    ],
)  # fmt: skip
def test_loopback_addresses_are_known(host: str, loopback: bool) -> None:
    assert Address(host).loopback is loopback


def test_nothing_is_told_to_others() -> None:
    options = server.options(Address(), 1, server.Limits())
    assert options["browser.gatherUsageStats"] is False and options["server.headless"] is True
    assert options["server.fileWatcherType"] == "none"
    assert options["client.showErrorDetails"] == "none"
