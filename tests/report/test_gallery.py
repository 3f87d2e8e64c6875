"""The gallery: self-contained and escaped, with its scales and omissions stated."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.cli.main import main
from benchmark.report import gallery
from benchmark.report.palette import ramp
from tests.support import builders

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")

HOSTILE = "<script>alert(1)</script> & \"quote\" 'x'"


class Page(HTMLParser):
    """All start tags with their attributes, and the text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def gallery_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of two conditions over three recordings, one of them loud and with a hostile name."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "in").mkdir()
    for number in range(2):
        soundfile.write(folder / "in" / f"{number}.wav", builders.voice(number, 1.0), 16000)
    hostile = folder / "in" / HOSTILE.replace("/", "\N{DIVISION SLASH}")
    soundfile.write(f"{hostile}.wav", 3 * builders.voice(7, 7.0), 16000)
    condition = "noise(kind=white, snr=0) ; lowpass(cutoff=3000) | opus"
    command = ["attack", condition, str(folder / "in"), str(folder / "out"), "--gallery"]
    assert main(command) == 0
    return (folder / "out" / "gallery.html").read_text(encoding="utf-8")


def test_nothing_is_fetched_and_nothing_runs(gallery_page: str) -> None:
    page = Page(gallery_page)
    assert not page.of("script") and not page.of("link") and not page.of("iframe")
    for _, attributes in page.tags:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:audio/flac;", "data:image/png;", "#"))
    policies = [str(a.get("content")) for a in page.of("meta") if "http-equiv" in a]
    assert len(policies) == 1 and policies[0].startswith("default-src 'none'")
    assert (
        "http://" not in gallery_page
        and "https://" not in gallery_page
        and "@import" not in gallery_page
    )


def test_names_are_escaped(gallery_page: str) -> None:
    name = HOSTILE.replace("/", "\N{DIVISION SLASH}")
    assert name in Page(gallery_page).text and "<script" not in gallery_page


def test_everything_has_a_text_alternative(gallery_page: str) -> None:
    page = Page(gallery_page)
    for tag, name in (("img", "alt"), ("audio", "aria-label")):
        assert page.of(tag) and all(attributes.get(name) for attributes in page.of(tag))
    pictures = [a for a in page.of("svg") if a.get("role") == "img"]
    assert pictures and all(a.get("aria-label") for a in pictures)
    assert all(a.get("scope") for a in page.of("th")) and page.of("html")[0]["lang"] == "en"
    assert len(page.of("caption")) == len(page.of("table")) == 2 * gallery.UTTERANCES
    identifiers = [a["id"] for _, a in page.tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    used = [str(a["href"])[1:] for a in page.of("use")]
    assert used and set(used) <= set(identifiers)


def test_the_page_states_what_is_shown_and_what_is_not(gallery_page: str) -> None:
    page = Page(gallery_page)
    players = page.of("audio")
    assert len(players) == gallery.UTTERANCES * 3  # before, and after two conditions
    for player in players:
        content = base64.b64decode(str(player["src"]).partition(",")[2])
        wave, rate = soundfile.read(io.BytesIO(content))
        assert rate == 16000 and 0 < wave.size <= gallery.SECONDS * 16000
    text = " ".join(page.text.split())
    for sentence in (
        "Players and pictures hold the first 5 s at most",
        f"{gallery.RANGE_DB} dB below the top of the scale",
        "do not publish or pass it on where a speaker has not agreed",
        "samples reach beyond full scale",
        "as claimed",
    ):
        assert sentence in text, sentence


def test_the_page_stays_within_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "MOST_BYTES", 60_000)
    soundfile.write(tmp_path / "a.wav", builders.voice(1, 2.0), 16000)
    spelled = "; ".join(f"lowpass(cutoff={hertz})" for hertz in (1000, 2000, 3000, 4000))
    command = ["attack", spelled, str(tmp_path / "a.wav"), str(tmp_path / "out"), "--gallery"]
    assert main(command) == 0
    page = (tmp_path / "out" / "gallery.html").read_text(encoding="utf-8")
    assert len(page) < 250_000
    assert re.search(r"Not shown: .*lowpass\(cutoff=4000\)", page)


def test_the_png_decodes_to_its_palette() -> None:
    places = np.arange(gallery.SHADES, dtype=np.uint8).reshape(4, -1)
    with Image.open(io.BytesIO(gallery.png(places))) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.reshape(-1, 3).tolist() == [list(shade) for shade in ramp(gallery.SHADES)]
    luma = pixels.reshape(-1, 3) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luma) > 0).all()  # lightness alone orders the scale


def test_a_sine_has_the_expected_place_and_level() -> None:
    time = np.arange(16000) / 16000
    wave = np.sin(2 * np.pi * 2000 * time).astype(np.float32)
    power = gallery.spectrogram(wave)
    middle = power[:, power.shape[1] // 2]
    assert power.shape[0] == gallery.ROWS and int(middle.argmax()) == 2000 * gallery.ROWS // 8000
    assert abs(middle.max()) < 0.1
    shown = gallery.shades(power, 0.0)
    column = shown[:, shown.shape[1] // 2]
    assert int(column.argmax()) == gallery.ROWS - 1 - 2000 * gallery.ROWS // 8000
    assert column.max() == gallery.SHADES - 1 and column[0] == 0
    half = gallery.spectrogram(wave / np.float32(10))[:, power.shape[1] // 2].max()
    assert abs(half + 20) < 0.1
