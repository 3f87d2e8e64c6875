"""Pools: what a stochastic chain may draw, stored as TOML files in attacks/chains/pool_files.

A pool has slots; a chain takes at most one step from each. A slot lists spellings of attacks, one
of which is drawn with equal probability. The values of parameters may be open:

    [[slot]]
    draw = ["noise(kind=babble/street, snr=5..25)", "opus(kbps=8/12/16)"]

`a/b/c` is one of these options. `low..high` is a number in that range, with as many decimals as the
two are written with. A value in quotes is taken literally.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from attacks.contract.base import Attack
from attacks.contract.condition import parse, parse_from_file, split_steps
from benchmark.core import trust
from benchmark.core.errors import InputError, unknown

FOLDER = Path(__file__).parent / "pool_files"
SUFFIX = ".toml"
MOST_OPEN = 4  # open values in one spelling
_RANGE = re.compile(r"([+-]?\d+(?:\.(\d+))?)\.\.([+-]?\d+(?:\.(\d+))?)")


@dataclass(frozen=True)
class Open:
    """A value to draw: one of the options, or a number from `low` to `high`."""

    options: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    decimals: int = 0

    def at(self, u: float) -> str:
        """Return the value for a number `u` in [0, 1), as it is spelled."""
        if self.options:
            return self.options[int(u * len(self.options))]
        return f"{self.low + u * (self.high - self.low):.{self.decimals}f}"

    def ends(self) -> tuple[str, ...]:
        """Return all options, or both ends of the range."""
        return self.options or (self.at(0.0), self.at(1.0))


@dataclass(frozen=True)
class Draw:
    """An attack whose parameters may be open: its name, and (key, value) pairs as written."""

    name: str
    values: tuple[tuple[str, Open], ...] = ()

    def at(self, numbers: Sequence[float]) -> Attack:
        """Return the attack for one number in [0, 1) per open value."""
        remaining = iter(numbers)
        return _attack(
            self._spelled(
                value.at(next(remaining)) if len(value.ends()) > 1 else value.at(0.0)
                for _, value in self.values
            )
        )

    def examples(self) -> Iterator[Attack]:
        """Yield the attack at every combination of options and ends of ranges."""
        for text in self.spellings():
            yield _attack(text)

    def spellings(self) -> Iterator[str]:
        """Yield the spelling at every combination of options and ends of ranges."""
        for values in itertools.product(*(value.ends() for _, value in self.values)):
            yield self._spelled(values)

    def _spelled(self, values: Iterable[str]) -> str:
        pairs = zip((key for key, _ in self.values), values, strict=True)
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in pairs)})"


@dataclass(frozen=True)
class Pool:
    """Slots of draws, with the pool's description and the SHA-256 of its file."""

    name: str
    description: str
    slots: tuple[tuple[Draw, ...], ...]
    sha256: str

    def examples(self) -> tuple[Attack, ...]:
        """Return attacks that together use every file and every version that a chain may use."""
        return tuple(e for slot in self.slots for draw in slot for e in draw.examples())


def names() -> list[str]:
    """Return the names of the built-in pools, sorted."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def load(name_or_path: str) -> Pool:
    """Load a built-in pool by name, or a pool from a TOML file by path (ends in .toml).

    Raises `InputError` if the pool is unknown, or the file has no slots or an invalid one.
    """
    if name_or_path.endswith(SUFFIX):
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(f"pool file not found: {path}")
    elif name_or_path in names():
        path = FOLDER / f"{name_or_path}{SUFFIX}"
    else:
        raise unknown("pool", name_or_path, names())
    try:
        return _read(path, path.read_bytes(), trust.allowed())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


@lru_cache(maxsize=32)
def _read(path: Path, content: bytes, allowed: tuple[str, ...]) -> Pool:
    """Parse a pool; `allowed` is part of the memory's key, because other spellings are refused."""
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({error})") from error
    unexpected = sorted(set(table) - {"description", "slot"})
    if unexpected:
        raise unknown(f"entry in {path}", unexpected[0], ("description", "slot"))
    slots = table.get("slot")
    if not isinstance(slots, list) or not slots or not all(isinstance(s, dict) for s in slots):
        raise InputError(f"{path}: needs one [[slot]] or more, each with draw = [...]")
    parsed = []
    for slot in slots:
        spellings = slot.get("draw")
        if set(slot) != {"draw"} or not isinstance(spellings, list) or not spellings:
            raise InputError(
                f"{path}: a [[slot]] needs draw = [...], a list of spellings in quotes"
            )
        try:
            parsed.append(tuple(_draw(spelling, path) for spelling in spellings))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    description = table.get("description", "")
    if not isinstance(description, str):
        raise InputError(f"{path}: the description must be text")
    return Pool(path.stem, description, tuple(parsed), hashlib.sha256(content).hexdigest())


def _draw(spelling: object, path: Path) -> Draw:
    """Parse one spelling of a pool's file, and try every attack that it may become."""
    if not isinstance(spelling, str) or len(split_steps(spelling, "|")) > 1:
        raise InputError(f"needs the spelling of one attack in quotes, not {spelling!r}")
    name, _, body = spelling.strip().partition("(")
    values = []
    for part in split_steps(body.rstrip().removesuffix(")"), ",") if body else []:
        key, _, value = (piece.strip() for piece in part.partition("="))
        values.append((key, _open(value)))
    draw = Draw(name, tuple(values))
    if sum(len(value.ends()) > 1 for _, value in values) > MOST_OPEN:
        raise InputError(f"{spelling}: at most {MOST_OPEN} values may be open")
    for text in draw.spellings():  # raises for an unknown attack or value
        parse(text) if path.parent == FOLDER else parse_from_file(text, path)
    return draw


def _attack(spelling: str) -> Attack:
    (step,) = parse(spelling).steps
    return step


def _open(value: str) -> Open:
    if value.startswith('"'):
        return Open((value,))
    span = _RANGE.fullmatch(value)
    if span is None:
        return Open(tuple(value.split("/")))
    decimals = max(len(part or "") for part in span.group(2, 4))
    low, high = float(span.group(1)), float(span.group(3))
    if low >= high:
        raise InputError(f"the range {value} must go from low to high")
    return Open(low=low, high=high, decimals=decimals)
