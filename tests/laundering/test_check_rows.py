"""The columns of a check: written down in `Check` alone, and the same in every sink."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile

from attacks.contract.base import AttackError, Check
from attacks.contract.condition import parse
from attacks.contract.launder import Step, launder
from benchmark.audio import reader
from benchmark.exchange import audio_corpus
from benchmark.laundering import check_rows, effect_tables, engine, launder_files, output_layout
from benchmark.laundering.verification import KEYS
from benchmark.runs.work_unit import WorkUnit, prepare
from benchmark.scores.part_format import CHECK
from benchmark.scores.run_results import EFFECT_COLUMNS
from benchmark.scores.store import Store
from tests.support import builders

FIELDS = [field.name for field in fields(Check)]
CONDITION = "lowpass(cutoff=3000) | noise(kind=white, snr=5, reference=active)"
STEPS = (
    Step("a(x=1)", {"gain": 0.5}, (Check.near("SNR", "dB", 5.0, 5.01, 0.1),)),
    Step(
        "b",
        {},
        (
            Check.at_least("residual", "dB", -60.0, None),
            Check.at_most("length", "samples", 3, 4, effect=False),
        ),
    ),
)


def test_the_columns_are_the_step_the_attack_and_the_fields_of_a_check() -> None:
    assert [*check_rows.COLUMNS] == ["step", "attack", *FIELDS]
    for row in check_rows.check_rows(STEPS):
        assert [*row] == [*check_rows.COLUMNS]
    texts, numbers = {*check_rows.TEXTS}, {*check_rows.NUMBERS}
    assert texts == {"attack", "quantity", "unit", "relation"}
    assert numbers == {"claimed", "measured", "tolerance"}


def test_the_store_keeps_the_struct_that_old_parts_hold() -> None:
    """A change here needs a new `PART_FORMAT`."""
    text, number = pa.string(), pa.float64()
    assert pa.struct(
        [
            ("step", pa.int32()), ("attack", text), ("quantity", text), ("unit", text),
            ("relation", text), ("claimed", number), ("measured", number), ("tolerance", number),
            ("passed", pa.bool_()), ("effect", pa.bool_()),
        ]
    ) == CHECK  # fmt: skip
    assert [*EFFECT_COLUMNS] == ["condition", "utterance_id", *check_rows.COLUMNS]
    assert KEYS == ["condition", "step", "attack", "quantity", "unit", "relation", "effect"]


def test_steps_come_back_from_rows_and_from_records() -> None:
    records = json.loads(json.dumps(check_rows.step_records(STEPS)))
    assert check_rows.steps_of_records(records) == STEPS
    rows = check_rows.check_rows(STEPS)
    without_facts = tuple(replace(step, facts={}) for step in STEPS)
    assert check_rows.steps_of_rows(rows[::-1]) == (
        without_facts[0],
        replace(without_facts[1], checks=without_facts[1].checks[::-1]),
    )
    read = [row | {"passed": None if p is None else np.bool_(p), "condition": "c"}
            for row in rows for p in [row["passed"]]]  # fmt: skip
    assert check_rows.steps_of_rows(read) == without_facts
    assert check_rows.fact_rows(STEPS) == [{"attack": "a(x=1)", "gain": 0.5}, {"attack": "b"}]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    soundfile.write(root / "u.wav", builders.voice(1, 0.7), 16000, subtype="FLOAT")
    return root


def part(root: Path, out: Path) -> list[dict[str, Any]]:
    """The checks of a score part, as read back."""
    job = WorkUnit("k" * 64, "test", CONDITION, root, (("u", "u.wav", "0" * 64),), 0, {})
    engine._kept.cache_clear()
    store = Store(out)
    part = store.write_part(job.key, job.split, job.condition, prepare(job).rows, {})
    (table,) = store.read([part])
    (rows,) = table["checks"].to_pylist()
    return list(rows)


def table(root: Path, out: Path) -> list[dict[str, Any]]:
    """The checks of laundered files, from the table of effects of a resumed call."""
    target = output_layout.OutputTarget(out / "files")
    job = output_layout.order([parse(CONDITION)], target, 0, ())
    found = output_layout.sources(root, out / "files")
    launder_files.run(job, found, 0)
    records = launder_files.run(job, found, 0)
    effects = effect_tables.tables(records)[effect_tables.EFFECTS]
    return effects[[*check_rows.COLUMNS]].to_dict("records")  # type: ignore[return-value]


def exported(root: Path, out: Path) -> list[dict[str, Any]]:
    """The checks that an import of scores takes from an export of audio."""
    folder = out / "audio"
    target = output_layout.OutputTarget(folder)
    job = audio_corpus.order([parse("clean"), parse(CONDITION)], target, 0, [])
    (source,) = output_layout.sources(root, folder)
    launder_files.run(job, [source], 0)
    conditions = [{"condition": name, "identity": mark} for name, mark, _ in job.conditions]
    head = {"conditions": conditions, "seed": 0, "data_root": str(root)}
    table = pd.DataFrame({"utterance_id": ["u"], "path": ["u.wav"], "file_sha256": source.sha256})
    ((_, found),) = audio_corpus.measured(folder, table, head, conditions[1])
    return list(found["checks"])


@pytest.mark.parametrize("sink", [part, table, exported])
def test_every_sink_holds_every_field_of_every_check(
    recording: Path, tmp_path: Path, sink: Callable[[Path, Path], list[dict[str, Any]]]
) -> None:
    steps = launder(parse(CONDITION), reader.read(recording / "u.wav"), 16000, "u", 0).steps
    wanted = [
        {"step": number, "attack": step.attack, **{name: getattr(check, name) for name in FIELDS}}
        for number, step in enumerate(steps)
        for check in step.checks
    ]
    assert len(wanted) > 4 and all(row["measured"] is not None for row in wanted)
    assert sink(recording, tmp_path / "out") == wanted


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (Check("SNR", "dB", "=", 5.0, 9.0, 0.1, True), "says passed=True, but its claim"),
        (Check("SNR", "dB", ">=", 5.0, 4.8, 0.1, True), "give False"),
        (Check("SNR", "dB", "<=", 5.0, 5.2, 0.1, None), "says passed=None"),
        (Check("SNR", "dB", "=", 5.0, None, 0.1, True), "give None"),
        (Check("SNR", "dB", ">=", None, 7.0, 0.0, True), "give None"),
        (Check("SNR", "dB", "~", 5.0, 5.0, 0.1, True), "relates claim and measurement by '~'"),
    ],
)
def test_a_verdict_that_claim_and_measurement_do_not_give_is_refused(
    check: Check, said: str
) -> None:
    with pytest.raises(AttackError, match=re.escape(said)):
        check_rows.require_plain([Step("a", {}, (check,))])


def test_a_measurement_without_a_claim_has_no_verdict_and_is_stored_as_such() -> None:
    check = Check.unclaimed("residual", "dB", -12.5)
    assert (check.claimed, check.measured, check.passed, check.due) == (None, -12.5, None, None)
    step = Step("a", {}, (check,))
    check_rows.require_plain([step])
    assert check_rows.steps_of_rows(check_rows.check_rows([step])) == (step,)
