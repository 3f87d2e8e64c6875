"""Reader that loads many parts as few arrays.

A large run has tens of thousands of parts of 64 rows. Parts with the same split, condition and
detectors become one group, and only the columns that a report shows are read. Python work per part
dominates the reading time, so everything possible is done once per group. A group stores the texts
of its checks, which repeat in every row, only once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attacks.contract.condition import CLEAN
from benchmark.core.parallel import cores
from benchmark.core.progress import progress_bar
from benchmark.laundering.check_rows import TEXTS
from benchmark.scores.store import CHECK, IMPORTED, PartInfo, Store

LENGTH = 256  # parts per group, of 64 utterances each: a few megabytes
RECORDING_COLUMNS = ("decoder", "seconds")  # equal under every condition: read from clean parts
ROW = "row"


@dataclass(frozen=True)
class PartRows:
    """The stored rows of a group: parts of one split and condition with the same detectors.

    numbers   : (rows,), index of each row's part among the requested parts
    detectors : identity -> column name, of the detectors that gave scores
    failures  : whether any row failed; only then are the columns of causes read
    imported  : whether the scores were imported
    table     : (rows,), the columns of the parts except facts and checks
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


def read(store: Store, parts: Sequence[PartInfo], checked: Collection[Path]) -> list[PartRows]:
    """Read the rows of all parts on every core, with checks only for the paths in `checked`.

    The rows of a group follow the order of the parts. Raises `InputError` if a part is damaged.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, part in enumerate(parts):
        group_key = (
            part.split,
            part.condition,
            *part.detectors.items(),
            part.failures > 0,
            IMPORTED in part.origin,
            part.path in checked,
        )
        groups.setdefault(group_key, []).append(number)
    cut = [
        numbers[start : start + LENGTH]
        for numbers in groups.values()
        for start in range(0, len(numbers), LENGTH)
    ]

    def load(numbers: list[int]) -> PartRows:
        return _rows(store, parts, numbers, parts[numbers[0]].path in checked)

    loaded = []
    few = len(parts) < 2000
    with (
        ThreadPoolExecutor(cores()) as pool,
        progress_bar(desc="reading scores", total=len(parts), unit="part", disable=few) as bar,
    ):
        for rows, numbers in zip(pool.map(load, cut), cut, strict=True):
            loaded.append(rows)
            bar.update(len(numbers))
    return loaded


def _rows(store: Store, parts: Sequence[PartInfo], numbers: list[int], checked: bool) -> PartRows:
    first = parts[numbers[0]]
    columns = None if first.failures else _columns(first, checked)
    tables = [store.read(parts[number], columns) for number in numbers]
    whole = pa.concat_tables(tables, promote_options="default")
    kept = [name for name in whole.column_names if name not in ("facts", "checks")]
    return PartRows(
        split=first.split,
        condition=first.condition,
        detectors=first.detectors,
        failures=first.failures > 0,
        imported=IMPORTED in first.origin,
        numbers=np.repeat(np.array(numbers, dtype=np.int32), [len(table) for table in tables]),
        table=whole.select(kept).combine_chunks(),
        checks=_flat(whole["checks"]) if checked else _flat(pa.chunked_array([], _NESTED)),
    )


_NESTED = pa.list_(CHECK)


def _columns(part: PartInfo, checked: bool) -> list[str]:
    """Return the columns that a report needs from a part in which nothing failed."""
    recording = RECORDING_COLUMNS if part.condition == CLEAN else ()
    scores = [f"score:{column}" for column in part.detectors.values()]
    return ["utterance_id", *recording, *(["checks"] if checked else []), *scores]


def _flat(nested: pa.ChunkedArray) -> pa.Table:
    """Return one row per check, with the index of the row that it belongs to."""
    lists = nested.combine_chunks()
    flat = pa.Table.from_struct_array(lists.flatten())
    for name in TEXTS:
        place = flat.schema.get_field_index(name)
        flat = flat.set_column(place, name, flat[name].dictionary_encode())
    return flat.append_column(ROW, pc.list_parent_indices(lists).cast(pa.int32()))
