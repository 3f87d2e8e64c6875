"""Training configuration, and the checkpoint path that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from attacks.contract.condition import Condition, parse
from attacks.contract.precomputed import made
from benchmark.core import paths
from benchmark.core.errors import InputError, unknown
from benchmark.data.file_hashes import file_digests, rows_digest
from benchmark.data.protocol import Protocol
from benchmark.data.trial_table import rows_of, with_digests
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.networks import ONE_CLASS
from benchmark.inference.precision import BF16
from benchmark.training.losses import LOSSES
from benchmark.training.training_examples import used
from detectors.contract.base import Detector, TensorDetector, registry

PROCEDURE = 2  # raised when the same recipe and data would give other weights
PRECISIONS = (FLOAT32, BF16)
CLEAN_SHARE = 0.25
VARIANTS = 4
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
LONGEST_SUITE = 30
LONGEST_NAME = 80  # of a file, without seed and digest


@dataclass(frozen=True)
class LaunderingAugmentation:
    """Laundering as augmentation: of a suite's conditions, each recording meets `variants`.

    Those are drawn once and laundered once, before the training; in every epoch a recording is
    heard clean with probability `clean`, else in one of its variants. `conditions` are spellings,
    without clean.
    """

    suite: str
    conditions: tuple[str, ...]
    clean: float = CLEAN_SHARE
    variants: int = VARIANTS

    def __post_init__(self) -> None:
        if not self.conditions:
            raise InputError(f"the suite {self.suite!r} holds nothing but clean to train with")
        for condition in map(parse, self.conditions):
            if made(condition):
                raise InputError(f"{condition} comes ready-made: training cannot make it")
        if not 0 <= self.clean < 1:
            raise InputError(f"the share of clean must be 0 or more and below 1, not {self.clean}")

    def parsed(self) -> list[Condition]:
        """The conditions on excerpts of noise and rooms that evaluation never draws."""
        return [
            Condition(tuple(step.for_training() for step in parse(spelling).steps))
            for spelling in self.conditions
        ]


@dataclass(frozen=True)
class TrainingConfig:
    """The configuration of one training; `changes` override fields of the detector's `Recipe`.

    `start` is a checkpoint of the same network, with whose weights the training begins. With
    `patience` the epoch of the lowest dev EER is kept, and training stops after that many epochs
    in a row without a lower one.
    `name` is what the trained detector is called in tables; empty: the detector's own name, with
    what sets the training apart (`mel-cnn+laundering`, `mel-cnn+oc-softmax`).
    """

    seed: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    loss: str = "bce"
    precision: str = FLOAT32
    laundering: LaunderingAugmentation | None = None
    start: Checkpoint | None = None
    name: str = ""
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        if self.name and not NAME.fullmatch(self.name):
            raise InputError(
                f"--name {self.name!r}: want letters, digits and . _ + - , a letter or digit first"
            )

    def called(self, detector: str) -> str:
        """Return the name of the trained detector in tables."""
        marks = [_short(self.laundering.suite)] if self.laundering else []
        marks += [self.loss] if self.loss != "bce" else []
        name = self.name or "+".join([detector, *marks])
        if name != detector and name in registry.names():
            raise InputError(f"--name {name!r} is the name of another detector")
        return name


def planned(
    detector: str, protocol: Protocol, course: TrainingConfig | None = None
) -> tuple[dict[str, Any], Path]:
    """Return the facts that determine the training of `detector`, and its checkpoint's path.

    The file's name follows from the facts: another recipe, input, version, seed, loss, suite or
    training file gives another checkpoint, and so does another content of the pretrained encoder
    that the detector starts from. Raises `InputError` where a split lacks a class or a file, where
    that encoder is absent, and where the detector cannot take the course.
    """
    course = course or TrainingConfig()
    item = registry.get(detector)()
    require_taken(item, course)
    name = course.called(detector)
    facts: dict[str, Any] = {
        "detector": detector,
        "version": item.version,
        "procedure": PROCEDURE,
        "seed": course.seed,
    }
    for split in ("train", "dev"):
        part = used(protocol, split)
        facts[f"{split}_digest"] = part.digest()
        rows = rows_of(with_digests(part).table, "utterance_id", "label", "file_sha256")
        facts[f"{split}_files"] = rows_digest(rows)
    if isinstance(item, TensorDetector):
        facts["input"] = repr(item.input)
        facts["recipe"] = asdict(replace(item.recipe, **course.changes))
        if files := item.foundation():
            facts["foundation"] = {
                file.name: sha256 for file in files
                for sha256 in file_digests(file.parent, [file.name])
            }  # fmt: skip
    if course.start:
        facts["start"] = course.start.identity
    # the defaults go unsaid, so that they are the same training with and without these options
    if name != detector:
        facts["name"] = name
    if course.loss != "bce":
        facts["loss"] = course.loss
    if course.precision != FLOAT32:
        facts["precision"] = course.precision
    if course.patience is not None:
        facts["early_stopping"] = course.patience
    if course.laundering:
        facts["laundering"] = {
            **asdict(course.laundering),
            "identities": digest([c.identity() for c in course.laundering.parsed()]),
        }
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-")[:LONGEST_NAME]
    file = f"{plain}-seed{course.seed}-{digest(facts)[:12]}.safetensors"
    return facts, paths.checkpoints() / file


def require_taken(item: Detector, course: TrainingConfig) -> None:
    """Refuse (`InputError`) a course that the detector cannot take, before any data are read.

    Whether its network can take the head of another loss is not asked: `networks.require_one_class`
    builds it to say that.
    """
    if not isinstance(item, TensorDetector):
        if course.start:
            raise InputError(f"detector {item.name!r} is no network: it cannot start from weights")
        if (course.loss, course.precision, course.patience) != ("bce", FLOAT32, None):
            raise InputError(
                f"detector {item.name!r} is no network: it has no --loss, --precision or --patience"
            )
    elif (start := course.start) and start.detector != item.name:
        raise InputError(f"{start.path} holds weights of {start.detector!r}, not of {item.name!r}")
    elif start and (start.facts.get("loss") == ONE_CLASS) != (course.loss == ONE_CLASS):
        raise InputError(
            f"{start.path} was trained with --loss {start.facts.get('loss')}: its last layer is"
            f" another than that of --loss {course.loss}"
        )


def digest(value: Any) -> str:
    """SHA-256 (hex) of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _short(suite: str) -> str:
    """Return a suite's name as part of a detector's; spelled conditions are named by attacks."""
    if NAME.fullmatch(suite):
        return suite
    attacks = [step.name for part in suite.split("; ") for step in parse(part).steps]
    joined = "-".join(dict.fromkeys(attacks))
    return joined if len(joined) <= LONGEST_SUITE else f"{len(suite.split('; '))}-conditions"
