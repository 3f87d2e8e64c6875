"""Recipe files: how one detector is trained, as TOML.

    detector = "mel-cnn"
    epochs = 30            # of networks, as `Recipe`; what is left out is the detector's own
    batch_size = 18
    learning_rate = 3e-3
    weight_decay = 1e-4
    patience = 8
    loss = "bce"           # or ce, oc-softmax
    precision = "float32"  # or bf16

    [laundering]           # launder the training data, as `launderbench train --suite`
    suite = "laundering"   # the name of a built-in suite
    clean_share = 0.25
    variants = 4

    [rawboost]             # or augment them by RawBoost
    noises = ["convolutive", "impulsive", "stationary"]  # in series; "a+b": in parallel
    clean_share = 0.0
    variants = 4

The files in `detectors/recipes` are those of the detectors whose checkpoints come along.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError, unknown
from detectors.contract.base import Recipe

FOLDER = Path(__file__).parents[1] / "recipes"
SUFFIX = ".toml"
CONVOLUTIVE, IMPULSIVE, STATIONARY = NOISES = ("convolutive", "impulsive", "stationary")
PARALLEL = "+"  # between noises that are each added to the same wave


@dataclass(frozen=True)
class LaunderingSection:
    """Laundering as augmentation, as a recipe says it."""

    suite: str
    clean_share: float
    variants: int


@dataclass(frozen=True)
class RawBoostSection:
    """RawBoost as augmentation: its noises, in series; `a+b` are two in parallel.

    In every epoch a recording is heard clean with probability `clean_share` (0 <= it < 1), else in
    one of `variants` draws.
    """

    noises: tuple[str, ...]
    clean_share: float
    variants: int


@dataclass(frozen=True)
class TrainingRecipe:
    """The content of a recipe file.

    settings        : fields of `Recipe` that the file gives
    loss, precision : '' where the file gives none
    """

    path: Path
    detector: str
    settings: Mapping[str, int | float] = field(default_factory=dict)
    loss: str = ""
    precision: str = ""
    laundering: LaunderingSection | None = None
    rawboost: RawBoostSection | None = None


@cache
def packaged(detector: str) -> TrainingRecipe | None:
    """Return the recipe of the package for a detector; None if it has none."""
    path = FOLDER / f"{detector}{SUFFIX}"
    return read(path) if path.parent == FOLDER and path.is_file() else None


def settings(detector: str) -> Recipe:
    """Return the network settings in the package's recipe for a detector, which must be there."""
    found = packaged(detector)
    assert found is not None, detector
    return Recipe(**found.settings)  # type: ignore[arg-type]


def read(path: Path) -> TrainingRecipe:
    """Read a recipe file.

    Raises `InputError` that names the file, for one that cannot be read, for an unknown or missing
    key, and for a value of a wrong type or out of range.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read as TOML ({cause})") from error
    found = _checked(table, _TOP, str(path), required=("detector",))
    laundering, rawboost = (found.pop(name, None) for name in _SECTIONS)
    if laundering and rawboost:
        raise InputError(f"{path}: laundering and rawboost exclude each other: choose one")
    texts = {name: found.pop(name) for name in ("detector", "loss", "precision") if name in found}
    return TrainingRecipe(
        path,
        **texts,
        settings=found,
        laundering=laundering and LaunderingSection(**laundering),
        rawboost=rawboost and RawBoostSection(**rawboost),
    )


Check = Callable[[Any, str], Any]  # (value, where) -> value; `InputError` begins with `where`


def _checked(
    table: Any, keys: Mapping[str, Check], where: str, required: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InputError(f"{where} must be a section of keys, not {table!r}")
    for name in table:
        if name not in keys:
            raise InputError(f"{where}: {unknown('key', name, keys)}")
    for name in required:
        if name not in table:
            raise InputError(f"{where}: {name} is missing")
    return {name: keys[name](value, f"{where}: {name}") for name, value in table.items()}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where} must be a text in quotes, not {value!r}")
    return value


def _whole(low: int) -> Check:
    def check(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise InputError(f"{where} must be a whole number of at least {low}, not {value!r}")
        return value

    return check


def _real(allowed: Callable[[float], bool], range_: str) -> Check:
    def check(value: Any, where: str) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not allowed(value):
            raise InputError(f"{where} must be a number {range_}, not {value!r}")
        return float(value)

    return check


def _noises(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(n, str) for n in value):
        raise InputError(f'{where} must be a list of names in quotes, ["{NOISES[0]}"]')
    names = [name for step in value for name in step.split(PARALLEL)]
    for name in names:
        if name not in NOISES:
            raise InputError(f"{where}: {unknown('noise', name, NOISES)}")
    if len(set(names)) < len(names):
        raise InputError(f"{where} names a noise twice")
    return tuple(value)


def _section(keys: Mapping[str, Check]) -> Check:
    return lambda value, where: _checked(value, keys, where, tuple(keys))


_SHARED = {
    "clean_share": _real(lambda share: 0 <= share < 1, "from 0 to below 1"),
    "variants": _whole(1),
}
_SECTIONS: Mapping[str, Check] = {
    "laundering": _section({"suite": _text, **_SHARED}),
    "rawboost": _section({"noises": _noises, **_SHARED}),
}
_TOP: Mapping[str, Check] = {
    "detector": _text,
    "epochs": _whole(1),
    "batch_size": _whole(2),
    "learning_rate": _real(lambda rate: rate > 0, "above 0"),
    "weight_decay": _real(lambda decay: decay >= 0, "of 0 or more"),
    "patience": _whole(1),
    "loss": _text,
    "precision": _text,
    **_SECTIONS,
}
