"""Training of detectors from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.api import training
from benchmark.api.evaluate import context_of, data_of, path_of
from benchmark.core.errors import InputError
from benchmark.training.training_config import CLEAN_SHARE, VARIANTS


def train(
    detectors: str | Iterable[str] = (),
    data: str | Path | None = None,
    suite: str = "",
    *,
    seed: int = 0,
    splits: str = training.PROTOCOL,
    subset: int | None = None,
    recipe: Mapping[str, Any] | str | Path | None = None,
    loss: str = "",
    precision: str = "",
    patience: int | None = None,
    clean_share: float = CLEAN_SHARE,
    variants: int = VARIANTS,
    start: str | Path | None = None,
    name: str = "",
    out: str | Path | None = None,
    force: bool = False,
    device: str = "auto",
    noise_dir: str | Path | None = None,
    plugins: str | Path | Iterable[str | Path] = (),
    layout: str = "",
    pattern: str = "",
    labels: Mapping[str, str] | None = None,
    audio_root: str | Path | None = None,
) -> list[Path]:
    """Train detectors on the train split of a data set, and return their checkpoint files.

    detectors : registered names; without any, the defaults
    data      : as in `evaluate`
    suite     : conditions that launder the training data
    splits    : `80/10/10` cuts train, dev and test by speaker; `protocol` keeps the data's own
    recipe    : changes to the detector's recipe, such as ``{"epochs": 3}``, or a recipe file

    The other arguments are those of `launderbench train`. A checkpoint that is there already is
    kept unless `force`. Raises `InputError` if a detector or the data cannot be used.
    """
    file = path_of("recipe", recipe) if isinstance(recipe, str | Path) else None
    changes = {} if recipe is None or isinstance(recipe, str | Path) else dict(recipe)
    context = context_of(plugins, noise_dir)
    with context.entered():
        return training.train(
            training.TrainConfig(
                _names(detectors),
                data_of(data, layout, pattern, labels, audio_root),
                splits,
                subset,
                suite,
                clean_share,
                variants,
                path_of("start", start),
                seed,
                device,
                changes,
                patience,
                loss,
                precision,
                name,
                path_of("out", out),
                force,
                context,
                () if file is None else (file,),
            )
        )


def _names(detectors: str | Iterable[str]) -> tuple[str, ...]:
    if isinstance(detectors, str):
        return (detectors,)
    names = tuple(detectors) if isinstance(detectors, Iterable) else (detectors,)
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"want a detector's name or several, not {detectors!r}")
    return names
