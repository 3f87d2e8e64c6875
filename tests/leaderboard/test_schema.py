"""Rows as dataclasses: names, types and meanings of columns, and what is no row."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest

from benchmark.leaderboard import schema
from benchmark.leaderboard.rows.cell_rows import ConditionRow, ConditionSummary
from benchmark.leaderboard.rows.columns import SHARE, Interval
from benchmark.leaderboard.rows.comparison_rows import (
    AugmentationRow,
    PublishedRow,
    RunDifferenceRow,
)
from benchmark.leaderboard.rows.detector_rows import LeaderboardRow, SeverityRow
from benchmark.leaderboard.rows.tables import TABLES
from benchmark.leaderboard.schema import HIGHER, LOWER, Column, columns, frame, typed

DIRECTIONLESS = ("prevalence", "diff", "weight")
EVERY = [*TABLES.values(), RunDifferenceRow, PublishedRow, AugmentationRow]


@dataclass(frozen=True)
class Part:
    """A part of a row."""

    value: Annotated[float, Column("{}")]
    low: Annotated[float, Column("{}: lower bound")]


@dataclass(frozen=True)
class Count:
    """Another part."""

    tp: Annotated[int | None, Column("spoofs rejected", "trials")]


@dataclass(frozen=True)
class Whole:
    """A row with parts."""

    name: Annotated[str | None, Column("its name")]
    eer: Annotated[Part, Column("EER", "share", LOWER)]
    count: Annotated[Count, Column("at a threshold", prefix="")]
    oracle: Annotated[Count, Column("in hindsight", prefix="oracle_")]
    sure: Annotated[bool | None, Column("whether it is sure")]


def row(**hints: Any) -> type:
    """Return a class of rows with these fields, without a module to look names up in."""
    made: type = dataclasses.make_dataclass("Row", hints.items(), frozen=True)
    return made


def test_parts_become_columns() -> None:
    found = {field.name: field for field in columns(Whole)}
    assert list(found) == ["name", "eer", "eer_low", "tp", "oracle_tp", "sure"]
    assert found["eer_low"].column == Column("EER: lower bound", "share", LOWER)
    assert found["oracle_tp"].column.meaning == "spoofs rejected, in hindsight"
    assert [str(field.dtype) for field in found.values()] == [
        "str", "float64", "float64", "Int64", "Int64", "boolean",
    ]  # fmt: skip


def test_missing_values_are_missing() -> None:
    some = Whole("x", Part(0.1, 0.0), Count(3), Count(None), True)
    none = Whole("", Part(np.nan, np.nan), Count(None), Count(2), None)
    table = frame(Whole, [some, none])
    assert table.isna().iloc[1].tolist() == [True, True, True, True, False, True]
    assert table["tp"].tolist()[0] == 3 and table["sure"].tolist()[0] is True
    pd.testing.assert_frame_equal(typed(Whole, table.astype(object).iloc[:, ::-1]), table)
    empty = frame(Whole, [])
    assert list(empty.dtypes) == list(table.dtypes) and empty.empty


@pytest.mark.parametrize(
    ("hint", "cause"),
    [
        (float, "Row.x needs a type and one Column"),
        (Annotated[float, "no column"], "Row.x needs a type and one Column"),
        (Annotated[float, Column("a"), Column("b")], "Row.x needs a type and one Column"),
        (Annotated[float, Column("", "share", LOWER)], "Row.x has no meaning"),
        (Annotated[list[int], Column("values")], "Row.x: no column can hold"),
        (Annotated[dict[str, Any], Column("anything")], "Row.x: no column can hold"),
        (Annotated[str | int, Column("either")], "Row.x: no column can hold"),
    ],
)
def test_a_field_without_meaning_or_type_is_refused(hint: Any, cause: str) -> None:
    with pytest.raises(TypeError, match=cause):
        columns(row(x=hint))


def test_two_columns_of_one_name_are_refused() -> None:
    number = Annotated[float, Column("a number")]
    part = Annotated[Interval, Column("EER")]
    with pytest.raises(TypeError, match="two columns eer_low"):
        columns(row(eer=part, eer_low=number))


def test_a_direction_is_lower_or_higher() -> None:
    with pytest.raises(TypeError, match="better lower or higher, not 'less'"):
        Column("a number", "share", "less")


def test_a_table_that_lacks_a_column_is_no_table_of_the_row() -> None:
    table = frame(Whole, [Whole("x", Part(0.1, 0.0), Count(3), Count(4), True)])
    with pytest.raises(ValueError, match="column eer_low is absent"):
        typed(Whole, table.drop(columns="eer_low"))
    with pytest.raises(ValueError, match="column eer: "):
        typed(Whole, table.assign(eer="high"))
    every = frame(LeaderboardRow, [])
    gap = pd.DataFrame([dict.fromkeys(every.columns)])
    with pytest.raises(ValueError, match="has a missing value"):
        typed(LeaderboardRow, gap)


@pytest.mark.parametrize("table", EVERY)
def test_every_column_has_a_meaning(table: type) -> None:
    for field in columns(table):
        assert field.column.meaning and schema.WHOLE not in field.column.meaning
        assert field.name != schema.SCHEMA  # is added when a table is written
        if field.column.unit == SHARE and not field.name.startswith(DIRECTIONLESS):
            assert field.column.better in (LOWER, HIGHER), field.name
    assert table.__doc__ and table.__doc__.endswith(".")


def test_the_version_is_the_last_column_of_every_row() -> None:
    table = schema.versioned(frame(Whole, [Whole("x", Part(0, 0), Count(1), Count(1), None)] * 2))
    assert table.columns[-1] == "schema" and table["schema"].tolist() == [schema.VERSION] * 2


def test_the_slim_table_is_part_of_the_full_one() -> None:
    slim, full = ([field.name for field in columns(t)] for t in (ConditionSummary, ConditionRow))
    assert set(slim) - set(full) == {"state"}
    assert 3 * len(slim) < len(full)


def test_a_row_cannot_be_changed() -> None:
    fields = {f.name for f in dataclasses.fields(SeverityRow)}
    assert "area" in fields
    with pytest.raises(dataclasses.FrozenInstanceError):
        Interval(0.1).value = 0.2  # type: ignore[misc]
