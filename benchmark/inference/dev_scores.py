"""Dev scores stored with a checkpoint: thresholds and calibration without the dev audio.

They are stored next to the checkpoint, in a CSV file with the columns utterance_id and score.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.data.protocol import NO_RECIPE, Protocol
from benchmark.inference.checkpoints import FLOAT32, OURS, Checkpoint

SUFFIX = ".dev.csv"
COLUMNS = ["utterance_id", "score"]


def file_of(checkpoint: Path) -> Path:
    """Return the path of the dev scores of the checkpoint with this path."""
    return checkpoint.with_suffix(SUFFIX)


def read(checkpoint: Checkpoint) -> dict[str, float]:
    """Return the stored scores (float32, higher = more bona fide) by utterance id; {} if none.

    Raises `InputError` naming the file if it is damaged or holds a score that is not finite.
    """
    if checkpoint.path.suffix != OURS or checkpoint.precision != FLOAT32:
        return {}
    file = file_of(checkpoint.path)
    if not file.is_file():
        return {}
    try:
        table = pd.read_csv(file, dtype={"utterance_id": str, "score": np.float32})
        if list(table.columns) != COLUMNS or not np.isfinite(table["score"]).all():
            raise ValueError("want the columns utterance_id and score, all finite")
    except (ValueError, OSError) as error:
        raise InputError(f"{file} is damaged ({error}): restore or delete it") from error
    return dict(zip(table["utterance_id"], table["score"].tolist(), strict=True))


def of(checkpoint: Checkpoint, dev: Protocol) -> dict[str, float]:
    """Return the stored scores of every utterance of `dev`; {} unless all are there.

    They count only on the data set of the checkpoint's training, known by its recipe.
    """
    if dev.recipe == NO_RECIPE or checkpoint.facts.get("data_recipe") != dev.recipe:
        return {}
    ids, known = dev.table["utterance_id"].tolist(), read(checkpoint)
    return {uid: known[uid] for uid in ids} if known.keys() >= set(ids) else {}


def write(checkpoint: Path, scores: dict[str, float]) -> Path:
    """Write the scores of the checkpoint with this path, in the order of the ids."""
    rows = [(uid, repr(float(np.float32(scores[uid])))) for uid in sorted(scores)]
    text = pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False)
    return atomic_files.write(file_of(checkpoint), text)
