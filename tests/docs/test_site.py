"""The documentation as a site: complete, without a dead link, and without anything from outside."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import launderbench
from benchmark.cli import command_reference, main
from tests.support.places import ROOT

for needed in ("material", "mkdocstrings", "latex2mathml", "nbformat"):
    pytest.importorskip(needed, reason="the extra docs is not installed")
build = pytest.importorskip("mkdocs.commands.build", reason="the extra docs is not installed").build
load_config = pytest.importorskip("mkdocs.config").load_config
Abort = pytest.importorskip("mkdocs.exceptions").Abort

CONFIG = str(ROOT / "mkdocs.yml")
OUTSIDE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)
STYLE_OUTSIDE = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Asked(HTMLParser):
    """The addresses that a page loads by itself; links that a reader follows are none."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.ids.add(facts.get("id", ""))
        loads = ("src", "srcset", "poster", "data", "action")
        self.addresses += [facts[name] for name in loads if name in facts]
        if tag == "link":
            self.addresses.append(facts.get("href", ""))


def asked(page: Path) -> Asked:
    found = Asked()
    found.feed(page.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(load_config(CONFIG, site_dir=str(folder), strict=True))
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Asked]:
    found = {path.relative_to(site).as_posix(): asked(path) for path in site.rglob("*.html")}
    return {name: page for name, page in found.items() if name != "404.html"}


def test_every_page_of_the_documentation_is_there(pages: dict[str, Asked]) -> None:
    sources = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert {path.with_suffix(".html").as_posix() for path in sources} - {*pages} == set()
    assert {"index.html", "CONTRIBUTING.html", "results/COLUMNS.html"} <= {*pages}
    assert {"api.html", "cli.html", "detectors.html", "examples/python_api.html"} <= {*pages}


def test_no_page_asks_for_anything_outside(site: Path, pages: dict[str, Asked]) -> None:
    outside = {
        name: address
        for name, page in pages.items()
        for address in page.addresses
        if OUTSIDE.match(address)
    }
    assert outside == {}
    styles = [path for path in site.rglob("*.css") if STYLE_OUTSIDE.search(path.read_text())]
    assert styles == []


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<img src="http://track.example/1.gif">',
    ],
)
def test_what_asks_outside_is_found(html: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(html)
    assert any(map(OUTSIDE.match, asked(tmp_path / "page.html").addresses))


@pytest.mark.parametrize(
    "text", ["[gone](gone.md)", "[gone](#gone)", "[outside](../README.md)", "[root](/x.md)"]
)
def test_a_broken_link_fails_the_build(text: str, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# Page\n\n{text}\n")
    plain: dict[str, Any] = {"hooks": [], "plugins": [], "nav": None, "extra_css": []}
    config = load_config(
        CONFIG, docs_dir=str(docs), site_dir=str(tmp_path / "site"), strict=True, **plain
    )
    with pytest.raises(Abort):
        build(config)


def test_every_command_and_option_is_in_the_reference(site: Path, pages: dict[str, Asked]) -> None:
    text = (site / "cli.html").read_text(encoding="utf-8")
    parser = main.parser()
    found = [*command_reference.commands(parser)]
    assert {"bench", "data describe", "import-scores"} <= {one.name for one in found}
    assert {one.name.replace(" ", "-") for one in found} - pages["cli.html"].ids == set()
    spelled = {name for one in found for option in one.options for name in option.option_strings}
    assert [name for name in spelled if name not in text] == []


def test_help_and_reference_name_the_same_options() -> None:
    documented = command_reference.document(main.parser())
    for one in command_reference.commands(main.parser()):
        section = documented.partition(f"\n## {one.name}\n")[2].partition("\n## ")[0]
        shared = documented.partition("every command\n\n")[2].partition("\n## ")[0]
        for option in one.options:
            assert command_reference._usage(option).replace("|", "\\|") in section + shared


def test_every_name_of_the_public_face_is_documented(pages: dict[str, Asked]) -> None:
    wanted = {f"launderbench.{name}" for name in launderbench.__all__}
    assert wanted - pages["api.html"].ids == set()


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    text = (site / "metrics.html").read_text(encoding="utf-8")
    assert "<math" in text and "arithmatex" not in text and "\\frac" not in text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(BROWSERS)} is on the path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


def test_it_is_read_and_searched_from_disk_on_a_phone(site: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(120_000)
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    for name in ("index.html", "metrics.html", "results/COLUMNS.html", "cli.html"):
        page.goto((site / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page.locator("label[for=__search]:visible").first.click()
    page.keyboard.type("rank_low_without")
    page.locator(".md-search-result__link").first.wait_for()
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
