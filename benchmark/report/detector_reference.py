"""The reference of all detectors, `docs/detectors.md`, made from the registry: one card for each.

`python -m benchmark.report.detector_reference docs/detectors.md` writes it; a test holds that it is
up to date. Sizes stand in `detector_sizes.csv` beside the page, figures in results/reference.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core import atomic_files, json_text
from benchmark.frontends.spec_text import described
from benchmark.inference import checkpoints, published_weights
from benchmark.leaderboard import read_tables
from benchmark.report import citations, markdown
from benchmark.report.jinja import DASH, percent
from benchmark.report.rows import records
from benchmark.training import trained_checkpoints
from detectors.contract.base import Detector, TensorDetector, registry

SIZES = "detector_sizes.csv"
REFERENCE = Path("results") / "reference"
WEAKEST = 3  # families of launderings that a card names
OVERVIEW = ("detector", "kind", "parameters", "multiply-adds", "clean EER, %", "laundered EER, %")

INTRODUCTION = """\
# Detectors

This page is made from the registry, by `python -m benchmark.report.detector_reference
docs/detectors.md`.
`launderbench list detectors` prints the short form and says which weights are on your machine.

Higher scores mean more bona fide. *Parameters* count every number of the network. *Multiply-adds*
are those of one utterance of 4 s, in convolutions, matrix products and attention, as torch's
`FlopCounterMode` counts them (`python -m benchmark.report.detector_sizes docs/detector_sizes.csv`);
recurrent layers, frontends and normalisation are not in them. *Figures* are those of the reference
leaderboard ({reference}),
with 95 % intervals over speakers; papers should cite figures on public corpora. *Weak against*
names the families under which most is lost, in points of EER, of those whose interval lies above
zero."""


def document(sizes: pd.DataFrame, reference: Path) -> str:
    """Return the page as Markdown.

    sizes     : the table of `detector_sizes.csv`
    reference : the folder of the reference leaderboard
    """
    tables = read_tables.read(reference)
    facts = json_text.parse((reference / read_tables.FACTS).read_bytes())["protocol"]
    where = f"data set {facts['name']}, version {facts['version']}, track {facts['headline']}"
    held = sizes.set_index("detector").to_dict("index")
    board = {row["detector"]: row for row in records(tables["leaderboard"])}
    families = [
        row
        for row in records(tables["robustness"])
        if row["track"] == facts["headline"] and row["family"] != "all" and row["complete"]
    ]
    known = [*_registered()]
    rows = [_overview(name, cls, held, board) for name, cls in known]
    blocks = [INTRODUCTION.format(reference=where), markdown.table(OVERVIEW, rows, range(2, 6))]
    for name, cls in known:
        mine = [row for row in families if row["detector"] == name]
        blocks += _card(name, cls, held.get(name), board.get(name), mine)
    return "\n\n".join(blocks) + "\n"


def _registered() -> list[tuple[str, type[Detector]]]:
    """Return the detectors of this project by name; plugins have pages of their own."""
    every = {name: registry.get(name) for name in registry.names()} | registry.parametrised()
    own = {n: cls for n, cls in every.items() if cls.__module__.partition(".")[0] == "detectors"}
    return sorted(own.items())


def _overview(
    name: str,
    cls: type[Detector],
    sizes: Mapping[Any, Mapping[Any, Any]],
    board: Mapping[str, Mapping[str, Any]],
) -> tuple[str, ...]:
    size, figures = sizes.get(name, {}), board.get(name, {})
    return (
        f"[{name}](#{name})",
        _kind(name, cls),
        _count(size.get("parameters")),
        _count(size.get("multiply_adds")),
        percent(figures.get("clean_eer")) if figures else DASH,
        percent(figures.get("laundered_eer")) if figures else DASH,
    )


def _kind(name: str, cls: type[Detector]) -> str:
    if name in published_weights.index():
        return "published weights"
    if cls.ready_made:
        return "your own model"
    if not cls.learns:
        return "baseline"
    return "weights from a file" if cls.pretrained else "trained here"


def _card(
    name: str,
    cls: type[Detector],
    size: Mapping[Any, Any] | None,
    figures: Mapping[str, Any] | None,
    families: list[dict[str, Any]],
) -> Iterator[str]:
    yield f"## {name}"
    yield markdown.escape(f"{cls.summary[:1].upper()}{cls.summary[1:]}.")
    facts = _facts(name, cls, size, figures, families)
    yield "\n".join(f"- **{label}**: {text}" for label, text in facts if text)


def _facts(
    name: str,
    cls: type[Detector],
    size: Mapping[Any, Any] | None,
    figures: Mapping[str, Any] | None,
    families: list[dict[str, Any]],
) -> Iterator[tuple[str, str]]:
    published = published_weights.index().get(name)
    yield "Architecture", _architecture(cls)
    if dataclasses.is_dataclass(cls):
        yield "Options", ", ".join(f"`{f.name}`" for f in dataclasses.fields(cls))
    if size is not None:
        adds = f"{_count(size['multiply_adds'])} multiply-adds"
        yield "Size", f"{int(size['parameters']):,} parameters, {adds}"
    if issubclass(cls, TensorDetector):
        given = getattr(cls, "input", None)
        yield "Input", f"`{described(given)}`" if given else "as its options say"
    else:
        yield "Input", "whole waves at 16 kHz"
    yield "Training", markdown.escape(_training(name, cls))
    yield "Trained on", markdown.escape(_trained_on(name, cls))
    if published is not None:
        yield (
            "Weights",
            (
                f"{published.size / 1e6:.1f} MB, `{published.repository}` at"
                f" `{published.commit[:12]}`: `launderbench weights fetch {name}`"
            ),
        )
        yield "Reported by its authors", markdown.escape(published.reported)
    yield "Figures", _figures(figures)
    yield "Weak against", _weaknesses(families)
    licence = published.licence if published else cls.licence
    yield "Licence", markdown.escape(f"{licence}: {cls.terms}" if cls.terms else licence)
    yield "Source", "; ".join(citations.mentions(cls.citation, f"detector {name}"))


def _architecture(cls: type[Detector]) -> str:
    """Return the first paragraph of a class' docstring, if it says more than the summary."""
    said = " ".join((cls.__doc__ or "").strip().partition("\n\n")[0].split())
    return "" if said.rstrip(".").lower() == cls.summary.lower() else markdown.prose(said)


def _training(name: str, cls: type[Detector]) -> str:
    if cls.trained_on:
        return "by its authors"
    if name in published_weights.index() or cls.ready_made or not cls.learns:
        return "" if cls.learns or cls.ready_made else "none: it learns nothing"
    if not issubclass(cls, TensorDetector):
        return "fitted once on all training waves"
    recipe = cls.recipe
    return (
        f"at most {recipe.epochs} epochs, batches of {recipe.batch_size}, learning rate"
        f" {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}, stopped after"
        f" {recipe.patience} epochs without progress on dev"
    )


def _trained_on(name: str, cls: type[Detector]) -> str:
    """Say on which corpora a detector was trained, as far as this project knows."""
    if cls.trained_on:
        return ", ".join(f"{corpus} ({part})" for corpus, part in cls.trained_on.items())
    if name in published_weights.index() or not cls.learns:
        return ""
    return _shipped().get(name, "")


@cache
def _shipped() -> dict[str, str]:
    """Return the training data of the shipped checkpoints, by the names of their detectors."""
    found = {}
    for path in sorted(trained_checkpoints.FOLDER.glob(f"*{checkpoints.OURS}")):
        facts = checkpoints.load(path).facts
        version, seed = facts["data_version"], facts["seed"]
        found[str(facts["detector"])] = (
            f"{facts['data']}, version {version}, seed {seed} (the checkpoint that comes along)"
        )
    return found


def _figures(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "none: it is not on the reference leaderboard"
    shown = [f"EER {_bounded(row, 'clean_eer')} on clean audio"]
    shown.append(f"{_bounded(row, 'laundered_eer')} laundered")
    worst = f"{percent(row['worst_eer'])} % under `{row['worst_condition']}`"
    return ", ".join([*shown, worst])


def _weaknesses(families: list[dict[str, Any]]) -> str:
    """Name the families that cost most, of those whose interval lies above zero."""
    lost = [row for row in families if (row["eer_delta_low"] or 0.0) > 0]
    ordered = sorted(lost, key=lambda row: (-row["eer_delta"], row["family"]))[:WEAKEST]
    return ", ".join(
        f"{markdown.escape(row['family'])} (+{_points(row['eer_delta'])}"
        f" [{_points(row['eer_delta_low'])}, {_points(row['eer_delta_high'])}])"
        for row in ordered
    )


def _points(rate: float) -> str:
    return f"{100 * rate:.1f}"


def _bounded(row: Mapping[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    bounds = "" if low is None or high is None else f" [{percent(low)}, {percent(high)}]"
    return f"{percent(row[name])} %{bounds}"


def _count(number: float | None) -> str:
    """Return a count with three digits and its unit.

    >>> _count(297_866), _count(2_345_678_901), _count(None)
    ('298 k', '2.35 G', '–')
    """
    if number is None:
        return DASH
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{int(number)}"


def main(page: Path) -> None:
    """Write the page, from the sizes beside it and the reference leaderboard."""
    sizes = pd.read_csv(page.with_name(SIZES))
    atomic_files.write(page, document(sizes, page.parent.parent / REFERENCE))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
