"""The card of a submission, `submission.json`: who hands in what, with identities and digests.

Everything on it can be computed from the other files, except who submits, the note, and what the
submitter declares of training data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line
from benchmark.data.file_hashes import hashed
from benchmark.exchange.submission_archive import CARD
from benchmark.scores import plan_schema
from benchmark.scores.manifest import IMPORTED
from benchmark.scores.plan_schema import DIGEST, FACTS, FLAG, SEED, TEXT, TEXTS
from detectors.contract.training_corpora import MADE_OF

FORMAT = 1
UNKNOWN = "unknown"  # declared where nobody knows the training data
TRAINED_ON = "trained_on"  # a fact of a published system: the corpora of its training
SHORT = 6  # letters and digits from which the start of a corpus' name tells it
OF_PLAN = (
    "data", "data_version", "trial_digest", "dev_digest", "audio_digest", "seed", "suite",
)  # fmt: skip
_NEEDED = {
    "launderbench": TEXT, "submitter": TEXT, "note": TEXT, "data": TEXT, "data_version": TEXT,
    "trial_digest": TEXT, "dev_digest": TEXT, "audio_digest": TEXT, "seed": SEED, "suite": TEXT,
    "run_digest": DIGEST, "conditions": FACTS, "detectors": FACTS, "files": FACTS,
}  # fmt: skip
_DETECTOR = {"identity": TEXT, "imported": FLAG, TRAINED_ON: TEXTS}
Facts = dict[str, Any]


@dataclass(frozen=True)
class Submitter:
    """What the submitter says, beside the run.

    name       : of a person or a group
    note       : one line for readers of a board
    trained_on : by detector, the corpora of its training, or `UNKNOWN`; () for none
    """

    name: str
    note: str = ""
    trained_on: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        for label, text in (("--by", self.name), ("--note", self.note)):
            if not text.isprintable() or len(text) > 200:
                raise InputError(f"{label}: want one line of at most 200 characters")
        if not self.name.strip():
            raise InputError("--by: say who submits")


def of_run(head: Facts, run_digest: str, version: str, submitter: Submitter) -> Facts:
    """Return the card of a run, without the digests of its files.

    What the submitter declares of training is added to what the run says. Raises `InputError`
    naming a detector whose training data nobody declares.
    """
    given = dict(submitter.trained_on or {})
    if strangers := given.keys() - head["detectors"].keys():
        raise InputError(f"--trained-on {min(strangers)}=...: the run has no such detector")
    detectors = {}
    for name, facts in head["detectors"].items():
        known = declared(facts["training"])
        if known is None and name not in given:
            raise InputError(
                f"{name} does not say on what it was trained: declare it with --trained-on"
                f" {name}=CORPUS,... ({name}={UNKNOWN} if nobody knows)"
            )
        trained = dict.fromkeys((*(known or ()), *given.get(name, ())))
        detectors[name] = {
            "identity": facts["identity"],
            "imported": IMPORTED in facts["training"],
            TRAINED_ON: list(trained),
        }
    return {
        "format": FORMAT,
        "launderbench": version,
        "submitter": submitter.name,
        "note": submitter.note,
        **{name: head[name] for name in OF_PLAN},
        "conditions": {c["condition"]: c["identity"] for c in head["conditions"]},
        "detectors": detectors,
        "run_digest": run_digest,
    }


def declared(training: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return on which corpora a run says that a detector was trained; None if it does not."""
    corpora = training.get(TRAINED_ON)
    if corpora and isinstance(corpora, Mapping | list | tuple):  # a mapping says which part, too
        return tuple(map(str, corpora))
    data = training.get("data")
    return (str(data),) if data else None


def write(folder: Path, card: Facts) -> None:
    """Write the card of the files in a folder, with their digests, beside them."""
    files = {**card, "files": digests(folder)}
    (folder / CARD).write_text(json.dumps(files, indent=1, sort_keys=True) + "\n", "utf-8")


def read(folder: Path, archive: Path) -> Facts:
    """Return the card in a folder; `InputError` names the archive and what is wrong."""
    try:
        card = json_text.parse((folder / CARD).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{archive}: {CARD} is damaged ({one_line(error)})") from error
    if not isinstance(card, dict) or type(card.get("format")) is not int:
        raise InputError(f"{archive}: {CARD} is damaged: it states no format")
    if card["format"] != FORMAT:
        newer = card["format"] > FORMAT
        raise InputError(
            f"{archive} has format {card['format']} of submissions, {'newer' if newer else 'older'}"
            f" than format {FORMAT}, which is read here: "
            + ("update LaunderBench" if newer else "submit the run again")
        )
    where = f"{archive}: {CARD}"
    plan_schema.check(card, _NEEDED, {}, where)
    for name, facts in card["detectors"].items():
        if not isinstance(facts, dict):
            raise InputError(f"{where} is damaged: it does not describe {name!r}")
        plan_schema.check(facts, _DETECTOR, {}, f"{where}, detector {name!r},")
    return card


def faults(card: Facts, found: Mapping[str, str], head: Facts, run_digest: str) -> Iterator[str]:
    """Yield how a card differs from the files beside it, their plan and their run digest.

    found : SHA-256 (hex) of every file, as `digests` gives them
    """
    for name in sorted(card["files"].keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing, which {CARD} lists"
        elif name not in card["files"]:
            yield f"{name} is not listed in {CARD}"
        elif found[name] != card["files"][name]:
            yield f"{name} has not the SHA-256 that {CARD} lists"
    stated = of_run(head, run_digest, "", Submitter("-", "", dict.fromkeys(head["detectors"], ())))
    for name in (*OF_PLAN, "run_digest"):
        if card[name] != stated[name]:
            yield f"{CARD} states {name} {card[name]!r}, but the files give {stated[name]!r}"
    for name in sorted(card["conditions"].keys() | stated["conditions"].keys()):
        mine, theirs = (facts["conditions"].get(name) for facts in (card, stated))
        if mine != theirs:
            yield f"{CARD} states the condition {name} as {mine!r}, but the plan has {theirs!r}"
    for name in sorted(card["detectors"].keys() | stated["detectors"].keys()):
        mine, theirs = (facts["detectors"].get(name) for facts in (card, stated))
        if mine is None or theirs is None:
            yield f"the detector {name} is only in {CARD if theirs is None else 'the run'}"
        elif any(mine[fact] != theirs[fact] for fact in ("identity", "imported")):
            yield f"{CARD} states another identity of the detector {name} than the run"


def overlap(corpora: Sequence[str], data: str) -> list[str]:
    """Return which corpora of a training may be that of a test, by their names.

    >>> overlap(["ASVspoof 2019 LA", "MLAAD", "ASVspoof"], "asvspoof-laundering")
    ['ASVspoof 2019 LA', 'ASVspoof']
    """
    tested = {_plain(data), _plain(MADE_OF.get(data, data))}
    return [corpus for corpus in corpora if any(_alike(_plain(corpus), name) for name in tested)]


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return short == long or (len(short) >= SHORT and long.startswith(short))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 (hex) of every file but the card, by its path below the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return {name: digest for name, digest in zip(names, hashed(paths), strict=True) if name != CARD}
