"""Suites: named lists of conditions, from TOML files and from the command line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attacks.chains.stochastic import Composite
from attacks.contract import suite_grids, suites
from attacks.contract.base import registry
from attacks.contract.condition import Condition
from benchmark.assets import wheel_files
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, run
from tests.support.places import ROOT

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")

MP3 = "mp3(kbps=64, passes=1, loss=0)"
OPUS = "opus(kbps=16, passes=1, loss=0)"


def every_condition() -> list[tuple[str, Condition]]:
    """Return every condition of the packaged suites once, with its spelling."""
    found = {str(c): c for name in suites.names() for c in suites.load(name).conditions}
    return list(found.items())


def test_the_built_in_suites() -> None:
    assert {"smoke", "laundering"} <= set(suites.names())
    laundering = suites.load("laundering")
    assert str(laundering.conditions[0]) == "clean"
    assert len(laundering.conditions) == 28
    assert len({str(condition) for condition in laundering.conditions}) == 28
    counts: dict[str, int] = {}
    for condition in laundering.conditions[1:]:
        counts[condition.family] = counts.get(condition.family, 0) + 1
    assert counts == {
        "reverberation": 3,
        "noise": 15,
        "codec": 4,
        "resampling": 4,
        "filtering": 1,
    }
    smoke = {condition.family for condition in suites.load("smoke").conditions}
    assert smoke == {*counts, "clean", "channel", "time_pitch", "enhance", "pipeline", "chain"}
    for name in suites.names():
        assert suites.load(name).description.endswith(".")


def test_a_suite_from_a_users_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "Mine."\nconditions = ["mp3", "clean", "opus | mp3"]\n')
    mine = suites.load(path)
    assert mine.name == "mine"
    spelled = [str(condition) for condition in mine.conditions]
    assert spelled == ["clean", MP3, f"{OPUS} | {MP3}"]
    assert suites.parse_suite(str(path)) == mine


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('conditions = ["mp3", "mp3(kbps=64)"]', r"the condition mp3\(kbps=64.*\) is listed twice"),
        ('conditions = ["mp4"]', r"bad\.toml: unknown attack 'mp4'"),
        ("conditions = []", "holds no conditions"),
        ("conditions = 3", "conditions must be a list"),
        ('description = "none"', "holds no conditions"),
        ('conditions = ["mp3"]\ndescription = 3', "must be text"),
        ('condition = ["mp3"]', "unknown entry in .* 'condition'; did you mean 'conditions'"),
        ("conditions = [", "cannot be read as TOML"),
    ],
)
def test_a_bad_suite_is_refused_with_the_cause(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        suites.load(path)


def test_unknown_suites() -> None:
    with pytest.raises(InputError, match="unknown suite 'laundring'; did you mean 'laundering'"):
        suites.load("laundring")
    with pytest.raises(InputError, match="suite file not found"):
        suites.load("nowhere.toml")
    with pytest.raises(
        InputError, match="unknown suite or attack 'lowpas'; did you mean 'lowpass'"
    ):
        suites.parse_suite("lowpas")
    with pytest.raises(InputError, match="the suite ';' holds no conditions"):
        suites.parse_suite(" ; ")


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("lowpass", ["clean", "lowpass(cutoff=7000)"]),
        ("clean", ["clean"]),
        ("mp3(kbps=8)", ["clean", "mp3(kbps=8, passes=1, loss=0)"]),
        ("mp3 ; opus | mp3;", ["clean", MP3, f"{OPUS} | {MP3}"]),
    ],
)
def test_a_spelled_condition_is_a_suite(text: str, conditions: list[str]) -> None:
    given_suite = suites.parse_suite(text)
    assert [str(condition) for condition in given_suite.conditions] == conditions
    assert given_suite.name == ("; ".join(conditions[1:]) or "clean")
    assert suites.parse_suite("smoke") == suites.load("smoke")


def test_the_suites_of_the_published_studies() -> None:
    assert suites.names() == [
        "add-c",
        "asvspoof5",
        "augmentation",
        "core",
        "corruptions",
        "enhancement",
        "full",
        "laundering",
        "laundering-as-published",
        "media",
        "pipelines",
        "realities",
        "severity",
        "smoke",
        "stochastic",
        "telephony",
    ]
    published = [str(c) for c in suites.load("laundering-as-published").conditions]
    assert len(published) == 28
    assert sum("reference=whole" in text for text in published) == 15
    assert sum("returned=false" in text for text in published) == 4
    full = set(suites.load("full").conditions)
    for name in set(suites.names()) - {"smoke", "augmentation", "laundering-as-published"}:
        assert set(suites.load(name).conditions) <= full
    pipelines = {str(c) for c in suites.load("pipelines").conditions}
    for name in ("network", "media", "physical"):
        for depth in (1, 2, 3):
            for strength in (2, 3, 4):
                assert f"{name}(depth={depth}, strength={strength})" in pipelines


def test_core_has_three_conditions_in_each_of_five_families_and_needs_no_wheel() -> None:
    conditions = suites.load("core").conditions[1:]
    families = Counter(condition.family for condition in conditions)
    assert set(families) == {"codec", "reverberation", "noise", "filtering", "chain"}
    assert min(families.values()) >= 3
    assert not any(step.wheel_files for condition in conditions for step in condition.steps)


def test_severity_has_every_attack_at_every_level() -> None:
    conditions = suites.load("severity").conditions[1:]
    levels: dict[str, int] = {}
    for condition in conditions:
        levels[condition.steps[0].name] = levels.get(condition.steps[0].name, 0) + 1
    classes = {name: registry.get(name) for name in registry.names()}
    wanted = {
        name
        for name, cls in classes.items()
        if cls.severity and cls.__module__.startswith("attacks.")
        if not issubclass(cls, Composite) and name != "ffmpeg"
    }
    assert set(levels) == wanted and all(count % 5 == 0 for count in levels.values())


@pytest.mark.parametrize(("text", "condition"), every_condition())
def test_every_condition_of_every_suite_keeps_its_claims(text: str, condition: Condition) -> None:
    if any(step.unavailable() for step in condition.steps):
        with pytest.raises(InputError, match="not available"):
            run(text, clip(0.5))
        return
    done = run(text, clip(0.5))
    failed = [(s.attack, c) for s in done.steps for c in s.checks if c.passed is False]
    assert failed == []


def test_included_suites_and_levels(tmp_path: Path) -> None:
    (tmp_path / "inner.toml").write_text('conditions = ["opus", "mp3"]')
    outer = tmp_path / "outer.toml"
    outer.write_text(
        'include = ["inner.toml", "smoke"]\nconditions = ["mp3"]\nseverity = ["mp3(passes=2)"]\n'
    )
    spelled = [str(c) for c in suites.load(outer).conditions]
    assert spelled[:3] == ["clean", OPUS, MP3] and spelled.count(MP3) == 1
    smoke = [str(c) for c in suites.load("smoke").conditions[1:]]
    assert spelled[3:-5] == [text for text in smoke if text != MP3]
    assert spelled[-5:] == [f"mp3(kbps={k}, passes=2, loss=0)" for k in (64, 48, 32, 16, 8)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('include = ["bad.toml"]', r"bad\.toml: includes itself"),
        ('include = ["missing.toml"]', r"suite file not found: .*missing\.toml"),
        ('include = ["smok"]', "unknown suite 'smok'; did you mean 'smoke'"),
        ('severity = ["mp3 | opus"]', r"bad\.toml: severity needs one attack with a ladder"),
        ('severity = ["clean"]', "severity needs one attack with a ladder"),
        ('severity = ["mp3"]\nconditions = ["mp3"]', "is listed twice"),
        ("severity = 3", "severity must be a list"),
    ],
)
def test_an_invalid_include_or_severity_is_refused_with_the_cause(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        suites.load(path)


GRID: dict[str, Any] = {
    "row": "codec",
    "column": "quality",
    "columns": ["1", "2"],
    "rows": [
        {"label": "A", "name": "MP3", "group": "wide", "conditions": ["mp3", "mp3(kbps=8)"]},
        {"label": "B", "name": "EnCodec", "group": "wide", "waits_for": "its weights"},
    ],
}


def changed_row(**changes: object) -> dict[str, object]:
    return {**GRID, "rows": [{**GRID["rows"][0], **changes}]}


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (3, "a.toml: grid must be a table"),
        ({**GRID, "rest": 1}, "unknown entry in a.toml: grid 'rest'"),
        ({**GRID, "row": ""}, "grid.row must be a text"),
        ({**GRID, "columns": ["1", "1"]}, "grid.columns must be labels, each once"),
        ({**GRID, "rows": []}, "grid.rows must be tables"),
        ({**GRID, "rows": GRID["rows"][:1] * 2}, "the grid has two rows A"),
        (changed_row(conditions=["mp3"]), "row 1 of the grid needs 2 conditions"),
        (changed_row(waits_for="x"), "row 1 of the grid needs 2 conditions"),
        (changed_row(conditions=[]), "row 1 of the grid needs 2 conditions"),
        (changed_row(conditions=[1, 2]), "conditions must be a list of texts"),
        (changed_row(lable="x"), "unknown entry in a.toml: row 1 of the grid 'lable'.*'label'"),
        (changed_row(name=3), "row 1 of the grid: name must be a text"),
    ],
)
def test_an_invalid_grid_is_refused_with_the_cause(grid: object, message: str) -> None:
    assert suite_grids.read(GRID, Path("a.toml")).conditions == ["mp3", "mp3(kbps=8)"]
    with pytest.raises(InputError, match=message):
        suite_grids.read(grid, Path("a.toml"))


def test_a_grid_is_for_suites_of_the_package(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('conditions = ["mp3"]\n[grid]\nrow = "codec"\n')
    with pytest.raises(
        InputError, match=r"mine\.toml: only a suite of the package may have a grid"
    ):
        suites.load(path)


@pytest.mark.parametrize(("name", "codecs", "settings"), [("asvspoof5", 8, 5), ("add-c", 6, 5)])
def test_a_suite_of_codecs_has_as_many_settings_of_each(
    name: str, codecs: int, settings: int
) -> None:
    conditions = [c for c in suites.load(name).conditions if len(c.steps) == 1]
    counted = Counter(
        (c.steps[0].name, getattr(c.steps[0], "band", ""))
        for c in conditions
        if c.steps[0].name not in ("replay", "msbc")
    )
    assert len(counted) == codecs and set(counted.values()) == {settings}


def test_add_c_loses_the_same_shares_with_every_codec() -> None:
    shares: dict[str, list[float]] = {}
    for condition in suites.load("add-c").conditions[1:]:
        (step,) = condition.steps
        shares.setdefault(step.name, []).append(step.loss)
    assert [*shares.values()] == [[0.0, 0.01, 0.05, 0.1, 0.2]] * 6


def test_plan_names_the_codecs_that_this_machine_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wheel_files, "NATIVE", ("plan9", "mips"))
    for command in (["plan", "--suite", "telephony"], ["attack", "telephony", "in", "out"]):
        assert main(command) == 2
        printed = capsys.readouterr().err
        for name in ("amr_wb", "speex", "lc3"):
            assert printed.count(f"{name}(") == 1
        assert "lc3py 1.1.3 is pinned for plan9 mips only" in printed


def test_the_page_of_suites_has_the_right_counts() -> None:
    page = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
    counts = dict(re.findall(r"^\| `([\w-]+)` \| (\d+) \|", page, re.MULTILINE))
    assert counts == {name: str(len(suites.load(name).conditions) - 1) for name in suites.names()}
