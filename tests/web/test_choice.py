"""What a visitor writes is data: it names registered attacks, no files, no programs, no excess."""

from __future__ import annotations

from pathlib import Path

import pytest

from attacks.contract import suites
from attacks.contract.condition import parse
from attacks.noise.additive_noise import AdditiveNoise
from benchmark.core import trust
from benchmark.core.errors import InputError
from benchmark.web import choice
from benchmark.web.choice import Asked, chosen
from benchmark.web.limits import Limits
from tests.core.test_trust import REACHING_ATTACKS


def spelled(asked: Asked, **limits: int) -> list[str]:
    return [str(condition) for condition in chosen(asked, Limits(**limits)).conditions]


def test_everything_chosen_is_there_once_and_in_order() -> None:
    asked = Asked(
        "smoke",
        ("lowpass",),
        ("mp3",),
        "gsm; mp3(kbps=64)\n\nreverberation(rt60=0.9) | gsm\nclean\n",
    )
    found = spelled(asked)
    suite = [str(condition) for condition in suites.load("smoke").conditions if condition.steps]
    assert found[: len(suite)] == suite
    assert found[-2:] == [str(parse("gsm")), str(parse("reverberation(rt60=0.9) | gsm"))]
    assert len(found) == len(set(found)) and "clean" not in found
    levels = {str(parse(level)) for level in suites.levels("mp3", "")}
    assert levels <= set(found) and len(levels) == 5


@pytest.mark.parametrize("text", [*REACHING_ATTACKS, "gsm | noise(kind=/etc/passwd)"])
def test_a_text_that_reaches_for_files_or_programs_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="what you wrote is refused") as refusal:
        chosen(Asked(text=text), Limits())
    assert "\n" not in str(refusal.value)


def test_the_owner_of_the_server_may_allow_one() -> None:
    with trust.allowing("ffmpeg"):
        found = chosen(Asked(text="ffmpeg"), Limits())
    assert len(found.conditions) + len(found.left_out) == 1


def test_a_suite_is_one_of_the_built_in_ones(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('conditions = ["gsm"]\n')
    assert suites.load(file).conditions
    for name in (str(file), "../smoke", "nothing"):
        with pytest.raises(InputError, match="no built-in suite"):
            chosen(Asked(suite=name), Limits())


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("nois(snr=3)", "did you mean 'noise'"),
        ("noise(snr=abc)", "snr"),
        ("ready(audio=x)", "belongs to a data set"),
        ("gsm | " * 6 + "gsm", "7 steps; at most 6"),
        ("speed(factor=0.5) | speed(factor=0.5) | speed(factor=0.5)", "8 times as long"),
        ("gsm | clean", "clean is a condition of its own"),
        ("(", "unbalanced"),
    ],
)
def test_a_wrong_or_excessive_text_is_one_line(text: str, cause: str) -> None:
    with pytest.raises(InputError) as refusal:
        chosen(Asked(text=text), Limits())
    assert cause in str(refusal.value) and "\n" not in str(refusal.value)


def test_there_is_a_limit_to_conditions() -> None:
    assert len(spelled(Asked("smoke"), conditions=11)) == 11
    with pytest.raises(InputError, match=r"11 conditions are chosen.* at most 10 "):
        chosen(Asked("smoke"), Limits(conditions=10))


def test_what_this_machine_lacks_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdditiveNoise, "unavailable", lambda self: "no noise here")
    found = chosen(Asked(text="noise(kind=white); gsm; gsm | noise(kind=white)"), Limits())
    assert [str(condition) for condition in found.conditions] == [str(parse("gsm"))]
    assert len(found.left_out) == 2 and all("no noise here" in text for text in found.left_out)


def test_only_harmless_attacks_are_offered() -> None:
    offered = choice.offered()
    assert {"noise", "mp3", "reverberation"} <= set(offered)
    assert not {"ffmpeg", "ready", "clean"} & set(offered)
    for name in offered:
        assert spelled(Asked(attacks=(name,))) == [str(parse(name))]
