"""How the arrays of a weight file differ from those of a network."""

from __future__ import annotations

from collections.abc import Mapping

SHOWN = 3  # array names that an error message gives as examples

Shape = tuple[int, ...]


def differences(wanted: Mapping[str, Shape], given: Mapping[str, Shape]) -> str:
    """Summarise how the names and shapes of the arrays `given` differ from those `wanted`."""
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    shapes = [
        f"{name} {given[name]} instead of {wanted[name]}"
        for name in wanted
        if name in given and given[name] != wanted[name]
    ]
    found = [
        f"{len(names)} {kind}, e.g. {', '.join(names[:SHOWN])}"
        for names, kind in (
            (missing, "keys missing"), (unexpected, "unexpected"), (shapes, "of another shape")
        )
        if names
    ]  # fmt: skip
    prefix = next(iter(given), "").partition(".")[0] + "."
    if missing and {name.removeprefix(prefix) for name in given} == set(wanted):
        found.append(f"they would fit without the prefix {prefix!r}")
    return "; ".join(found)
