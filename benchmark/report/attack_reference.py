"""The reference of all attacks, `docs/attacks.md`, made from the registry.

`python -m benchmark.report.attack_reference docs/attacks.md` writes it; a test holds that it is up
to date. What must be measured stands in `attack_measurements.csv` beside the page.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Hashable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.chains.realities import Reality
from attacks.contract.base import NO_LIMITS, Attack, SampleLimits, registry
from attacks.contract.condition import spell
from benchmark.core import atomic_files, call_syntax
from benchmark.report import citations, markdown

MEASUREMENTS = "attack_measurements.csv"
PARAMETERS = ("parameter", "default", "values", "meaning")
PASSAGES = ("step", "where its values come from")
COSTS = ("attack", "family", "laundering, ms", "checking, ms")
# what each of an attack's `SampleLimits` is about, and how it is limited
LIMITS = {
    "lag": ("lag of the envelope", "up to {:g} ms either way"),
    "level": ("change of the active level", "from {:+g} to {:+g} dB"),
    "alive": ("loss of active frames", "that leaves {:.0%}"),
    "envelope": ("change of the envelope", "that leaves a correlation of {:g}"),
    "silence": ("new digital silence in loud speech", "up to {:g} s"),
    "clipping": ("new clipping", "of up to {:.1%} of the samples"),
}
_PARAMETER = re.compile(r"^(\w+)\s*: (.*)$")

INTRODUCTION = """\
# Attacks

This page is made from the registry: `python -m benchmark.report.attack_reference docs/attacks.md`.
`launderbench list attacks` prints the short form, and [verification.md](verification.md) says how
a condition earns its mark.

An attack is spelled `name(parameter=value, ...)`; parameters that are left out take their default.
A ladder names five levels of severity from mild to severe. *Claimed* lists what is measured on
every utterance, with the tolerance at the defaults. *Allowed* is what the attack may do to the
active frames of speech beside its claim, where this is not the rule, which is:

{rule}"""

LEFT_OUT = """\
## Left out, and why

- **EVS**: no package with an encoder was found.
- **G.729**: `g729lib` is Python code that loads a libbcg729 of the system and carries none; PyAV
  only decodes.
- **iLBC**: PyAV decodes; no wheel with an encoder was found.
- **SILK v3**: `pilk` is offered as source only; `graiax-silkcoder` holds the encoder inside an
  extension of CPython, and the terms of its SDK were not checked. Opus at low rates uses a later
  form of SILK.
- **EnCodec** (C04 and C07 of ASVspoof 5): no wheel with its weights was found.
- **Dereverberation** (`nara-wpe`): two of its own algorithms for the same task differ by -47 to
  -67 dB, so its output could not be held to a second path."""

COST_TEXT = """\
## Cost

Milliseconds of processor time for one utterance of 4 s on one thread ({machine}), the median of
nine utterances of the embedded test speech: laundering, and measuring what was claimed. The command
is `python -m tests.support.attack_measurements docs/attack_measurements.csv`."""


def document(measured: pd.DataFrame) -> str:
    """Return the page as Markdown; `measured` is the table of `attack_measurements.csv`."""
    rows = measured.set_index("attack").to_dict("index")
    known = [(cls.family, name, cls) for name, cls in _registered()]
    blocks = [
        INTRODUCTION.format(
            rule="\n".join(f"- {said}" for said in _limits(SampleLimits()).values())
        )
    ]
    for family, group in groupby(sorted(known, key=lambda item: item[:2]), lambda item: item[0]):
        blocks.append(f"## {family}")
        for _, name, cls in group:
            blocks += _attack(name, cls(), rows.get(name, {}))
    return "\n\n".join([*blocks, LEFT_OUT, *_costs(measured)]) + "\n"


def _registered() -> Iterator[tuple[str, type[Attack]]]:
    """Yield the attacks of this project; plugins have pages of their own."""
    for name in registry.names():
        cls = registry.get(name)
        if cls.__module__.partition(".")[0] == "attacks":
            yield name, cls


def _attack(name: str, made: Attack, measured: Mapping[Hashable, Any]) -> Iterator[str]:
    said = _docstring(made)
    yield f"### {name}"
    yield "\n\n".join(said.paragraphs)
    yield f"`{spell(made)}`"
    if isinstance(made, Reality):
        yield markdown.table(
            PASSAGES, [(f"`{p.spelling}`", markdown.escape(p.source)) for p in made.passages]
        )
    if parameters := _parameters(made, said.parameters):
        yield markdown.table(PARAMETERS, parameters)
    yield "\n".join(f"- **{label}**: {text}" for label, text in _facts(made, measured) if text)


def _facts(made: Attack, measured: Mapping[Hashable, Any]) -> Iterator[tuple[str, str]]:
    if (severity := made.severity) is not None:
        levels = ", ".join(f"{level:g}" for level in severity.ladder)
        unit = f" {severity.unit}" if severity.unit else ""
        yield "Ladder", f"`{severity.parameter}` {levels}{unit}"
    yield "Measured", markdown.escape(made.measures or "the change of the samples")
    claimed = measured.get("checks")
    yield "Claimed", markdown.escape(claimed) if isinstance(claimed, str) else ""
    yield "Allowed", _allowed(made)
    yield "Timing", _timing(made)
    yield (
        "Recordings and models",
        "".join(f"\n  - {markdown.escape(line)}" for line in made.materials()),
    )
    files = dict.fromkeys(file.wheel for file in made.wheel_files)
    yield (
        "Opened from",
        "; ".join(
            f"{wheel.use}, out of the wheel {wheel.name} {wheel.version}, {wheel.licence}, by"
            f" {wheel.credit}"
            for wheel in files
        ),
    )
    yield "Source", "; ".join(citations.mentions(made.citation, f"attack {made.name}"))


def _timing(made: Attack) -> str:
    if made.warp is None:
        return "moves samples; the rest of the utterance is found and compared"
    return "" if made.aligned else f"{made.warp:g} times as long"


def _allowed(made: Attack) -> str:
    """Return where an attack's limits differ from the rule."""
    if made.warp is None:
        return ""
    if made.limits == NO_LIMITS:
        return "anything"
    rule = _limits(SampleLimits())
    return "; ".join(said for name, said in _limits(made.limits).items() if rule[name] != said)


def _limits(limits: SampleLimits) -> dict[str, str]:
    """Return each of the limits in words."""
    return {
        name: f"any {LIMITS[name][0]}"
        if (value := getattr(limits, name)) is None
        else " ".join(LIMITS[name]).format(*(value if isinstance(value, tuple) else (value,)))
        for name in LIMITS
    }


@dataclasses.dataclass(frozen=True)
class Docstring:
    """A docstring in parts: its paragraphs, and the meaning of each parameter."""

    paragraphs: tuple[str, ...]
    parameters: Mapping[str, str]


def _docstring(made: Attack) -> Docstring:
    names = {field.name for field in dataclasses.fields(made)}
    lines = [line.strip() for line in (type(made).__doc__ or "").strip().splitlines()]
    paragraphs: list[str] = []
    parameters: dict[str, str] = {}
    here, fresh = "", True
    for line in lines:
        match = _PARAMETER.match(line)
        if match and match[1] in names:
            here, parameters[match[1]] = match[1], match[2]
        elif not line:
            here, fresh = "", True
        elif here:
            parameters[here] += f" {line}"
        elif fresh:
            paragraphs.append(line)
            fresh = False
        else:
            paragraphs[-1] += f" {line}"
    return Docstring(tuple(map(markdown.prose, paragraphs)), parameters)


def _parameters(made: Attack, meanings: Mapping[str, str]) -> list[tuple[str, ...]]:
    return [
        (
            f"`{field.name}`",
            f"`{call_syntax.value(field.default)}`",
            _values(field),
            markdown.prose(meanings.get(field.name, ""), "\\|"),
        )
        for field in dataclasses.fields(made)
        if not field.name.startswith("_")
    ]


def _values(field: dataclasses.Field[Any]) -> str:
    allowed, unit = field.metadata.get("range"), field.metadata.get("unit", "")
    if allowed is None:
        return "text"
    if isinstance(field.default, bool):
        return "true or false"
    if isinstance(field.default, str):
        return ", ".join(f"`{option}`" for option in dict.fromkeys(allowed))
    low, high = allowed
    return f"{low:g} to {high:g}" + (f" {unit}" if unit else "")


def _costs(measured: pd.DataFrame) -> Iterator[str]:
    machines = ", ".join(dict.fromkeys(measured["machine"]))
    yield COST_TEXT.format(machine=machines)
    ordered = measured.sort_values("attack_ms", ascending=False)
    columns = (ordered[name].tolist() for name in ("attack", "attack_ms", "checks_ms"))
    rows = [
        (f"`{name}`", registry.get(name).family, f"{alone:.1f}", f"{checks:.1f}")
        for name, alone, checks in zip(*columns, strict=True)
    ]
    yield markdown.table(COSTS, rows, right=(2, 3))


def main(page: Path) -> None:
    """Write the page, from the measurements beside it."""
    atomic_files.write(page, document(pd.read_csv(page.with_name(MEASUREMENTS))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
