"""Training of detectors from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.api import training
from benchmark.data.data_config import DataConfig
from benchmark.inference.checkpoints import FLOAT32
from benchmark.training.training_config import CLEAN_SHARE, VARIANTS
from benchmark.workers.context import ProcessContext


def train(
    detectors: str | Iterable[str] = (),
    data: str | Path | None = None,
    suite: str = "",
    *,
    seed: int = 0,
    splits: str = training.PROTOCOL,
    subset: int | None = None,
    recipe: Mapping[str, Any] | None = None,
    loss: str = "bce",
    precision: str = FLOAT32,
    patience: int | None = None,
    clean_share: float = CLEAN_SHARE,
    variants: int = VARIANTS,
    start: str | Path | None = None,
    name: str = "",
    out: str | Path | None = None,
    force: bool = False,
    device: str = "auto",
    noise_dir: str | Path | None = None,
    plugins: Iterable[str | Path] = (),
    layout: str = "",
    pattern: str = "",
    labels: Mapping[str, str] | None = None,
) -> list[Path]:
    """Train detectors on the train split of a data set, and return their checkpoint files.

    detectors : registered names; without any, the defaults
    data      : as in `evaluate`
    suite     : conditions that launder the training data
    splits    : `80/10/10` cuts train, dev and test by speaker; `protocol` keeps the data's own
    recipe    : changes to the detector's recipe, such as ``{"epochs": 3}``

    The other arguments are those of `launderbench train`. A checkpoint that is there already is
    kept unless `force`. Raises `InputError` if a detector or the data cannot be used.
    """
    context = ProcessContext(
        tuple(map(Path, plugins)), None if noise_dir is None else Path(noise_dir)
    )
    with context.entered():
        return training.train(
            training.TrainConfig(
                (detectors,) if isinstance(detectors, str) else tuple(detectors),
                DataConfig(None if data is None else Path(data), layout, pattern, labels or {}),
                splits,
                subset,
                suite,
                clean_share,
                variants,
                None if start is None else Path(start),
                seed,
                device,
                dict(recipe or {}),
                patience,
                loss,
                precision,
                name,
                None if out is None else Path(out),
                force,
                context,
            )
        )
