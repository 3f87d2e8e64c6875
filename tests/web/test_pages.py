"""The pages without a browser: what a visitor sees for a clip, a bad file, and an empty folder."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmark.web import site
from benchmark.web.limits import Limits
from benchmark.web.site import Site
from tests.support import builders, web_desk
from tests.support.places import ROOT

testing = pytest.importorskip("streamlit.testing.v1", reason="the extra web is not installed")
from benchmark.web.server import SCRIPT  # noqa: E402

PATIENCE_S = 120
NAME = "../../etc/passwd.wav"  # no upload name is ever a path


def wav(wave: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, 16000, format="WAV")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back `__main__`, which the tested page replaces: workers of later tests would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="module")
def voice() -> bytes:
    return wav(builders.voice(3))


@pytest.fixture(scope="module", autouse=True)
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    limits = Limits(megabytes=1, seconds=5, conditions=20)
    site.use(Site(web_desk.desk(limits), dict.fromkeys(web_desk.DETECTORS, "*a* line"), limits,
                  results))  # fmt: skip
    return results


def opened() -> Any:
    page = testing.AppTest.from_file(str(SCRIPT), default_timeout=PATIENCE_S).run()
    assert not page.exception
    return page


def with_clip(content: bytes, name: str = NAME) -> Any:
    page = opened()
    page.file_uploader(key="file").set_value((name, content, "audio/wav"))
    page.run()
    assert not page.exception
    return page


def run_button(page: Any) -> Any:
    return next(button for button in page.button if button.label.startswith("Launder and score"))


def texts(elements: Any) -> str:
    return " ".join(str(element.value).replace("\\", "") for element in elements)


def test_without_a_clip_nothing_can_be_done() -> None:
    page = opened()
    assert run_button(page).disabled and not page.error
    assert "deleted" in texts(page.caption)


def test_a_clip_is_laundered_scored_measured_and_drawn(voice: bytes) -> None:
    page = with_clip(voice)
    assert "2.00 s; WAV, PCM_16, 16 kHz, mono" in texts(page.caption)
    page.selectbox(key="suite").set_value("none")
    page.multiselect(key="ladders").set_value(["lowpass"])
    page.text_area(key="text").set_value("gsm | mp3(kbps=32)")
    page.run()
    assert run_button(page).label == "Launder and score: 6 conditions, 2 detectors"
    run_button(page).click().run()
    assert not page.exception and not page.error
    mine = page.session_state["visit"]
    assert next(one.condition for one in mine.heard) == "clean" and len(mine.heard) == 7
    assert not any(one.cause for one in mine.heard)
    summary = next(part.value for part in page.get("html") if "<table" in part.value)
    assert summary.count("<tr") == 8 and "as claimed" in summary
    assert {"shortcut", "random"} <= set(page_columns(summary))
    assert page.selectbox(key="detail").options[-1].startswith("gsm")
    assert "residual" in page.dataframe[0].value["quantity"].tolist()
    assert len(page.get("vega_lite_chart")) == 2  # one severity curve for each detector
    labels = {button.label for button in page.get("download_button")}
    assert labels == {"Scores as CSV", "Measurements as CSV"}


def page_columns(summary: str) -> list[str]:
    return [part.partition("<")[0] for part in summary.split('<th scope="col">')[1:]]


def test_taking_the_clip_away_forgets_it(voice: bytes) -> None:
    page = with_clip(voice)
    assert page.session_state["visit"].clip is not None
    page.file_uploader(key="file").clear()
    page.run()
    assert page.session_state["visit"].clip is None and run_button(page).disabled


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (lambda: b"", "is empty (0 bytes)"),
        (lambda: b"a text\n" * 500, "cannot be decoded"),
        (lambda: wav(builders.voice(3, 5.5)), "the clip is longer than 5 s"),
    ],
)
def test_a_bad_file_is_refused_in_words(content: Callable[[], bytes], cause: str) -> None:
    page = with_clip(content())
    assert cause in texts(page.error) and "/proc" not in texts(page.error)
    assert run_button(page).disabled


def test_silence_is_taken_with_a_warning() -> None:
    page = with_clip(wav(np.zeros(16000)))
    assert "below -60 dBFS" in texts(page.warning) and not run_button(page).disabled


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("noise(kind=/etc/passwd)", "what you wrote is refused"),
        ("nois", "did you mean 'noise'"),
    ],
)
def test_a_wrong_condition_is_refused_in_words(voice: bytes, text: str, cause: str) -> None:
    page = with_clip(voice)
    page.text_area(key="text").set_value(text).run()
    assert cause in texts(page.error) and run_button(page).disabled


def test_a_recording_is_taken_too(voice: bytes) -> None:
    page = opened()
    page.segmented_control(key="source").set_value("Record").run()
    page.audio_input(key="recording").set_value(("r.wav", voice, "audio/wav"))
    page.run()
    assert not page.exception and not run_button(page).disabled


def boards_page() -> None:
    """The page of the leaderboards, as a script of its own."""
    from benchmark.web.page import board_view

    board_view.show()


def browsed() -> Any:
    page = testing.AppTest.from_function(boards_page, default_timeout=PATIENCE_S).run()
    assert not page.exception
    return page


def test_without_a_leaderboard_the_page_says_how_to_make_one() -> None:
    page = browsed()
    assert "make bench" in texts(page.info) and not page.dataframe


def test_leaderboards_are_browsed(served: Path) -> None:
    shutil.copytree(ROOT / "results" / "reference", served / "mine")
    (served / "broken").mkdir()
    (served / "broken" / "leaderboard.csv").write_text("x\n")
    page = browsed()
    page.selectbox(key="board").set_value("mine").run()
    (table,) = page.dataframe
    assert set(table.value["detector"]) >= {"mel-cnn", "shortcut"} and "clean_eer" in table.value
    (link,) = page.get("link_button")
    assert link.url == "/run/mine/leaderboard.html"
    narrow = table.value.shape[1]
    page.toggle(key="whole").set_value(True).run()
    assert page.dataframe[0].value.shape[1] > narrow
    page.selectbox(key="table").set_value("conditions").run()
    assert "eer" in page.dataframe[0].value
    page.selectbox(key="board").set_value("broken").run()
    assert "leaderboard.csv" in texts(page.error) and not page.exception
