"""Files of published self-supervised systems: their names, and what is wrong with a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy.typing as npt
import torch

from benchmark.core.errors import InputError
from detectors.contract.array_names import Shape, differences
from detectors.contract.base import Arrays, registry
from detectors.self_supervised.fairseq_names import fairseq_name, older_name, only_pretraining

if TYPE_CHECKING:
    from detectors.self_supervised.published import PublishedSystem

ENCODER, BACK_END = "encoder.", "back_end."  # parts of the network's names
ADAPTER = re.compile(r"lora_|\.adapters?\.|^base_model\.model\.")
NUMBERED = re.compile(r"encoder\.layers\.(\d+)\.")
WIDTH_FROM = "encoder.layer_norm.weight"  # a vector with one value for each feature
ALIKE = 0.5  # share of a system's back end that makes a file one of that system


@dataclass(frozen=True)
class FileArray:
    """An array of a system: its name in the network, and its shape."""

    name: str
    shape: Shape


def file_arrays(system: PublishedSystem) -> dict[str, FileArray]:
    """Return the arrays of `system` by their names in the authors' files."""
    found = {}
    for name, tensor in system.blueprint().state_dict().items():
        if name.startswith(ENCODER):
            inner = name.removeprefix(ENCODER)
            inner = fairseq_name(inner, group_norm=system.shape.group_norm)
            in_file = system.prefix + inner
        else:
            in_file = name.removeprefix(BACK_END)
        found[in_file] = FileArray(name, (*tensor.shape,))
    return found


def adopt(system: PublishedSystem, arrays: Arrays) -> Arrays:
    """Return the arrays of a file under the network's names.

    Raises `InputError` for any array that is missing, of another shape, or unknown, except for
    those that only pre-training used.
    """
    given = dict(_encoder_names(arrays, system.prefix))
    wanted = file_arrays(system)
    shapes = {name: values.shape for name, values in given.items()}
    if {name: array.shape for name, array in wanted.items()} != shapes:
        _refuse(system, wanted, shapes)
    return {wanted[name].name: values for name, values in given.items()}


def _encoder_names(arrays: Arrays, prefix: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the arrays with fairseq's older names, without those of the pre-training."""
    for name, values in arrays.items():
        if not name.startswith(prefix):
            yield name, values
        elif not only_pretraining(inner := name.removeprefix(prefix)):
            yield prefix + older_name(inner), values


def _refuse(
    system: PublishedSystem, wanted: Mapping[str, FileArray], given: Mapping[str, Shape]
) -> NoReturn:
    """Raise `InputError` that says what a file is, and what would be right."""
    adapters = [name for name in given if ADAPTER.search(name)]
    if adapters:
        raise InputError(
            f"{len(adapters)} arrays are of adapters, e.g. {adapters[0]}: merge them into the"
            " encoder, and save the whole state dict"
        )
    other = _system_of(system, given)
    if other is not None:
        raise InputError(f"it is a file of {other}: give it with --weights {other}=FILE")
    if not any(name.startswith(system.prefix) for name in given):
        bare = any(name.startswith(ENCODER) or ".encoder.layers." in name for name in given)
        what = "an encoder without this back end" if bare else "another system"
        raise InputError(
            f"it holds {what}: no name begins with {system.prefix!r}, the first is"
            f" {next(iter(given))!r}; want the whole state dict of {system.name}"
        )
    if (size := _size(given, system.prefix)) and size != str(system.shape):
        raise InputError(f"its encoder has {size}; want {system.shape}")
    found = differences({name: array.shape for name, array in wanted.items()}, given)
    incomplete = len(wanted.keys() - given.keys()) > len(given.keys() - wanted.keys())
    advice = "; save the whole state dict, encoder and back end" if incomplete else ""
    raise InputError(f"{found}{advice}")


def _system_of(mine: PublishedSystem, given: Mapping[str, Shape]) -> str | None:
    """Return the name of another published system to which a file belongs, or None.

    It is the one whose arrays the file holds exactly, else the one whose back end it holds most
    of, if that is more than it holds of `mine`.
    """
    shares = {}
    for other in _systems():
        with torch.device("meta"):
            own = {name: (*array.shape,) for name, array in other.back_end().state_dict().items()}
        fits = all(given.get(name) == shape for name, shape in own.items())
        if fits and {name: array.shape for name, array in file_arrays(other).items()} == given:
            return other.name
        shares[other.name] = sum(name in given for name in own) / len(own)
    best = max(shares, key=lambda name: shares[name], default="")
    if shares.get(best, 0.0) > max(ALIKE, shares.get(mine.name, 0.0)):
        return best
    return None


def _systems() -> Iterator[PublishedSystem]:
    """Yield all published systems."""
    from detectors.self_supervised.published import PublishedSystem

    for name in registry.names():
        cls = registry.get(name)
        if issubclass(cls, PublishedSystem):
            yield cls()


def _size(given: Mapping[str, Shape], prefix: str) -> str:
    """Return the size of a file's encoder in words; '' if it cannot be told."""
    inner = [name.removeprefix(prefix) for name in given if name.startswith(prefix)]
    numbers = {int(found[1]) for name in inner if (found := NUMBERED.match(name))}
    width = given.get(prefix + WIDTH_FROM, ())
    whole = numbers == {*range(len(numbers))}
    return f"{len(numbers)} layers of {width[0]} features" if numbers and width and whole else ""
