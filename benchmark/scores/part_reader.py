"""Read many parts as few arrays: a large run has tens of thousands of parts of 64 rows.

Parts that say the same (split, condition, detectors) become one group, and only the columns that a
report shows of them are read. What is done once per part in Python is what reading costs, so all
else is done once per group; and a group keeps the texts of its checks, which are the same in every
row, only once.
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
from tqdm import tqdm

from attacks.contract.condition import CLEAN
from benchmark.core.parallel import cores
from benchmark.scores.store import CHECK, IMPORTED, PartInfo, Store

LENGTH = 256  # parts; 64 utterances each, and a few megabytes
HEARD = ("decoder", "seconds")  # of what was read, whatever was made of it: asked of clean parts
ROW = "row"
TEXTS = [field.name for field in CHECK if pa.types.is_string(field.type)]


@dataclass(frozen=True)
class PartRows:
    """The stored rows of a group: parts of one split and condition that hold the same detectors.

    numbers   : (rows,), which of the parts asked for each row is from
    detectors : identity -> column name, of the detectors that gave scores
    failures  : whether any row failed; only then the columns of causes were read
    imported  : whether the scores were made elsewhere
    table     : (rows,), the columns of the parts without facts and checks
    checks    : one row per check, and the row of `table` that it is of; texts are dictionaries;
                empty where the parts' checks were not asked for
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
    """Every part's rows, on every core; the checks of the parts in `checked` (paths) alone.

    The rows of a group are in the order of the parts. `InputError` names a damaged part.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, part in enumerate(parts):
        alike = (
            part.split,
            part.condition,
            *part.detectors.items(),
            part.failures > 0,
            IMPORTED in part.origin,
            part.path in checked,
        )
        groups.setdefault(alike, []).append(number)
    cut = [
        numbers[start : start + LENGTH]
        for numbers in groups.values()
        for start in range(0, len(numbers), LENGTH)
    ]

    def one(numbers: list[int]) -> PartRows:
        return _rows(store, parts, numbers, parts[numbers[0]].path in checked)

    made = []
    few = len(parts) < 2000
    with (
        ThreadPoolExecutor(cores()) as pool,
        tqdm(desc="reading scores", total=len(parts), unit="part", disable=few) as bar,
    ):
        for rows, numbers in zip(pool.map(one, cut), cut, strict=True):
            made.append(rows)
            bar.update(len(numbers))
    return made


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
    """Return the columns that a report needs of a part without failures."""
    heard = HEARD if part.condition == CLEAN else ()
    scores = [f"score:{column}" for column in part.detectors.values()]
    return ["utterance_id", *heard, *(["checks"] if checked else []), *scores]


def _flat(nested: pa.ChunkedArray) -> pa.Table:
    """Checks, one row each, with the row that they are of."""
    lists = nested.combine_chunks()
    flat = pa.Table.from_struct_array(lists.flatten())
    for name in TEXTS:
        place = flat.schema.get_field_index(name)
        flat = flat.set_column(place, name, flat[name].dictionary_encode())
    return flat.append_column(ROW, pc.list_parent_indices(lists).cast(pa.int32()))
