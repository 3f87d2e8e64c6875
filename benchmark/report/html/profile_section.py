"""Section with a profile of every detector: what it is, how it was trained, where it is weak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmark.inference import detector_size
from benchmark.report import citations
from benchmark.report.rows import Row
from benchmark.scores.run_results import RunResults
from detectors.contract.base import registry

KINDS = {"classical": "classical", "networks": "network", "self_supervised": "self-supervised",
         "external": "external"}  # by folder of `detectors`  # fmt: skip
SYSTEMS = "spoof_system"  # that slice of the breakdown


def kind(detector: str) -> str:
    """Return the kind of a detector by its place in the tree; '' for one that is not known here."""
    known = registry.class_of(detector)
    if known is None:
        return ""
    parts = known.__module__.split(".")
    return KINDS.get(parts[1], "plugin") if parts[0] == "detectors" else "plugin"


def profiles(results: RunResults, rows: list[Row], systems: list[Row]) -> dict[str, Row]:
    """Return the profile of every detector of a track, whose leaderboard rows are `rows`.

    systems : the tables of `breakdown_section.tables`

    facts  : names and values in words
    misses : spoof systems with the highest laundered EER, as name and rate, the worst first
    """
    planned = results.provenance.get("plan", {}).get("detectors", {})
    known = planned if isinstance(planned, dict) else {}
    slices: list[Row] = next((table["rows"] for table in systems if table["by"] == SYSTEMS), [])
    return {
        row["detector"]: {
            "facts": [*_what(row["detector"]), *_training(known.get(row["detector"], {}))],
            "misses": _misses(slices, place),
        }
        for place, row in enumerate(rows)
    }


def _misses(slices: list[Row], place: int) -> list[tuple[str, float]]:
    rates = [(part["value"], part["cells"][place]["laundered"]) for part in slices]
    known = [(name, rate) for name, rate in rates if rate is not None]
    return sorted(known, key=lambda item: -item[1]) if len(known) > 1 else []


def _what(name: str) -> Iterator[tuple[str, str]]:
    cls = registry.class_of(name)
    if cls is None:
        return
    if cls.summary:
        yield "what", cls.summary
    yield "kind", kind(name)
    if (size := detector_size.of_name(name)) is not None:
        yield "size", f"{size:,} parameters"
    for line in citations.mentions(cls.citation, f"detector {name}"):
        yield "paper", line
    if cls.licence:
        yield "licence", cls.licence


def _training(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    training = entry.get("training", {})
    if training.get("data"):
        version = training.get("data_version", "-")
        recipe = training.get("recipe", {})
        parts = [f"{training['data']}{f' {version}' if version not in ('', '-') else ''}"]
        parts += [f"seed {training['seed']}"] if "seed" in training else []
        parts += [f"{training.get('epoch', recipe['epochs'])} epochs"] if recipe else []
        yield "trained on", ", ".join(parts)
    if training.get("dev_eer") is not None:
        yield "EER on its development trials", f"{100 * training['dev_eer']:.1f} %"
    digest = str(entry.get("identity", "")).rpartition("sha256:")[2]
    if digest:
        yield "weights, SHA-256", digest
