"""The reference of all detectors as Markdown, made from the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from benchmark.core import call_syntax
from benchmark.core.errors import InputError
from benchmark.frontends import spec_syntax
from benchmark.inference import detector_selection, published_weights
from benchmark.report import citations, markdown
from benchmark.scores import fusion
from detectors.contract.base import Detector, TensorDetector, registry

OURS = "detectors"  # the package of this project's own detectors; plugins have pages of their own
PARAMETERS = ("parameter", "default")
PUBLISHED = ("detector", "reported by its authors", "licence", "source")
FUSIONS = ("spelling", "meaning")

INTRODUCTION = """\
# Detectors

This page is made from the registry; `launderbench list detectors` prints the same for the
installation at hand, with what weights are there. Higher scores mean more bona fide, always."""

PARAMETRISED = """\
## With parameters

These are named by their spelling, `name(parameter=value, ...)`, which is also their name in the
tables."""

WEIGHTS = """\
## Published weights

`launderbench weights fetch NAME` downloads the file from its authors and compares its hash."""

ENSEMBLES = """\
## Ensembles

`--ensemble` fuses the scores of detectors of one run."""


def document() -> str:
    """Return the page as Markdown."""
    blocks = [INTRODUCTION, "## By name"]
    for name in registry.names():
        cls = registry.get(name)
        if _ours(cls):
            blocks += [*_detector(name, cls), _bullets(_facts(name, cls()))]
    blocks.append(PARAMETRISED)
    for name, cls in registry.parametrised().items():
        if _ours(cls):
            blocks += [*_detector(name, cls), _parameters(cls), _bullets(_sources(name, cls))]
    published = [
        (f"`{one.name}`", *map(markdown.escape, (one.reported, one.licence, one.repository)))
        for one in published_weights.index().values()
    ]
    fusions = [
        (f"`{method}(A, B, ...)`", markdown.escape(summary))
        for method, summary in fusion.METHODS.items()
    ]
    blocks += [WEIGHTS, markdown.table(PUBLISHED, published)]
    blocks += [ENSEMBLES, markdown.table(FUSIONS, fusions)]
    return "\n\n".join(blocks) + "\n"


def _ours(cls: type[Detector]) -> bool:
    return cls.__module__.partition(".")[0] == OURS


def _detector(name: str, cls: type[Detector]) -> Iterator[str]:
    yield f"### {name}"
    yield f"{markdown.escape(cls.summary)}."


def _bullets(facts: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"- **{label}**: {text}" for label, text in facts)


def _facts(name: str, made: Detector) -> Iterator[tuple[str, str]]:
    if isinstance(made, TensorDetector):
        yield "Input", _input(made)
    else:
        yield "Input", "whole waves at 16 kHz"
    yield "Weights", _weights(name, made)
    yield from _sources(name, type(made))


def _input(made: TensorDetector) -> str:
    try:
        return f"`{spec_syntax.spell(made.input)}`"
    except InputError:  # it keeps a part of a spectrum
        return f"`{type(made.input).__name__}`, part of it"


def _weights(name: str, made: Detector) -> str:
    if name in published_weights.index():
        return "published by its authors, see below"
    if not made.learns:
        return "none, it learns nothing"
    if made.pretrained:
        return f"from a file (`--weights {name}=FILE`), or `launderbench train {name}`"
    if name in detector_selection.DEFAULT:
        return "come along; `launderbench train` makes others"
    return f"`launderbench train {name}`"


def _sources(name: str, cls: type[Detector]) -> Iterator[tuple[str, str]]:
    if cls.licence:
        yield "Licence", markdown.escape(cls.licence)
    mentions = [*citations.mentions(cls.citation, f"detector {name}")]
    if mentions:
        yield "Source", markdown.escape("; ".join(mentions))


def _parameters(cls: type[Detector]) -> str:
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cls)  # type: ignore[arg-type]
    rows = [
        (f"`{field.name}`", f"`{call_syntax.value(field.default)}`" if field.default != "" else "")
        for field in fields
    ]
    return markdown.table(PARAMETERS, rows)
