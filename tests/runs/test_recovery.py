"""Plugins that kill or hang workers: culprits become failed rows, the leaderboard is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import launderbench
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.core.supervisor import Lost
from benchmark.core.whereabouts import NOWHERE, Whereabouts
from benchmark.inference.scorer import SCORING
from benchmark.laundering.engine import ATTACKING, READING
from benchmark.laundering.failure import ATTACK, DETECTOR, UNREADABLE
from benchmark.runs.recovery import Probe, Recovery, Task, results
from benchmark.runs.run_config import ExecutionConfig
from benchmark.runs.work_unit import WorkUnit
from tests.runs.test_foreign_code import failures, options

COUNT = 8
UNIT = WorkUnit(
    "key0", "test", "evil()", Path("/data"),
    tuple((f"u{number}", f"u{number}.flac", "") for number in range(COUNT)), 0,
    {"id-a": "a", "id-b": "b"},
)  # fmt: skip
SEGFAULT = "killed by signal 11 (SIGSEGV)"


class Pool:
    """A pool in which a rule says what is lost and where."""

    def __init__(self, culprits: dict[str, Whereabouts], overdue: bool = False) -> None:
        """Lose what has a culprit: an utterance, `utterance/detector` or `*`, for whole units."""
        self.culprits, self.overdue = culprits, overdue
        self.todo: list[Task] = []
        self.deaths = 0

    @property
    def outstanding(self) -> int:
        return len(self.todo)

    def submit(self, job: Task) -> None:
        self.todo.append(job)

    def next(self) -> Lost[Task] | Probe | WorkUnit:
        task = self.todo.pop(0)
        unit = task.alone if isinstance(task, Probe) else task
        gone = {(loss.utterance, loss.detector) for loss in unit.lost}
        for key in self._tried(unit, gone):
            if key in self.culprits and (key != "*" or isinstance(task, WorkUnit)):
                self.deaths += 1
                return Lost(task, SEGFAULT, self.culprits[key], self.overdue)
        return task

    @staticmethod
    def _tried(unit: WorkUnit, gone: set[tuple[str, str]]) -> Iterator[str]:
        alive = [uid for uid, _, _ in unit.utterances if (uid, "") not in gone]
        yield from alive
        for detector in unit.identities.values():
            if ("", detector) in gone:
                continue
            yield from (f"{uid}/{detector}" for uid in alive if (uid, detector) not in gone)
            yield f"*/{detector}"
        yield "*"


def attacked(uid: str) -> dict[str, Whereabouts]:
    return {uid: Whereabouts(ATTACKING, uid)}


def scored(uid: str, detector: str) -> dict[str, Whereabouts]:
    return {f"{uid}/{detector}": Whereabouts(SCORING, "", detector)}


def units(pool: Pool, *jobs: WorkUnit) -> list[WorkUnit]:
    return [*results(pool, jobs or [UNIT], 2)]  # type: ignore[arg-type]


def test_an_utterance_that_kills_is_left_out_with_its_cause() -> None:
    pool = Pool(attacked("u3"))
    (done,) = units(pool)
    (loss,) = done.lost
    assert (loss.kind, loss.utterance, loss.detector) == (ATTACK, "u3", "")
    assert loss.cause == SEGFAULT and pool.deaths == 2


def test_a_detector_that_kills_costs_its_own_utterances_alone() -> None:
    (done,) = units(Pool(scored("u2", "b") | scored("u6", "b")))
    assert {(x.kind, x.utterance, x.detector) for x in done.lost} == {
        (DETECTOR, "u2", "b"), (DETECTOR, "u6", "b"),
    }  # fmt: skip


def test_a_detector_that_always_kills_is_not_tried_in_the_unit_any_more() -> None:
    culprits: dict[str, Whereabouts] = {}
    for number in range(COUNT):
        culprits |= scored(f"u{number}", "a")
    pool = Pool(culprits)
    (done,) = units(pool)
    assert pool.deaths == 4  # the unit, and three utterances
    (whole,) = [x for x in done.lost if not x.utterance]
    assert whole.detector == "a" and whole.cause.startswith("not tried, after 3 deaths")


def test_an_attack_that_always_kills_is_not_tried_on_the_rest_of_the_unit() -> None:
    culprits: dict[str, Whereabouts] = {}
    for number in range(2, COUNT):
        culprits |= attacked(f"u{number}")
    (done,) = units(Pool(culprits))
    assert [x.utterance for x in done.lost] == [f"u{n}" for n in range(2, COUNT)]
    assert [x.cause.startswith("not tried") for x in done.lost] == [False] * 3 + [True] * 3


def test_what_kills_in_unit_after_unit_stops_the_run_by_name() -> None:
    culprits: dict[str, Whereabouts] = {}
    for number in range(COUNT):
        culprits |= scored(f"u{number}", "a")
    jobs = [replace(UNIT, key=f"key{number}") for number in range(5)]
    done = []
    with pytest.raises(InputError, match=r"^a: workers die of it again and again, in 3 units"):
        done += units(Pool(culprits), *jobs)


def test_a_detector_that_kills_only_in_a_batch_is_left_out_of_the_unit() -> None:
    pool = Pool({"*/a": Whereabouts(SCORING, "", "a")})
    pool._tried = lambda unit, gone: (  # type: ignore[method-assign,assignment]
        key for key in Pool._tried(unit, gone) if len(unit.utterances) > 1
    )
    (done,) = units(pool)
    (loss,) = done.lost
    assert (loss.utterance, loss.detector) == ("", "a") and "though not alone" in loss.cause


def test_a_death_at_no_known_place_is_tried_again_and_then_stops_the_run() -> None:
    with pytest.raises(InputError, match=r"evil\(\): workers die again and again \(killed by si"):
        units(Pool({"*": NOWHERE}))


def test_a_unit_that_is_only_slow_stops_the_run_with_advice() -> None:
    with pytest.raises(InputError, match="--unit-timeout"):
        units(Pool({"*": Whereabouts(ATTACKING, "u5")}, overdue=True))


def test_a_file_that_kills_is_read_once_for_all_conditions() -> None:
    pool = Pool({"u1": Whereabouts(READING, "u1")})
    jobs = [replace(UNIT, key=f"key{number}") for number in range(6)]
    done = units(pool, *jobs)
    assert all([x.utterance for x in job.lost] == ["u1"] for job in done) and len(done) == 6
    assert {x.kind for job in done for x in job.lost} == {UNREADABLE}
    assert pool.deaths < 6  # two units were under way when it was found


def test_a_recovery_without_deaths_changes_no_unit() -> None:
    assert Recovery().task(UNIT) is UNIT
    assert units(Pool({})) == [UNIT]


def test_an_attack_that_kills_or_hangs_is_followed_to_a_leaderboard(
    toy: Path, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = "evil(kind=segfault, share=0.1); evil(kind=hang, share=0.1)"
    limits = ("--limit", 8, "--workers", 2, "--unit-timeout", 8)
    limits += ("--samples", 1, "--voices", "all")  # the page must not try test_0000 again
    assert main(options(toy, tmp_path / "run", "evil", suite, *limits)) == 0
    found = failures(tmp_path / "run")
    assert {(row.utterance_id, row.kind, row.cause) for row in found.itertuples()} == {
        ("test_0000", ATTACK, SEGFAULT), ("test_0000", ATTACK, "hung for 8 s"),
    }  # fmt: skip
    scores = launderbench.load_scores(tmp_path / "run")
    assert scores["score"].notna().sum() == 8 + 8 + 2 * 7  # dev, clean, and two conditions
    assert capsys.readouterr().err.count("its unit is tried again") == 2


def test_a_detector_that_leaves_is_followed_to_a_leaderboard(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    name = "evil(kind=exit, every=9)"
    limits = ("--limit", 8, "--workers", 1)
    assert main(options(toy, tmp_path / "run", f"evil,{name}", "clean", *limits)) == 0
    found = failures(tmp_path / "run")
    assert set(found["detector"]) == {name}
    assert set(found["cause"]) == {"left the process with exit code 0"}
    assert set(found["utterance_id"]) == {"test_0010", "dev_0005"}
    scores = launderbench.load_scores(tmp_path / "run").groupby("detector")["score"]
    assert dict(scores.agg(lambda of: of.notna().sum())) == {"evil": 16, name: 14}


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_deadline_that_nothing_can_keep_is_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="unit_timeout"):
        ExecutionConfig(unit_timeout=seconds)
