"""The command `list`: what is registered, as lines of text."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmark.cli import typed
from benchmark.cli.arguments import Command, json_option
from benchmark.core import terminal
from benchmark.core.errors import InputError, unknown

if TYPE_CHECKING:
    from attacks.contract.base import Severity
    from benchmark.data.protocol import Protocol
    from detectors.contract.base import Detector, TensorDetector


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("list", "list attacks, detectors, layouts, pools or suites", show)
    kinds = ("attacks", "detectors", "layouts", "pools", "suites")
    sub.add_argument("what", choices=kinds, metavar="KIND", help=", ".join(kinds))
    sub.add_argument("--family", default="", help="only attacks of this family")
    json_option(sub)


def show(options: Namespace) -> int:
    """Print what is registered."""
    if options.plugin:
        typed.context(options)
    if options.family and options.what != "attacks":
        raise InputError("--family applies only to: launderbench list attacks")
    if options.json:
        print(json.dumps([*_rows(options.what, options.family)], indent=1))
        return 0
    listings = {
        "attacks": lambda: attacks_(options.family),
        "detectors": detectors_,
        "layouts": layouts_,
        "pools": pools_,
        "suites": suites_,
    }
    for line in listings[options.what]():
        print(line)
    return 0


def _rows(kind: str, family: str) -> Iterator[dict[str, Any]]:
    """Yield what is registered as plain data: one row per attack, detector, layout, pool, suite."""
    from attacks.chains import pools
    from attacks.contract import suites
    from benchmark.data.layouts import LAYOUTS

    if kind == "layouts":
        yield from ({"layout": name, "marks": marks} for name, marks in LAYOUTS.items())
    elif kind == "pools":
        for pool in map(pools.load, pools.names()):
            yield {"pool": pool.name, "slots": len(pool.slots), "description": pool.description}
    elif kind == "suites":  # as `catalogue.list_suites`, but without pandas
        for s in map(suites.load, suites.names()):
            count = len(s.conditions) - 1
            yield {"suite": s.name, "conditions": count, "description": s.description}
    else:
        from benchmark.api import catalogue

        table = getattr(catalogue, f"list_{kind}")()
        if family:
            _require_family(family, set(table["family"]))
            table = table[table["family"] == family]
        yield from json.loads(table.to_json(orient="records"))


def _require_family(family: str, families: set[str]) -> None:
    if family not in families:
        raise unknown("family", family, families, "launderbench list attacks")


def attacks_(family: str = "") -> Iterator[str]:
    """Yield a row for every attack (of a family): its severity's ladder, unit, and measures.

    Below each stand its summary, its spelling with all defaults, and what recordings and models it
    may use; the last line counts the attacks.
    """
    from attacks.contract.base import registry
    from benchmark.assets import wheel_files
    from benchmark.core import call_syntax

    known = {name: registry.get(name) for name in registry.names()}
    families = {cls.family for cls in known.values()}
    if family:
        _require_family(family, families)
    shown = sorted((cls.family, name) for name, cls in known.items() if family in ("", cls.family))
    rows = [(name, group, *_severity(known[name].severity), known[name].measures or "the residual")
            for group, name in shown]  # fmt: skip
    head = ("ATTACK", "FAMILY", "SEVERITY, MILD TO SEVERE", "UNIT", "MEASURED ON EVERY UTTERANCE")
    lines = terminal.columns([head, *rows])
    yield next(lines)
    for (_, name), line in zip(shown, lines, strict=True):
        yield line
        made = known[name]()
        yield terminal.paragraph(f"    {(known[name].__doc__ or '').strip().splitlines()[0]}")
        yield terminal.paragraph(f"    {call_syntax.spell(name, made, added=True)}")
        for line in known[name].materials():
            yield terminal.paragraph(f"    {line}")
        if cause := made.unavailable():
            fetched = wheel_files.unfetched(made.wheel_files)
            label = "not here yet" if fetched else "not available in this build"
            yield terminal.paragraph(f"    {label}: {cause}")
    groups = f"in {len(families)} families" if not family else f"of the family {family}"
    yield f"{len(shown)} attacks {groups}"
    yield from _broken(registry.broken)


def pools_() -> Iterator[str]:
    """Yield every packaged pool of stochastic chains: name, number of slots, description."""
    from attacks.chains import pools

    loaded = [pools.load(name) for name in pools.names()]
    return terminal.columns([(p.name, f"{len(p.slots)} slots", p.description) for p in loaded])


def detectors_() -> Iterator[str]:
    """Yield every detector: name, summary, input, parameters, weights, licence, citation.

    Then come those that take parameters, the fusions of an ensemble, and the number of all.
    """
    from benchmark.data import embedded
    from benchmark.frontends.spec_text import described
    from benchmark.inference import published_weights
    from benchmark.scores import fusion
    from detectors.contract.base import TensorDetector, registry

    data = embedded.read() if embedded.planned() else None
    for name in registry.names():
        cls = registry.get(name)
        yield terminal.paragraph(f"{name}  {cls.summary}")
        if issubclass(cls, TensorDetector):
            yield terminal.paragraph(f"    input: {described(cls.input)}")
            yield f"    parameters: {_parameters(cls())}"
        else:
            yield "    input: whole waves at 16 kHz"
        yield terminal.paragraph(f"    weights: {_weights(name, cls(), data)}")
        published = name in published_weights.index()
        licence = published_weights.find(name).licence if published else cls.licence
        if licence:
            terms = f": {cls.terms}" if cls.terms else ""
            yield terminal.paragraph(f"    licence: {licence}{terms}")
        if cls.trained_on:
            yield terminal.paragraph(f"    trained on: {', '.join(cls.trained_on)}")
        yield from _citations(name, cls)
    for name, cls in registry.parametrised().items():
        yield terminal.paragraph(f"{name}(...)  {cls.summary}")
        yield terminal.paragraph(f"    parameters: {_fields(cls)}")
        yield terminal.paragraph(f"    weights: {_later(name, cls)}")
        yield from _citations(name, cls)
    for method, summary in fusion.METHODS.items():
        yield terminal.paragraph(f"{method}(A, B, ...)  {summary}")
        example = f'--ensemble "{method}(mel-cnn, lfcc-gmm)"'
        yield terminal.paragraph(f"    option: {example}, of detectors of the same run")
    yield f"{len(registry.names())} detectors, {len(registry.parametrised())} more by parameters"
    yield from _broken(registry.broken)


def suites_() -> Iterator[str]:
    """Yield every packaged suite: name, number of conditions besides clean, description."""
    from attacks.contract import suites

    loaded = [suites.load(name) for name in suites.names()]
    return terminal.columns(
        [(s.name, f"{len(s.conditions) - 1} conditions", s.description) for s in loaded]
    )


def layouts_() -> Iterator[str]:
    """Yield every layout of data sets that is recognised: name, and the files that mark it."""
    from benchmark.data.layouts import LAYOUTS

    return terminal.columns([*LAYOUTS.items()])


def _severity(severity: Severity | None) -> tuple[str, str]:
    if severity is None:
        return "-", "-"
    ladder = ", ".join(f"{level:g}" for level in severity.ladder)
    return f"{severity.parameter} {ladder}", severity.unit or "-"


def _parameters(item: TensorDetector) -> str:
    from benchmark.inference import detector_size

    try:
        return f"{detector_size.parameters(item):,}"
    except InputError as error:
        return f"not known here ({error})"


def _weights(name: str, item: Detector, data: Protocol | None) -> str:
    """Say where the detector's weights come from, and whether they are there.

    `data` is the embedded data set, where its protocol is known here.
    """
    from benchmark.inference import published_weights
    from benchmark.training import trained_checkpoints
    from benchmark.training.training_config import TrainingConfig

    if name in published_weights.index():
        state = published_weights.find(name).state()
        return f"published, {state}" + (
            "" if state == "cached" else f" (launderbench weights fetch {name})"
        )
    cause = item.unavailable()
    if item.pretrained:
        trained = "" if cause else f", or launderbench train {name}"
        return f"from a file (--weights {name}=FILE){trained}"
    if not cause and (found := trained_checkpoints.find(name, TrainingConfig(), data)):
        where = "shipped" if trained_checkpoints.is_shipped(found) else "made here"
        return f"{where}, trained on the embedded data set, seed 0"
    missing = f"; {cause}: that fetches it where it can" if cause else ""
    return f"not trained yet (launderbench train {name}{missing})"


def _later(name: str, cls: type[Detector]) -> str:
    """Say where the weights of a detector with parameters come from."""
    if cls.ready_made:
        return "its own"
    return f'trained here (launderbench train "{name}(...)")'


def _fields(cls: type[Detector]) -> str:
    """Return the parameters with their defaults, as they are spelt; `...` where there is none."""
    from benchmark.core import call_syntax

    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    return ", ".join(f"{f.name}={call_syntax.value(f.default) if f.default != '' else '...'}"
                     for f in fields)  # fmt: skip


def _citations(name: str, cls: type[Detector]) -> Iterator[str]:
    from benchmark.report import citations

    for mention in citations.mentions(cls.citation, f"detector {name}"):
        yield terminal.paragraph(f"    please cite: {mention}")


def _broken(broken: dict[str, str]) -> Iterator[str]:
    for plugin, cause in broken.items():
        yield terminal.paragraph(f"not loaded: {plugin}: {cause}")
