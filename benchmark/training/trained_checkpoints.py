"""The checkpoint of a training: made on this machine, or shipped with LaunderBench.

The default detectors, trained on the embedded data set, are shipped in `detectors/trained`, so that
a first run needs no training and no train or dev audio. The dev scores of each are stored with it
(`inference.dev_scores`). A shipped checkpoint is used only in place of the training that would
reproduce it: same detector version, input, recipe and data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from benchmark.core import paths
from benchmark.core.errors import InputError
from benchmark.data import embedded
from benchmark.data.protocol import Protocol
from benchmark.inference import checkpoints
from benchmark.inference.checkpoints import FLOAT32, OURS, Checkpoint
from benchmark.training.training_config import (
    TrainingConfig,
    configured,
    data_facts,
    digest,
    planned,
)
from detectors.contract.base import Detector, TensorDetector, WaveDetector, registry

OMITTED = {  # facts that are left out at these values
    "loss": "bce", "precision": FLOAT32, "early_stopping": None, "start": None, "laundering": None,
    "rawboost": None,
}  # fmt: skip
FOLDER = Path(str(detectors.__file__)).parent / "trained"


def find(
    detector: str, config: TrainingConfig, protocol: Protocol | None, shipped: bool = True
) -> Checkpoint | None:
    """Return the checkpoint of a training: the one made here, else the shipped one, else None.

    protocol : the training data; None before they are known, if they are the embedded data set
    shipped  : False: only what was trained here
    """
    item = registry.get(detector)()
    if isinstance(item, TensorDetector):
        try:
            item.foundation()
        except InputError:  # nothing can have been trained without it
            return None
    if protocol is not None and (path := planned(detector, protocol, config)[1]).is_file():
        return checkpoints.load(path, (detector,))
    if not item.learns:
        return _untaught(item, config, shipped)
    if not shipped or (protocol is not None and protocol.recipe != embedded.recipe()):
        return None
    fitting = (found for found in _shipped(detector, config) if not _other(found, config, protocol))
    return next(fitting, None)


def is_shipped(checkpoint: Checkpoint) -> bool:
    """Return True if the checkpoint came with LaunderBench."""
    return checkpoint.path.parent == FOLDER


def path_of(detector: str, config: TrainingConfig, protocol: Protocol) -> Path:
    """Return the checkpoint's path; its name depends on the encoder, which is fetched if absent."""
    item = registry.get(detector)()
    if isinstance(item, TensorDetector):
        fetch_foundation(item)
    return planned(detector, protocol, config)[1]


def fetch_foundation(item: TensorDetector) -> None:
    """Fetch the encoder that a detector starts from, if it is absent."""
    try:
        item.foundation()
    except InputError:
        item.fetch()


def refused(detector: str, config: TrainingConfig, protocol: Protocol) -> str | None:
    """Say why the shipped checkpoint of a detector is not used; None if it is, or there is none."""
    if protocol.recipe != embedded.recipe():
        return None
    others = [(found, _other(found, config, protocol)) for found in _shipped(detector, config)]
    if not others or not all(names for _, names in others):
        return None
    found, names = others[0]
    return (
        f"shipped checkpoint {found.path.name} is not used: it is of another training"
        f" ({', '.join(names)} differ)"
    )


def _untaught(item: Detector, config: TrainingConfig, shipped: bool) -> Checkpoint:
    """Return the checkpoint of a detector that learns nothing: shipped, or made without data."""
    facts = configured(item.name, config)
    for found in _shipped(item.name, config) if shipped else ():
        if not _differing(found, facts):
            return found
    path = paths.checkpoints() / f"{item.name}-seed{config.seed}-{digest(facts)[:12]}{OURS}"
    if not path.is_file():
        assert isinstance(item, WaveDetector)
        state = item.fit([], np.zeros(0, dtype=np.bool_), config.seed)
        checkpoints.save(path, state, facts)
    return checkpoints.load(path)


def _shipped(detector: str, config: TrainingConfig) -> Iterator[Checkpoint]:
    name = config.called(detector)
    for path in sorted(FOLDER.glob(f"{name}-seed{config.seed}-*{OURS}")):
        yield checkpoints.load(path)


def _other(found: Checkpoint, config: TrainingConfig, protocol: Protocol | None) -> list[str]:
    """Return the names of the facts in which a checkpoint differs from a training."""
    wanted: dict[str, Any] = configured(found.detector, config) | {
        "data_recipe": embedded.recipe() if protocol is None else protocol.recipe
    }
    if protocol is not None:
        wanted |= data_facts(protocol)
    return _differing(found, wanted)


def _differing(found: Checkpoint, wanted: dict[str, Any]) -> list[str]:
    """Return the names of the wanted facts that a checkpoint lacks or has otherwise."""
    plain = OMITTED | json.loads(json.dumps(wanted))
    facts = OMITTED | found.facts
    return [name for name, value in plain.items() if facts.get(name) != value]
