"""Conditions: one canonical spelling, read in any order, refused with the cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attacks.contract.base import (
    Attack,
    attack,
    choice,
    flag,
    integer,
    number,
    registry,
    text,
)
from attacks.contract.condition import Condition, parse, spell
from benchmark.cli import list as listing
from benchmark.core.errors import InputError
from tests.support.attack_support import attacks

pytest_plugins = ("tests.support.attack_fixtures",)

MP3 = "mp3(kbps=64, passes=1, loss=0)"
OPUS = "opus(kbps=16, passes=1, loss=0)"


@given(st.lists(attacks(), max_size=4))
def test_a_printed_condition_parses_to_itself(steps: list[Attack]) -> None:
    condition = Condition(tuple(steps))
    assert parse(str(condition)) == condition
    assert str(parse(str(condition))) == str(condition)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("clean", "clean"),
        (" lowpass ", "lowpass(cutoff=7000)"),
        ("lowpass()", "lowpass(cutoff=7000)"),
        ("noise( snr=5.50 , kind = cafe)", "noise(kind=cafe, snr=5.5, reference=active)"),
        ("noise(snr=1e1)", "noise(kind=babble, snr=10, reference=active)"),
        ("noise(snr=-.5)", "noise(kind=babble, snr=-0.5, reference=active)"),
        ("mp3(kbps=64.0)|opus", f"{MP3} | {OPUS}"),
        ('noise(kind="white")', "noise(kind=white, snr=10, reference=active)"),
    ],
)
def test_many_spellings_are_one_condition(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noise(snr=loud)", "noise: snr must be a number, not 'loud'"),
        ("noise(snr=nan)", "noise: snr must be a number, not 'nan'"),
        ("noise(snr=inf)", "noise: snr must be a number, not 'inf'"),
        ("noise(snr=1e999)", "noise: snr must be a number, not inf"),
        pytest.param("noise(snr=" + "9" * 400 + ")", "snr must be a number", id="400 digits"),
        pytest.param("mp3(kbps=" + "9" * 400 + ")", "must be a whole number", id="400 digits, mp3"),
        ("noise(snr=61)", r"noise: snr=61 is out of range \(from -10 to 60 dB\)"),
        ("noise(kind=volvi)", "unknown noise kind 'volvi'; did you mean 'volvo'"),
        ("noise(sn=3)", "unknown parameter of noise 'sn'; did you mean 'snr'"),
        ("noise(snr=3, snr=4)", "noise: snr is given twice"),
        ("noise(snr=)", "noise: snr has no value"),
        ("noise(3)", "noise: write parameters as key=value, not '3'"),
        ("reverberation(rt60=-1)", r"reverberation: rt60=-1 is out of range \(from 0\.1 to 3 s\)"),
        ("mp3(kbps=320)", "mp3: kbps=320 does not exist at 16 kHz, where MP3 ends at 160 kbit/s"),
        ("mp3(kbps=12.5)", "mp3: kbps must be a whole number, not 12.5"),
        ("mp3(kbps=1e999)", "mp3: kbps must be a whole number, not inf"),
        ("opus(kbps=true)", "opus: kbps must be a whole number, not True"),
        ("resample(rate=500)", "resample: rate=500 is out of range"),
        ("stochastic(least=4)", "stochastic: least=4 is more than most=3"),
        ("niose", "unknown attack 'niose'; did you mean 'noise'"),
        ("noise | clean", "clean is a condition of its own"),
        ("noise(snr=3", "unbalanced"),
        ("noise)snr=3(", "unbalanced"),
        ('noise(kind="white)', "unbalanced"),
        ("noise(kind='white')", 'noise: kind is in single quotes; use double quotes: "white"'),
        ("noise(kind='a, b')", "noise: kind is in single quotes"),
        ("noise |", "cannot read the condition step ''"),
        ("", "cannot read the condition step ''"),
        ("noise(snr=3) extra", "cannot read the condition step"),
    ],
)
def test_invalid_spellings_are_refused_with_the_cause(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


@dataclass(frozen=True)
class Grown(Attack):
    """An attack that got parameters of every kind after conditions with it had been stored."""

    depth: float = number(3.0, low=0.0, high=9.0)
    rate: int = integer(8, low=1, high=9, added=True)
    band: str = choice("wide", "wide", "narrow", added=True)
    level: float = number(0.5, low=0.0, high=1.0, added=True)
    soft: bool = flag(False, added=True)
    file: str = text("", added=True)
    family = "test"


@pytest.fixture
def grown() -> Iterator[None]:
    Grown.name = "grown"
    registry.names()
    registry._items["grown"] = Grown
    yield
    del registry._items["grown"]


@pytest.mark.usefixtures("grown")
@pytest.mark.parametrize(
    ("given_text", "canonical"),
    [
        ("grown", "grown(depth=3)"),
        ("grown(depth=4)", "grown(depth=4)"),
        ("grown(band=wide, rate=8.0, soft=false)", "grown(depth=3)"),
        ("grown(band=narrow)", "grown(depth=3, band=narrow)"),
        ("grown(soft=true, rate=2)", "grown(depth=3, rate=2, soft=true)"),
        ("grown(level=5e-1, file=a.b)", "grown(depth=3, file=a.b)"),
    ],
)
def test_an_added_parameter_is_spelled_only_away_from_its_default(
    given_text: str, canonical: str
) -> None:
    condition = parse(given_text)
    assert str(condition) == canonical
    assert parse(canonical) == condition
    assert condition.identity().startswith(f"{canonical}#v1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Grown,
        depth=st.floats(0, 9),
        rate=st.integers(1, 9),
        band=st.sampled_from(("wide", "narrow")),
        level=st.floats(0, 1),
        soft=st.booleans(),
        file=st.text(max_size=3),
    )
)
@pytest.mark.usefixtures("grown")
def test_added_parameters_come_back_from_the_spelling(made: Grown) -> None:
    assert parse(spell(made)).steps == (made,)


@pytest.mark.usefixtures("grown")
def test_the_list_of_attacks_shows_added_parameters() -> None:
    assert "    grown(depth=3, rate=8, band=wide, level=0.5, soft=false," in "\n".join(
        listing.attacks_("test")
    )


@pytest.mark.usefixtures("grown")
def test_an_added_parameter_is_checked_like_any_other() -> None:
    with pytest.raises(InputError, match="grown: rate=10 is out of range"):
        parse("grown(rate=10)")
    with pytest.raises(InputError, match="unknown grown band 'wid'; did you mean 'wide'"):
        parse("grown(band=wid)")


@given(st.text(alphabet="ab\"',\\|=() 1.+-e\t", max_size=12))
def test_any_text_survives_as_a_parameter(text: str) -> None:
    @dataclass(frozen=True)
    class Named(Attack):
        label: str = ""
        family = "test"

    Named.name = "named"
    registry.names()
    registry._items["named"] = Named
    try:
        assert parse(spell(Named(text))).steps == (Named(text),)
    finally:
        del registry._items["named"]


def test_an_attack_whose_field_has_no_default_is_refused() -> None:
    @dataclass(frozen=True)
    class Needy(Attack):
        depth: float
        family = "test"

    with pytest.raises(InputError, match="attack 'needy': its field 'depth' has no default"):
        attack("needy")(Needy)
    assert "needy" not in registry.names()


def test_families_and_alignment() -> None:
    assert parse("clean").family == "clean"
    assert parse("opus").family == "codec"
    assert parse("opus | lowpass").family == "chain"
    assert parse("opus | lowpass").aligned


@pytest.mark.usefixtures("world")
def test_identity_names_versions_and_files() -> None:
    assert parse("clean").identity() == "clean"
    assert parse("lowpass").identity() == "lowpass(cutoff=7000)#v1"
    cafe, street = (parse(f"noise(kind={kind})").identity() for kind in ("cafe", "street"))
    assert len(cafe.partition("+noise/cafe:")[2]) == 64
    assert "+noise/street:" in street
    mixed = parse("stochastic").identity()
    assert "+version/mp3:1" in mixed and cafe.partition("+")[2] in mixed
