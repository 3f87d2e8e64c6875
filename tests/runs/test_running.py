"""Running a plan on a toy corpus: the audio cache, shares of a plan, and the profile."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import attacks.contract.launder
import launderbench
from benchmark.cli.main import main
from benchmark.core.stage_timer import OFF, StageTimer
from benchmark.laundering import engine
from benchmark.runs import profile
from benchmark.runs.audio_cache import AudioCache
from benchmark.scores.part_format import unscored

SUITE = "noise(kind=white, snr=10); mp3(kbps=32); lowpass(cutoff=4000)"


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    loaded = {name: profile.untrained(name, folder) for name in ("mel-cnn", "raw-cnn")}
    return {name: checkpoint.path for name, checkpoint in loaded.items() if checkpoint}


def run(toy: Path, folder: Path, weights: list[Path], *more: object) -> int:
    given = [part for path in weights for part in ("--checkpoint", path)]
    options = ["--data", toy, *given, "--suite", SUITE, "--run", folder, "--device", "cpu"]
    return main(["run", *map(str, [*options, "--workers", 0, "--samples", 0, *more])])


def scores(folder: Path) -> pd.DataFrame:
    keys = ["detector", "condition", "split", "utterance_id"]
    return launderbench.load_scores(folder).sort_values(keys).reset_index(drop=True)


def cells(folder: Path) -> bytes:
    return (folder / "conditions_full.csv").read_bytes()


def test_an_added_detector_uses_cached_audio_and_gives_bit_identical_scores(
    toy: Path, networks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = networks.values()
    assert run(toy, tmp_path / "plain", [first, second]) == 0
    cache = ("--audio-cache", tmp_path / "audio")
    assert run(toy, tmp_path / "cached", [first], *cache) == 0
    with monkeypatch.context() as patch:
        patch.setattr(engine, "launder", lambda *_: pytest.fail("laundered again"))
        patch.setattr(engine.reader, "record", lambda *_: pytest.fail("decoded again"))
        assert run(toy, tmp_path / "cached", [first, second], *cache) == 0
    pd.testing.assert_frame_equal(scores(tmp_path / "plain"), scores(tmp_path / "cached"))
    assert cells(tmp_path / "plain") == cells(tmp_path / "cached")  # verification included


def test_three_shares_give_the_run_of_one_machine(
    toy: Path, networks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("benchmark.scores.unit_keys.SHARD", 5)
    weights = [networks["raw-cnn"]]
    assert run(toy, tmp_path / "one", weights) == 0
    for share in ("2/3", "1/3"):
        assert run(toy, tmp_path / "many", weights, "--shard", share) == 0
        assert "units of other shares are not there yet" in capsys.readouterr().err
        assert not (tmp_path / "many" / "leaderboard.csv").exists()
    assert run(toy, tmp_path / "many", weights, "--shard", "3/3") == 0
    pd.testing.assert_frame_equal(scores(tmp_path / "one"), scores(tmp_path / "many"))
    assert cells(tmp_path / "one") == cells(tmp_path / "many")


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "1/x", "1/0"])
def test_a_share_that_does_not_exist_is_refused(
    share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--shard", share]) == 2
    assert "--shard" in capsys.readouterr().err


def test_the_profile_names_every_stage_attack_and_detector(
    toy: Path, networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(p) for path in networks.values() for p in ("--checkpoint", path)]
    out = tmp_path / "profile.csv"
    options = ["--data", str(toy), "--suite", SUITE, "--limit", "8", "--device", "cpu"]
    assert main(["profile", *options, *given, "--csv", str(out)]) == 0
    table = pd.read_csv(out, keep_default_na=False)
    stages = table[table["item"] == ""]["stage"].tolist()
    assert stages == ["read", "attack", "verify", "frontend", "forward", "write", "all"]
    attacked = table[(table["stage"] == "attack") & (table["item"] != "")]
    assert len(attacked) == 3 and (attacked["utterances"] == 8).all()
    assert set(table[table["stage"] == "forward"]["item"]) == {"", *networks}
    trials = 8 + 4 * 8  # dev has the clean condition only
    assert (table[table["stage"].isin(["all", "write", "read"])]["utterances"] == trials).all()
    parts = table[(table["item"] == "") & (table["stage"] != "all")]
    assert parts["wall_s"].sum() <= table[table["stage"] == "all"]["wall_s"].item()
    assert "mp3(kbps=32" in capsys.readouterr().out


def test_the_stage_timer_adds_up_and_records_nothing_when_off() -> None:
    watch = StageTimer()
    for count in (2, 3):
        with watch.timing("attack", "x", count):
            sum(range(20000))
    spent = watch.spent["attack", "x"]
    assert spent.count == 5 and spent.cpu > 0 and spent.wall > 0 and 0 <= spent.waited < 1
    with OFF.timing("attack", "x"):
        pass
    assert not OFF.spent
    assert attacks.contract.launder.OFF is OFF


def row(uid: str) -> dict[str, object]:
    check = {
        "step": 0, "attack": "a", "quantity": "SNR", "unit": "dB", "relation": "=", "claimed": 1.0,
        "measured": None, "tolerance": 0.1, "passed": None, "effect": True,
    }  # fmt: skip
    facts = [{"attack": "a", "gain": 0.1 + 0.2, "drawn": [1, 2]}]
    known = {"file_size": 9, "file_mtime_ns": 8, "file_sha256": b"7" * 32, "samples": b"6" * 8}
    return unscored(uid, decoder="soundfile", seconds=1.5, facts=facts, checks=[check], **known)


def unit(seed: int, sizes: tuple[int, ...] = (16000, 1, 30000)) -> tuple[list, list]:
    rng = np.random.default_rng(seed)
    waves = [rng.standard_normal(size).astype(np.float32) for size in sizes]
    return [row(f"u{place}") for place in range(len(sizes))], waves


def test_cached_audio_is_bit_identical(tmp_path: Path) -> None:
    rows, waves = unit(1)
    waves[0][:3] = [-0.0, np.finfo(np.float32).tiny / 4, 3e38]
    assert AudioCache(tmp_path, 10**9).put("ab" * 32, rows, waves)
    found = AudioCache(tmp_path, 10**9).get("ab" * 32)
    assert found is not None
    assert found[0] == rows
    assert [wave.tobytes() for wave in found[1]] == [wave.tobytes() for wave in waves]
    assert AudioCache(tmp_path, 10**9).get("cd" * 32) is None


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 0.999])
def test_a_damaged_unit_is_reported_and_deleted(
    place: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = AudioCache(tmp_path, 10**9)
    cache.put("ab" * 32, *unit(1))
    (path,) = tmp_path.rglob("*.audio")
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x10
    path.write_bytes(content)
    assert cache.get("ab" * 32) is None
    assert "is damaged: laundering this unit again" in caplog.text
    assert not path.exists()


def test_a_truncated_unit_is_rejected(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path, 10**9)
    cache.put("ab" * 32, *unit(1))
    (path,) = tmp_path.rglob("*.audio")
    path.write_bytes(path.read_bytes()[:-200])
    assert cache.get("ab" * 32) is None


def test_the_cache_stays_within_its_limit_and_drops_the_least_recently_used(
    tmp_path: Path,
) -> None:
    early = AudioCache(tmp_path, 10**9, began=0.0)
    for number in range(4):
        early.put(f"{number:064d}", *unit(number))
    held = sorted(tmp_path.rglob("*.audio"))
    size = held[0].stat().st_size
    for age, path in enumerate(held):
        os.utime(path, (1000 - age, 1000 - age))  # the last key is the least recently used
    later = AudioCache(tmp_path, int(4.5 * size), began=2000.0)
    assert later.get(f"{3:064d}") is not None  # now the most recently used
    assert later.put("f" * 64, *unit(9))
    names = {path.stem for path in tmp_path.rglob("*.audio")}
    assert f"{2:064d}" not in names and {f"{3:064d}", "f" * 64} <= names
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.audio")) <= 4.5 * size


def test_a_run_larger_than_the_cache_keeps_its_first_units(tmp_path: Path) -> None:
    probe = AudioCache(tmp_path / "probe", 10**9)
    probe.put("a" * 64, *unit(0))
    (path,) = probe.folder.rglob("*.audio")
    cache = AudioCache(tmp_path / "small", int(3.5 * path.stat().st_size), began=0.0)
    stored = [cache.put(f"{number:064d}", *unit(number)) for number in range(6)]
    assert stored == [True, True, True, False, False, False]
    assert {path.stem for path in cache.folder.rglob("*.audio")} == {
        f"{number:064d}" for number in range(3)
    }
