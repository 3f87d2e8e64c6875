"""Reader that loads many parts as few arrays.

A large run has tens of thousands of parts of 64 rows. Parts with the same split, condition and
detectors become one group, and only the columns that a report shows are read. Python work per part
dominates the reading time, so everything possible is done once per group. A group stores the texts
of its checks, which repeat in every row, only once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attacks.contract.condition import CLEAN
from benchmark.core.parallel import cores
from benchmark.core.progress import INNER_S, each
from benchmark.laundering.check_rows import TEXTS
from benchmark.scores.manifest import PartInfo
from benchmark.scores.part_format import CHECK, SCORE, DamagedPart, concatenated
from benchmark.scores.store import Store

LENGTH = 256  # most parts per group, of 64 utterances each: a few megabytes
FEW = 16  # parts that one core reads as fast as several
# equal under every condition: read from clean parts
RECORDING_COLUMNS = ("decoder", "seconds", "declared_seconds", "input_faults", "file_sha256")
ROW = "row"

Damage = Callable[[PartInfo, DamagedPart], None]


@dataclass(frozen=True)
class Wanted:
    """What is read of parts beside their utterances.

    checked : the units whose checks are read, by path and key
    scores  : whether the scores are read
    causes  : whether the causes of failures are read, where anything failed
    """

    checked: Collection[tuple[str, str]] = ()
    scores: bool = True
    causes: bool = False


@dataclass(frozen=True)
class PartRows:
    """The stored rows of a group: parts of one split and condition with the same detectors.

    numbers   : (rows,), index of each row's part among the requested parts
    detectors : identity -> column name, of the detectors that gave scores
    failures  : whether any row failed
    imported  : whether the scores were imported
    table     : (rows,), the wanted columns of the parts except facts and checks
    checks    : one row per check, with the index of its row in `table`; texts are dictionaries;
                empty if the checks of these parts were not requested
    """

    split: str
    condition: str
    detectors: dict[str, str]
    failures: bool
    imported: bool
    numbers: npt.NDArray[np.int32]
    table: pa.Table
    checks: pa.Table


def read(store: Store, parts: Sequence[PartInfo], wanted: Wanted, damage: Damage) -> list[PartRows]:
    """Read the wanted rows of all parts on every core.

    The rows of a group follow the order of the parts. A damaged part is left out, and handed to
    `damage` with the error.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, part in enumerate(parts):
        group_key = (
            part.split,
            part.condition,
            *part.detectors.items(),
            part.failures > 0,
            part.imported,
            (part.path, part.key) in wanted.checked,
        )
        groups.setdefault(group_key, []).append(number)
    # a condition of few parts uses all cores too
    length = min(LENGTH, max(FEW, -(-len(parts) // cores())))
    cut = [
        numbers[start : start + length]
        for numbers in groups.values()
        for start in range(0, len(numbers), length)
    ]

    def load(numbers: list[int]) -> tuple[PartRows | None, list[tuple[PartInfo, DamagedPart]]]:
        return _rows(store, parts, numbers, wanted)

    found = []
    with ThreadPoolExecutor(cores()) as pool:
        done = pool.map(load, cut)
        doing = f"reading parts of {parts[0].condition}" if parts else ""
        for rows, damaged in each(done, doing, "group", len(cut), INNER_S):
            found += [] if rows is None else [rows]
            for part, error in damaged:
                damage(part, error)
    return found


def _rows(
    store: Store, parts: Sequence[PartInfo], numbers: list[int], wanted: Wanted
) -> tuple[PartRows | None, list[tuple[PartInfo, DamagedPart]]]:
    """Return the rows of one group, None if all its parts are damaged, and the damaged parts."""
    first = parts[numbers[0]]
    checked = (first.path, first.key) in wanted.checked
    columns = _columns(first, wanted, checked)
    tables: list[pa.Table] = []
    sound: list[int] = []
    damaged: list[tuple[PartInfo, DamagedPart]] = []
    for mine in _by_file(parts, numbers):
        try:
            read = store.read([parts[number] for number in mine], columns)
            if wanted.scores:
                _require_scores(parts[mine[0]], read[0])
            tables += read
            sound += mine
        except DamagedPart as error:
            damaged += [(parts[number], error) for number in mine]
    if not tables:
        return None, damaged
    whole = concatenated(tables)
    kept = [name for name in whole.column_names if name not in ("facts", "checks")]
    rows = PartRows(
        split=first.split,
        condition=first.condition,
        detectors=first.detectors,
        failures=first.failures > 0,
        imported=first.imported,
        numbers=np.repeat(np.array(sound, dtype=np.int32), [len(table) for table in tables]),
        table=whole.select(kept).combine_chunks(),
        checks=_flat(whole["checks"]) if checked else _flat(pa.chunked_array([], _NESTED)),
    )
    return rows, damaged


def _require_scores(part: PartInfo, rows: pa.Table) -> None:
    """Raise `DamagedPart` unless a file has the scores that the manifest lists."""
    for name in part.detectors.values():
        if f"{SCORE}{name}" not in rows.column_names:
            raise DamagedPart(f"{part.path} is damaged: it has no scores of {name}")


def _by_file(parts: Sequence[PartInfo], numbers: Sequence[int]) -> list[list[int]]:
    """Return the numbers of the parts, file by file, so that each file is read once."""
    found: dict[str, list[int]] = {}
    for number in numbers:
        found.setdefault(parts[number].path, []).append(number)
    return [*found.values()]


_NESTED = pa.list_(CHECK)


def _columns(part: PartInfo, wanted: Wanted, checked: bool) -> list[str] | None:
    """Return the wanted columns, or None for all: a part does not say which causes it holds."""
    if wanted.causes and part.failures:
        return None
    recording = RECORDING_COLUMNS if part.condition == CLEAN else ()
    scores = [f"score:{column}" for column in part.detectors.values()] if wanted.scores else []
    return ["utterance_id", *recording, *(["checks"] if checked else []), *scores]


def _flat(nested: pa.ChunkedArray) -> pa.Table:
    """Return one row per check, with the index of the row that it belongs to."""
    lists = nested.combine_chunks()
    flat = pa.Table.from_struct_array(lists.flatten())
    for name in TEXTS:
        place = flat.schema.get_field_index(name)
        flat = flat.set_column(place, name, flat[name].dictionary_encode())
    return flat.append_column(ROW, pc.list_parent_indices(lists).cast(pa.int32()))
