"""What MkDocs calls while it builds the site out of the pages of this repository.

Pages keep their paths in the repository (`docs/data.md`, `results/COLUMNS.md`), so links between
them are the same here and on a code host. Two pages are generated, and the example notebook is
shown with its output. Formulas become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS = "docs/"
SITE = "docs/site/"  # what builds the site, and is no page of it
GENERATED = "docs/generated/"
LINK = re.compile(r"\]\(([^)\s#:]+)")
NOTEBOOK = re.compile(r"(\]\([^)\s:]+)\.ipynb\b")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
PARTS = (  # of the reference of the public face, by the packages that its names come from
    ("attacks.", "Attacks"),
    ("detectors.", "Detectors and their inputs"),
    ("benchmark.", "Runs, scores and results"),
    ("", "Plugins and commands"),
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Give every page its path in the repository; add the pages outside of docs/."""
    kept = [file for file in files if file.src_dir != config.docs_dir]
    own = [f"{DOCS}{file.src_uri}" for file in files if file.src_dir == config.docs_dir]
    own = [path for path in own if not path.startswith(SITE) or path.endswith((".css", ".js"))]
    outside = [path for path in _leaves(config.nav) if (ROOT / path).is_file()]
    paths = dict.fromkeys([*own, *(path for path in outside if path not in own)])
    linked = {target for path in paths if path.endswith(".md") for target in _targets(path)}
    paths |= dict.fromkeys(sorted(linked - {*paths}))
    made = {f"{GENERATED}{name}": text for name, text in _generated().items()}
    made |= {f"{path[:-6]}.md": _notebook(path) for path in paths if path.endswith(".ipynb")}
    return Files(
        [
            *kept,
            *(_file(path, config) for path in paths),
            *(_file(path, config, text) for path, text in made.items()),
        ]
    )


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to a notebook to the page that shows it."""
    return NOTEBOOK.sub(r"\1.md", markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw formulas as MathML."""
    return FORMULA.sub(_mathml, html)


def _mathml(match: re.Match[str]) -> str:
    source = match[3].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
    return convert(source, display="block" if match[2] == "[" else "inline")


def _file(path: str, config: MkDocsConfig, content: str | None = None) -> File:
    """Return a file at its path in the repository; pages of docs/ go to the top of the site."""
    file = File(path, str(ROOT), config.site_dir, config.use_directory_urls)
    shown = file.dest_uri.removeprefix(GENERATED).removeprefix(DOCS)
    file = File(path, str(ROOT), config.site_dir, config.use_directory_urls, dest_uri=shown)
    if content is not None:
        file.content_string = content
        file.src_dir, file.generated_by = None, __name__
    return file


def _leaves(nav: Any) -> Iterator[str]:
    """Yield the paths of a navigation."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for below in nav.values():
            yield from _leaves(below)
    else:
        for below in nav or ():
            yield from _leaves(below)


def _targets(path: str) -> Iterator[str]:
    """Yield the files of the repository, but for pages, that a page links to."""
    for target in LINK.findall((ROOT / path).read_text(encoding="utf-8")):
        found = (ROOT / path).parent.joinpath(target).resolve()
        if found.is_file() and found.suffix != ".md" and found.is_relative_to(ROOT):
            yield found.relative_to(ROOT).as_posix()


def _generated() -> dict[str, str]:
    """Return the pages that are made from the code, by file name."""
    sys.path.insert(0, str(ROOT))
    import launderbench
    from benchmark.cli import command_reference, main

    return {
        "cli.md": command_reference.document(main.parser()),
        "api.md": _api(launderbench),
    }


def _api(face: Any) -> str:
    """Return the page of the public face, in parts by the packages of its names."""
    homes = {name: f"{module}." for module, names in face._HOMES.items() for name in names}
    blocks = ["# Python reference", f"`import launderbench`: {face.__doc__.splitlines()[0]}"]
    left = [*face.__all__]
    for package, title in PARTS:
        names = [name for name in left if homes.get(name, "").startswith(package)]
        left = [name for name in left if name not in names]
        blocks += [f"## {title}", *(f"::: launderbench.{name}" for name in names)]
    return "\n\n".join(blocks) + "\n"


def _notebook(path: str) -> str:
    """Return a notebook with its output as Markdown."""
    book = nbformat.read(ROOT / path, as_version=4)
    return "\n\n".join(block for cell in book.cells for block in _cell(cell)) + "\n"


def _cell(cell: Any) -> Iterator[str]:
    if cell.cell_type != "code":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            yield f'<img alt="output" src="data:image/png;base64,{data["image/png"].strip()}">'
        elif text := output.get("text") or data.get("text/plain"):
            yield f"```text\n{text.rstrip()}\n```"
