"""The engine: one decoding for all conditions, the samples of `launder`, and named failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
import soundfile

from attacks.contract.base import Attack, AttackError, Facts, Wave, attack
from attacks.contract.condition import parse
from attacks.contract.launder import Laundered, launder
from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.core.stage_timer import StageTimer
from benchmark.laundering import engine
from benchmark.laundering.engine import LaunderedUtterance, Utterance, launder_each
from benchmark.laundering.failure import ATTACK, NO_FAILURE, UNREADABLE, Failure
from tests.support import builders

SPELLINGS = ("clean", "noise(kind=white, snr=5)", "lowpass(cutoff=3000) | mp3(kbps=32)")
CONDITIONS = [parse(spelling) for spelling in SPELLINGS]
SEED = 3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.wav"
    soundfile.write(path, builders.voice(1, 0.7), 16000, subtype="FLOAT")
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[Path]]:
    """Count how often each file is decoded."""
    counts: Counter[Path] = Counter()
    record = reader.record

    def counted(path: Path) -> reader.DecodedAudio:
        counts[path] += 1
        return record(path)

    monkeypatch.setattr(reader, "record", counted)
    engine._kept.cache_clear()
    yield counts
    engine._kept.cache_clear()


@pytest.fixture
def refusing() -> str:
    """Register an attack that fails on every utterance, for this test; return its name."""

    @attack("refusing")
    @dataclass(frozen=True)
    class Refusing(Attack):
        """Fails."""

        family = "channel"

        def __call__(
            self, wave: Wave, sample_rate: int, rng: np.random.Generator
        ) -> Wave | tuple[Wave, Facts]:
            raise AttackError("not this one")

    return "refusing"


def sound(laundered: LaunderedUtterance) -> Laundered:
    assert isinstance(laundered.result, Laundered)
    return laundered.result


def test_a_file_is_decoded_once_for_several_conditions(file: Path, reads: Counter[Path]) -> None:
    found = [*launder_each(Utterance("u", file), CONDITIONS, SEED)]
    assert [str(one.condition) for one in found] == [str(c) for c in CONDITIONS]
    assert {(one.utterance_id, one.decoder, one.seconds) for one in found} == {
        ("u", "soundfile", 0.7)
    }
    assert reads == {file: 1}


def test_a_file_with_a_digest_stays_decoded_until_it_is_replaced(
    file: Path, reads: Counter[Path]
) -> None:
    for condition in CONDITIONS:
        (one,) = launder_each(Utterance("u", file, "d1"), [condition], SEED)
    assert reads == {file: 1}
    assert not sound(next(launder_each(Utterance("u", file, "d1"), CONDITIONS, SEED))).wave.flags[
        "WRITEABLE"
    ]
    soundfile.write(file, builders.voice(2, 0.4), 16000, subtype="FLOAT")
    (one,) = launder_each(Utterance("u", file, "d2"), [parse("clean")], SEED)
    assert reads == {file: 2} and one.seconds == 0.4
    for _ in range(2):
        [*launder_each(Utterance("u", file), CONDITIONS, SEED)]
    assert reads == {file: 4}


@pytest.mark.parametrize("as_file", [True, False])
def test_the_samples_and_steps_are_those_of_launder(file: Path, as_file: bool) -> None:
    wave = reader.read(file)
    found = launder_each(Utterance("u", file if as_file else wave), CONDITIONS, SEED)
    for one, condition in zip(found, CONDITIONS, strict=True):
        wanted = launder(condition, wave, reader.SAMPLE_RATE, "u", SEED)
        assert sound(one).wave.tobytes() == wanted.wave.tobytes()
        assert sound(one).steps == wanted.steps
        assert one.decoder == ("soundfile" if as_file else None) and one.seconds == 0.7


def test_id_and_seed_reach_the_draws(file: Path) -> None:
    noise = [parse("noise(kind=white, snr=5)")]
    waves = {
        sound(*launder_each(Utterance(uid, file), noise, seed)).wave.tobytes()
        for uid, seed in (("u", 0), ("u", 1), ("v", 0), ("u", 0))
    }
    assert len(waves) == 3


def test_an_unreadable_file_fails_once_per_condition(tmp_path: Path, reads: Counter[Path]) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"not audio")
    found = [*launder_each(Utterance("u", path), CONDITIONS, SEED)]
    assert [one.condition for one in found] == CONDITIONS
    assert len({one.result for one in found}) == 1 and reads == {path: 1}
    failure = found[0].result
    assert isinstance(failure, Failure) and failure.kind == UNREADABLE
    assert failure.cause.startswith(f"{path}: cannot be decoded")
    assert {(one.decoder, one.seconds) for one in found} == {(None, None)}


def test_a_missing_file_and_absent_audio_are_unreadable(tmp_path: Path) -> None:
    clean = [parse("clean")]
    missing = engine.of_data_set(tmp_path, ("u", "a/b.flac", "0" * 64), "no audio")
    (one,) = launder_each(missing, clean, SEED)
    assert one.result == Failure(UNREADABLE, f"{tmp_path / 'a/b.flac'}: no such file")
    absent = engine.of_data_set(tmp_path, ("u", "-", ""), "no audio")
    (one,) = launder_each(absent, clean, SEED)
    assert one.result == Failure(UNREADABLE, "no audio")


def test_a_row_of_a_data_set_keeps_its_file_decoded(file: Path, reads: Counter[Path]) -> None:
    row = ("u", file.name, "0" * 64)
    for _ in range(2):
        [*launder_each(engine.of_data_set(file.parent, row, "none"), CONDITIONS, SEED)]
    assert reads == {file: 1}


def test_an_attack_that_fails_spares_the_other_conditions(file: Path, refusing: str) -> None:
    conditions = [CONDITIONS[1], parse(refusing), CONDITIONS[2]]
    first, failed, last = launder_each(Utterance("u", file), conditions, SEED)
    assert failed.result == Failure(ATTACK, "refusing: not this one")
    assert (failed.decoder, failed.seconds) == ("soundfile", 0.7)  # the recording is sound
    assert sound(first).passed and sound(last).passed


def test_an_attack_for_no_utterance_stops_the_engine(file: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_NOISES", str(tmp_path / "none"))
        conditions = [parse("clean"), parse("noise(kind=babble, snr=5)")]
        found = launder_each(Utterance("u", file), conditions, SEED)
        assert next(found).result
        with pytest.raises(InputError, match="noise"):
            next(found)


def test_a_wave_that_is_none_is_a_failure_of_the_attack() -> None:
    (one,) = launder_each(Utterance("u", np.zeros(0, np.float32)), [parse("clean")], SEED)
    assert one.result == Failure(ATTACK, "clean: the wave is empty")


def test_reading_attacks_and_checks_are_timed(file: Path) -> None:
    watch = StageTimer()
    [*launder_each(Utterance("u", file), CONDITIONS, SEED, watch)]
    counts = Counter(stage for stage, _ in watch.spent)
    assert counts == {"read": 1, "attack": 3, "verify": 3}
    assert watch.spent["read", ""].count == 1


def test_a_failure_has_the_columns_of_a_success() -> None:
    columns = Failure(ATTACK, "why").columns()
    assert columns == {"failure": "attack", "cause": "why"} and columns.keys() == NO_FAILURE.keys()
    assert len(columns) == len(fields(Failure))
