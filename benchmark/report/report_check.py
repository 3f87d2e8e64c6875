"""Comparison of a report's files with what the scores give."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from benchmark.core import json_text
from benchmark.report.writer import SAMPLES, samples_section

CLOSE = 1e-9  # largest difference of numbers that other versions may have
SHOWN = 80  # characters of a line in a fault
DIGESTS = ("tables_sha256", "files_sha256")  # of files that may differ in bytes
TEXTS = (".tex", ".md", ".html")  # whose wording may differ between versions, but for names
_PLAIN = re.compile(r"[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def versions(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return in which versions the writer of a report differs from this process, in words."""
    names = ("launderbench", "python", "commit")
    old = {name: recorded.get(name) for name in names} | dict(recorded.get("libraries") or {})
    new = {name: here.get(name) for name in names} | dict(here.get("libraries") or {})
    return [
        f"{name} {old.get(name) or 'unknown'} (here {value or 'unknown'})"
        for name, value in new.items()
        if old.get(name) != value
    ]


def with_samples(page: str, stored: str) -> str:
    """Return a page with the samples of another one, if both have such a section."""
    mine, other = samples_section(page), samples_section(stored)
    if mine is None or other is None:
        return page
    return page.replace(f"{SAMPLES[0]}{mine}{SAMPLES[1]}", f"{SAMPLES[0]}{other}{SAMPLES[1]}")


def unlisted(facts: Mapping[str, Any], stored: Mapping[str, bytes | None]) -> Iterator[str]:
    """Yield the files of a report that have not the SHA-256 in its run.json."""
    for key in DIGESTS:
        listed = facts.get(key)
        for name, sha256 in (listed if isinstance(listed, dict) else {}).items():
            content = stored.get(name)
            if content is not None and hashlib.sha256(content).hexdigest() != sha256:
                yield f"{name} has not the SHA-256 in run.json"


def differences(
    name: str, stored: bytes, made: str, same_versions: bool, names: Iterable[str] = ()
) -> tuple[str, bool]:
    """Return how a file differs from what the scores give ('' if it does not), and if in bytes.

    Under the same versions every byte must be equal. Under other ones every number must be, within
    `CLOSE`, every other cell of a table, and in texts the `names` of detectors between the numbers.
    """
    if stored == made.encode():
        return "", False
    text = stored.decode("utf-8", "replace")
    if same_versions:
        return _first(text.split("\n"), made.split("\n"), "line"), True
    if name.endswith(".csv"):
        return _first(_cells(text), _cells(made), "cell"), True
    if name.endswith(TEXTS):
        word = _words(names)
        old, new = (word.findall(one.replace("\\_", "_")) for one in (text, made))
        return _first(old, new, "number or name"), True
    try:
        return _first(_leaves(text), _leaves(made), "value"), True
    except (ValueError, RecursionError):
        return "it is no JSON", True


def _words(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of the numbers and of these names in a text."""
    longest = sorted(names, key=len, reverse=True)
    either = [*(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in longest), _NUMBER.pattern]
    return re.compile("|".join(either))


def _first(old: list[str], new: list[str], noun: str) -> str:
    """Say where two lists of texts differ first, and how often."""
    far = [
        (place, a, b)
        for place, (a, b) in enumerate(zip_longest(old, new), 1)
        if a is None or b is None or not _equal(a, b, noun)
    ]
    if not far:
        return ""
    place, a, b = far[0]
    a, b = _around(a, b)
    more = f" (and {len(far) - 1} more)" if len(far) > 1 else ""
    return f"{noun} {place} is {_short(a)}, but the scores give {_short(b)}{more}"


def _around(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Cut two texts to what is around their first difference."""
    if old is None or new is None:
        return old, new
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    start = max(0, same - SHOWN // 2) if max(len(old), len(new)) > SHOWN else 0
    return old[start:], new[start:]


def _equal(old: str, new: str, noun: str) -> bool:
    if old == new or noun == "line":
        return old == new
    if not (_PLAIN.fullmatch(old) and _PLAIN.fullmatch(new)):  # such as a digest
        return False
    a, b = float(old), float(new)
    return math.isclose(a, b, rel_tol=0, abs_tol=CLOSE * max(1.0, abs(b)))


def _cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text)) for cell in [*row, "end of row"]]


def _leaves(text: str) -> list[str]:
    """Return the keys, texts and numbers of a JSON text in order, without digests of files."""
    return [*_flat(json_text.parse(text))]


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in sorted(value.items()):
            if name not in DIGESTS:
                yield name
                yield from _flat(item)
    elif isinstance(value, list):
        yield f"list of {len(value)}"
        for item in value:
            yield from _flat(item)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


def _short(text: str | None) -> str:
    if text is None:
        return "missing"
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= SHOWN else f"{flat[:SHOWN]} ...")
