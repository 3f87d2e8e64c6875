"""Pack a trained detector with its dev scores, so that others need no data of its training."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.data.protocol import Protocol
from benchmark.inference import checkpoints, dev_scores
from benchmark.inference.checkpoints import OURS, Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.training import learning_curves

HALF = "float16"  # the fact `stored`: in which precision the large arrays lie in the file
CPU = torch.device("cpu")


def pack(checkpoint: Checkpoint, dev: Protocol, out: Path, half: bool = False) -> Path:
    """Copy a checkpoint into the folder `out`, score all of `dev`, and return the new path.

    The table of its training (one row per epoch) comes along if there is one. With `half`, matrices
    and kernels are stored in 16 bits: the file has half the size, and the detector scores with the
    rounded weights, in float32. The dev scores are those of the file that is written. Raises
    `InputError` if `checkpoint` is not one of ours, if a dev utterance cannot be read, or if a
    score is not finite.
    """
    if checkpoint.path.suffix != OURS:
        raise InputError(f"{checkpoint.path} is not a checkpoint that was trained here")
    path = out / checkpoint.path.name
    elsewhere = path.resolve() != checkpoint.path.resolve()
    if half:
        arrays = {name: _halved(values) for name, values in checkpoint.arrays().items()}
        checkpoints.save(path, arrays, checkpoint.facts | {"stored": HALF})
    elif elsewhere:
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkpoint.path, path)
    record = learning_curves.table_of(checkpoint.path)
    if record.is_file() and elsewhere:
        shutil.copyfile(record, learning_curves.table_of(path))
    packed = checkpoints.load(path)
    ids = dev.table["utterance_id"].tolist()
    waves = reader.read_all((dev.root / name for name in dev.table["path"]), "cannot score dev")
    with one_thread():
        scores, causes = Scorer([packed], CPU)(waves, [packed.name])
    if causes or not np.isfinite(scores[packed.name]).all():
        cause = causes.get(packed.name, "a score is not finite")
        raise InputError(f"{packed.name} cannot score dev: {cause}")
    dev_scores.write(path, dict(zip(ids, scores[packed.name].tolist(), strict=True)))
    return path


def _halved(values: np.ndarray) -> np.ndarray:
    """Return matrices and kernels in 16 bits; vectors, such as batch statistics, unchanged."""
    large = values.ndim > 1 and values.dtype == np.float32
    return values.astype(np.float16) if large else values
