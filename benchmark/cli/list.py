"""What is registered, as lines of text for `launderbench list`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from attacks.chains import pools
from attacks.contract import suites
from attacks.contract.base import Severity
from attacks.contract.base import registry as attack_registry
from attacks.contract.condition import spell
from benchmark.core import call_syntax
from benchmark.core.errors import InputError, unknown
from benchmark.data import embedded
from benchmark.data.protocol import Protocol
from benchmark.data.readers import READERS
from benchmark.inference import published_weights
from benchmark.report import citations
from benchmark.scores import fusion
from benchmark.training.training_config import planned
from detectors.contract.base import Detector, TensorDetector, Waveform, WholeWaveform
from detectors.contract.base import registry as detector_registry


def attacks_(family: str = "") -> Iterator[str]:
    """Every attack (of a family), family by family: its severity's ladder and unit, and measures.

    Below each, what it is and its spelling with all defaults; last how many there are.
    """
    known = {name: attack_registry.get(name) for name in attack_registry.names()}
    families = {cls.family for cls in known.values()}
    if family and family not in families:
        raise unknown("family", family, families)
    shown = sorted((cls.family, name) for name, cls in known.items() if family in ("", cls.family))
    rows = [(name, group, *_severity(known[name].severity), known[name].measures or "the residual")
            for group, name in shown]  # fmt: skip
    head = ("ATTACK", "FAMILY", "SEVERITY, MILD TO SEVERE", "UNIT", "MEASURED ON EVERY UTTERANCE")
    lines = _columns([head, *rows])
    yield next(lines)
    for (_, name), line in zip(shown, lines, strict=True):
        yield line
        made = known[name]()
        yield f"    {(known[name].__doc__ or '').strip().splitlines()[0]}"
        yield f"    {spell(made)}"
        if cause := made.unavailable():
            yield f"    not available in this build: {cause}"
    groups = f"in {len(families)} families" if not family else f"of the family {family}"
    yield f"{len(shown)} attacks {groups}"
    yield from _broken(attack_registry.broken)


def pools_() -> Iterator[str]:
    """Every packaged pool of stochastic chains: name, number of slots, what it is."""
    loaded = [pools.load(name) for name in pools.names()]
    yield from _columns([(p.name, f"{len(p.slots)} slots", p.description) for p in loaded])


def detectors_() -> Iterator[str]:
    """Every detector: name, what it is, input, parameters, weights, licence, what to cite.

    Then those that take parameters, the fusions of an ensemble, and how many there are.
    """
    known = detector_registry
    data = embedded.read() if embedded.complete() else None
    for name in known.names():
        cls = known.get(name)
        yield f"{name}  {cls.summary}"
        if issubclass(cls, TensorDetector):
            yield f"    input: {_input(cls.input)}"
            yield f"    parameters: {_parameters(cls())}"
        else:
            yield "    input: whole waves at 16 kHz"
        yield f"    weights: {_weights(name, cls(), data)}"
        licence = (
            published_weights.find(name).licence
            if name in published_weights.index()
            else cls.licence
        )
        if licence:
            yield f"    licence: {licence}"
        yield from _citations(name, cls)
    for name, cls in known.parametrised().items():
        yield f"{name}(...)  {cls.summary}"
        yield f"    say: {_fields(cls)}"
        yield f"    weights: {_later(name, cls)}"
        yield from _citations(name, cls)
    for method, what in fusion.METHODS.items():
        yield f"{method}(A, B, ...)  {what}"
        yield f'    say: --ensemble "{method}(mel-cnn, lfcc-gmm)", of detectors of the same run'
    yield f"{len(known.names())} detectors, {len(known.parametrised())} more by parameters"
    yield from _broken(known.broken)


def suites_() -> Iterator[str]:
    """Every packaged suite: name, number of conditions besides clean, what it is."""
    loaded = [suites.load(name) for name in suites.names()]
    rows = [(s.name, f"{len(s.conditions) - 1} conditions", s.description) for s in loaded]
    yield from _columns(rows)


def layouts_() -> Iterator[str]:
    """Every layout of data sets that is recognised: name, what marks it."""
    yield from _columns([(reader.name, reader.wants) for reader in READERS])


def _severity(severity: Severity | None) -> tuple[str, str]:
    if severity is None:
        return "-", "-"
    ladder = ", ".join(f"{level:g}" for level in severity.ladder)
    return f"{severity.parameter} {ladder}", severity.unit or "-"


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows with their columns aligned; the last column is as long as it likes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        yield "  ".join((*cells, row[-1]))


def _parameters(item: TensorDetector) -> str:
    try:
        return f"{sum(p.numel() for p in item.build().parameters()):,}"
    except InputError as error:
        return f"not known here ({error})"


def _weights(name: str, item: Detector, data: Protocol | None) -> str:
    """Where the detector's weights come from, and whether they are there.

    `data` is the embedded data set, where it is built: what was trained on it is looked for.
    """
    if name in published_weights.index():
        state = published_weights.find(name).state()
        return f"published, {state}" + (
            "" if state == "cached" else f" (launderbench weights fetch {name})"
        )
    if item.pretrained:
        return f"from a file (--weights {name}=FILE), or launderbench train {name}"
    if data is not None and planned(name, data)[1].is_file():
        return "trained on the embedded data set, seed 0"
    cause = item.unavailable()
    missing = f"; {cause}: that fetches it where it can" if cause else ""
    return f"not trained yet (launderbench train {name}{missing})"


def _later(name: str, cls: type[Detector]) -> str:
    """Where the weights of a detector come from that needs parameters."""
    if cls.ready_made:
        return "its own"
    return f'trained here (launderbench train "{name}(...)")'


def _fields(cls: type[Detector]) -> str:
    """The parameters with their defaults, as they are spelt; `...` where there is none."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    return ", ".join(f"{f.name}={call_syntax.value(f.default) if f.default != '' else '...'}"
                     for f in fields)  # fmt: skip


def _citations(name: str, cls: type[Detector]) -> Iterator[str]:
    for mention in citations.mentions(cls.citation, f"detector {name}"):
        yield f"    please cite: {mention}"


def _input(spec: object) -> str:
    shown = type(spec).__name__
    values = {
        f.name: getattr(spec, f.name)
        for f in dataclasses.fields(spec)  # type: ignore[arg-type]
    }
    match values.get("waveform"):
        case Waveform(samples=samples, sample_rate=rate):
            values["waveform"] = f"{samples} samples at {rate} Hz"
        case WholeWaveform(shortest=shortest, sample_rate=rate):
            values["waveform"] = f"any length from {shortest} samples at {rate} Hz"
    return f"{shown}({', '.join(f'{k}={v}' for k, v in values.items() if v is not None)})"


def _broken(broken: dict[str, str]) -> Iterator[str]:
    for plugin, cause in broken.items():
        yield f"not loaded: {plugin}: {cause}"
