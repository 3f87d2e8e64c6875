"""The size of a detector: how many parameters its network has."""

from __future__ import annotations

from functools import cache

import torch

from detectors.contract.base import TensorDetector, registry


def parameters(item: TensorDetector) -> int:
    """Return the number of parameters, from a network without values, which takes no memory.

    Raises what `blueprint` raises: `InputError` where it needs a file that is not here.
    """
    with torch.device("meta"):
        return sum(values.numel() for values in item.blueprint().parameters())


@cache
def of_name(name: str) -> int | None:
    """Return the number of parameters of the network with a registered name.

    None for detectors without a network, for those that this process does not know, and for those
    whose network is in a file: what a run calls a detector opens none.
    """
    known = registry.class_of(name)
    if known is None or not issubclass(known, TensorDetector) or known.pretrained or "(" in name:
        return None
    try:
        return parameters(known())
    except Exception:  # noqa: BLE001 - a plugin may fail in any way; a page needs no size
        return None


def in_words(count: int) -> str:
    """Return a number of parameters with two significant digits.

    >>> in_words(11_170_753), in_words(105_970), in_words(970)
    ('11 M', '110 k', '970')
    """
    for unit, name in ((10**6, " M"), (10**3, " k")):
        if count >= unit:
            return f"{float(f'{count / unit:.2g}'):g}{name}"
    return str(count)
