"""The server in a real browser: nothing leaves the machine, bad files are told, it ends cleanly."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from tests.support import builders, media
from tests.support.places import ROOT

pytest.importorskip("streamlit", reason="the extra web is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream",
         "--use-fake-device-for-media-stream"]  # fmt: skip
END_S = 120  # a machine with other work takes long to leave Python
WAIT_MS = 90_000
CLICK_MS = 15_000
# Run before the command, in its process and its workers: names every address that is not local.
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        target = arguments[1] if event == "socket.connect" else arguments[0]
        host = target[0] if isinstance(target, tuple) else target
        if str(host) not in ("127.0.0.1", "::1", "localhost", "None") and not str(host)[:1] == "/":
            with open(os.environ["WATCHED"], "a") as file:
                file.write(f"{event} {host}\\n")
sys.addaudithook(watch)
"""
PEERS = """
window.peers = 0;
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection']) {
  const real = window[name];
  if (real) window[name] = new Proxy(real, { construct(target, given) {
    window.peers += 1; return new target(...given); } });
}
"""


@dataclass
class Served:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    watched: Path


def start(folder: Path, *more: str) -> Served:
    """Start the command in `folder`, and wait until it says its address."""
    (folder / "watch").mkdir(parents=True)
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    watched = folder / "watched.txt"
    watched.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", "serve", "--port", "0", "--jobs", "1",
         "--detectors", "shortcut,random", *more],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": f"{folder / 'watch'}{os.pathsep}{ROOT}",
                          "WATCHED": str(watched)},
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"^(http://\S+) \(Ctrl-C ends it\)$", line.strip()):
            return Served(process, found[1], watched)
    raise AssertionError("".join(said))


def ended(served: Served, number: int) -> tuple[int, str]:
    """Send a signal; return the exit code and what was said."""
    served.process.send_signal(number)
    said, _ = served.process.communicate(timeout=END_S)
    return served.process.returncode, said


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve")
    shutil.copytree(ROOT / "results" / "reference", folder / "results" / "mine")
    server = start(folder, "--max-upload", "1", "--max-seconds", "6")
    yield server
    if server.process.poll() is None:
        ended(server, signal.SIGTERM)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on the path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Visit:
    """An open page, with every request and every error of the browser."""

    page: Any
    requests: list[str]
    errors: list[str]


@pytest.fixture
def visit(browser: Any, served: Served, request: Any) -> Iterator[Visit]:
    width = getattr(request, "param", 1440)
    session = browser.new_context(
        viewport={"width": width, "height": 900}, permissions=["microphone"]
    )
    session.add_init_script(PEERS)
    opened = Visit(session.new_page(), [], [])
    session.on("request", lambda asked: opened.requests.append(asked.url))
    opened.page.on("websocket", lambda socket: opened.requests.append(socket.url))
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on(
        "console",
        lambda line: opened.errors.append(line.text) if line.type == "error" else None,
    )
    opened.page.set_default_timeout(WAIT_MS)
    opened.page.goto(served.url)
    opened.page.get_by_role("button", name="Launder and score").wait_for()
    yield opened
    assert opened.page.evaluate("window.peers") == 0  # no STUN
    hosts = {
        urlsplit(url).hostname for url in opened.requests if not url.startswith(("data:", "blob:"))
    }
    assert hosts == {"127.0.0.1"}
    assert opened.errors == []
    session.close()


def voice(folder: Path, seconds: float = 2.0, name: str = "voice.wav") -> Path:
    path = folder / name
    soundfile.write(path, builders.voice(3, seconds), 16000, subtype="PCM_16")
    return path


def upload(visit: Visit, path: Path) -> None:
    visit.page.locator("input[type=file]").set_input_files(path)


def choose(visit: Visit, text: str) -> None:
    """Choose no suite, and these conditions."""
    page = visit.page
    suite = page.get_by_role("combobox", name="Suite")
    suite.click()
    suite.fill("no suite")
    suite.press("Enter")
    page.get_by_text("More attacks, severity curves, chains").click()
    field = page.get_by_role("textbox", name="Conditions and chains, one a line")
    field.fill(text)
    field.press("Control+Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_meets_the_accessibility_rules(visit: Visit, scheme: str, tmp_path: Path) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    visit.page.reload()
    upload(visit, voice(tmp_path))
    visit.page.get_by_text("detectors hear 16 kHz").wait_for()
    visit.page.get_by_role("button", name="Launder and score: 19").wait_for()
    found = axe.Axe().run(visit.page).response
    broken = [rule for rule in found["violations"] if rule["id"] != "presentation-role-conflict"]
    told = [(r["id"], [(n["html"], n["failureSummary"]) for n in r["nodes"]]) for r in broken]
    assert told == []  # that rule is broken by Streamlit's own field for files
    assert len(found["passes"]) > 20  # rules were actually checked


@pytest.mark.parametrize("visit", [1440, 390], indirect=True)
def test_a_clip_from_upload_to_table(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    upload(visit, voice(tmp_path))
    page.get_by_text("detectors hear 16 kHz").wait_for()
    choose(visit, "lowpass(cutoff=5000); lowpass(cutoff=4000); gsm | mp3(kbps=32)")
    page.get_by_role("button", name="Launder and score: 3 conditions, 2 detectors").click()
    page.get_by_text("Measurements as CSV").wait_for()
    rows = page.locator("table").first.locator("tbody tr")  # the second table may follow
    assert rows.count() == 4 and "clean" in rows.first.inner_text()
    assert re.search(r"-?\d+\.\d\d", rows.last.inner_text())
    assert page.locator("audio").count() == 3
    for player in page.locator("audio").all():  # each holds a sound that the browser decodes
        playwright.expect(player).to_have_js_property("error", None)
        page.wait_for_function("player => player.duration > 1", arg=player.element_handle())
    for picture in page.locator("figure img").all():
        assert picture.evaluate("img => img.naturalWidth") > 100
    charts = page.locator(".vega-embed canvas, .vega-embed svg")
    playwright.expect(charts).to_have_count(2, timeout=WAIT_MS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Scores as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 2 * 4 and lines[0].startswith("condition,state,detector,score")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.viewport_size["width"]  # the table scrolls, never the page


def mute(folder: Path) -> Path:
    source, _ = media.source(folder)
    picture = ("-f", "lavfi", "-i", "color=size=64x64:duration=1:rate=5", "-map", "1:v")
    return media.encode(source, folder / "mute.mp4", *picture)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("visit", [390], indirect=True)
def test_bad_files_are_told_one_after_the_other(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(16000), 16000)
    for path, told in (
        (mute(tmp_path), "holds no sound track"),
        (written(tmp_path, "text.wav", b"only text\n" * 99), "cannot be decoded"),
        (written(tmp_path, "nothing.wav", b""), "is empty (0 bytes)"),
        (voice(tmp_path, 7.0, "long.wav"), "the clip is longer than 6 s"),
        (silence, "below -60 dBFS"),
    ):
        upload(visit, path)
        page.get_by_text(told).wait_for()
    big = tmp_path / "big.wav"
    big.write_bytes(bytes(1_200_000))
    upload(visit, big)
    page.get_by_text(re.compile(r"File must be .* or smaller")).wait_for()


def test_a_recording_of_the_microphone_is_taken(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("radio", name="Record").click()
    page.get_by_test_id("stAudioInputActionButton").first.click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_text("detectors hear 16 kHz").wait_for()


def test_leaderboards_are_browsed_and_their_page_is_shut_in(visit: Visit, served: Served) -> None:
    page = visit.page
    page.get_by_role("link", name="Leaderboards").click()
    with page.context.expect_page() as found:
        page.get_by_role("link", name="Open its page").click()
    board = found.value
    board.wait_for_load_state()
    assert board.title().startswith("LaunderBench")
    assert board.locator("table").count() > 0
    assert board.evaluate("window.origin") == "null"  # a stranger's page reaches nothing of ours
    board.close()


def test_the_server_itself_asks_nobody(served: Served) -> None:
    assert served.watched.read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_also_in_the_middle_of_a_job(
    number: int, tmp_path: Path, browser: Any
) -> None:
    server = start(tmp_path)
    children = descendants(server.process.pid)
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(voice(tmp_path, 6.0))
    page.get_by_text("detectors hear 16 kHz").wait_for()
    button, under_way = page.get_by_role("button", name="Launder and score:"), "done; next:"
    for _ in range(WAIT_MS // CLICK_MS):  # Streamlit loses a click that meets it drawing the page
        button.click()
        with contextlib.suppress(playwright.TimeoutError):
            page.get_by_text(under_way).wait_for(timeout=CLICK_MS)
            break
    else:
        pytest.fail("no job began")
    code, said = ended(server, number)
    page.close()
    assert (code, said.splitlines()[-1]) == (0, "stopped") and "Traceback" not in said
    until = time.monotonic() + 20  # multiprocessing's tracker leaves a moment after its parent
    while time.monotonic() < until and any(Path(f"/proc/{child}").exists() for child in children):
        time.sleep(0.1)
    assert children and not [child for child in children if Path(f"/proc/{child}").exists()]


def descendants(parent: int) -> list[int]:
    """Return the processes below one, from /proc."""
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found
