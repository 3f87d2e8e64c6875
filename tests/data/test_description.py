"""A description of a data set counts its contents, names its faults and measures leakage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import roc_auc_score

from benchmark.audio import libav
from benchmark.cli import main as cli
from benchmark.data.description import describe
from benchmark.data.description_text import _leak, lines
from benchmark.data.file_inspection import inspect, inspect_all
from benchmark.data.loading import open_data
from benchmark.data.shortcut_leakage import chance_error, leak, shortcut_auc
from detectors.classical.shortcut import features
from tests.support import builders

RATE = 16000


def table(root: Path, rows: list[dict[str, str]]) -> Path:
    pd.DataFrame(rows).to_csv(root / "protocol.csv", index=False)
    return root


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a data set with every fault once and four good recordings in different formats."""
    root = tmp_path_factory.mktemp("data")
    wave = builders.voice(1, 1.0)
    stereo = np.stack([wave, wave], axis=1)
    soundfile.write(root / "good.wav", wave, RATE, "FLOAT")
    soundfile.write(root / "good 8k.flac", builders.voice(2, 0.5)[::2], 8000)
    soundfile.write(root / "good stereo.ogg", stereo, RATE)
    soundfile.write(root / "spoof.flac", builders.fake(3, 2.0), RATE)
    soundfile.write(root / "same as good.w64", wave, RATE, "FLOAT", format="W64")
    soundfile.write(root / "silent.wav", 1e-5 * wave, RATE, "FLOAT")
    soundfile.write(root / "nan.wav", np.full(100, np.nan, np.float32), RATE, "FLOAT")
    soundfile.write(root / "no samples.wav", wave[:0], RATE)
    (root / "empty.wav").write_bytes(b"")
    (root / "text.wav").write_text("this is no audio at all, whatever it is called\n" * 20)
    (root / "text2.flac").write_text("nor is this\n" * 100)
    shutil.copy(root / "good.wav", root / "wrong ending.mp3")
    rows = [
        ("good", "good.wav", "bonafide", "s1", "-", "train"),
        ("g8", "good 8k.flac", "bonafide", "s2", "-", "train"),
        ("st", "good stereo.ogg", "bonafide", "s1", "-", "test"),
        ("sp", "spoof.flac", "spoof", "s3", "A1", "test"),
        ("same", "same as good.w64", "spoof", "s3", "A1", "dev"),
        ("silent", "silent.wav", "bonafide", "-", "-", "test"),
        ("nan", "nan.wav", "bonafide", "-", "-", "test"),
        ("none", "no samples.wav", "bonafide", "-", "-", "test"),
        ("empty", "empty.wav", "spoof", "-", "A2", "test"),
        ("text", "text.wav", "spoof", "-", "A2", "test"),
        ("text2", "text2.flac", "spoof", "-", "A2", "test"),
        ("gone", "gone.wav", "spoof", "-", "A2", "test"),
        ("wrong", "wrong ending.mp3", "bonafide", "-", "-", "train"),
    ]
    names = ("utterance_id", "path", "label", "speaker", "spoof_system", "split")
    return table(root, [dict(zip(names, row, strict=True)) for row in rows])


def test_counts_durations_and_formats(troubled: Path) -> None:
    found = describe(open_data(troubled))
    assert found["utterances"] == 13
    assert found["splits"]["train"] == {
        "utterances": 3, "bonafide": 3, "spoof": 0, "spoof_per_bonafide": 0.0,
        "speakers": 2, "spoof_systems": 0,
    }  # fmt: skip
    assert found["spoof_systems"] == {"A1": {"dev": 1, "test": 1}, "A2": {"test": 4}}
    assert found["durations"]["spoof"]["seconds"]["100%"] == 2.0
    assert found["durations"]["all"]["hours"] == pytest.approx((4 + 0.5 + 3) / 3600, abs=4e-4)
    assert found["formats"]["rate"] == {"16000 Hz": 6, "8000 Hz": 1}
    assert found["formats"]["channels"] == {"1": 6, "2": 1}
    assert found["formats"]["format"]["WAV FLOAT"] == 3  # one of them is called .mp3
    assert found["formats"]["decoder"] == {"soundfile": 7}
    assert json.loads(json.dumps(found)) == found


def test_faults_are_all_named(troubled: Path) -> None:
    found = describe(open_data(troubled))
    causes = {one["utterance_id"]: one["cause"] for one in found["broken"]["first"]}
    assert found["broken"]["files"] == len(causes) == 6
    assert causes["nan"] == "holds NaN or infinite samples"
    assert causes["none"] == "holds no samples"
    assert causes["empty"] == "is empty (0 bytes)"
    assert causes["gone"] == "no such file"
    assert causes["text"].startswith("cannot be decoded") and str(troubled) not in causes["text"]
    assert found["inputs"]["silent"]["first"] == ["silent"]
    assert found["misnamed"]["first"] == [{"path": "wrong ending.mp3", "format": "WAV"}]
    assert found["duplicates"]["sets"] == 1 and found["duplicates"]["files"] == 2
    assert found["duplicates"]["contradictions"] == 1
    assert {u["utterance_id"] for u in found["duplicates"]["first"][0]} == {"good", "same", "wrong"}
    assert found["overlap"]["speaker"] == [
        {"splits": ["dev", "test"], "shared": 1, "first": ["s3"]},
        {"splits": ["test", "train"], "shared": 1, "first": ["s1"]},
    ]
    assert [one["splits"] for one in found["overlap"]["content"]] == [["dev", "train"]]
    text = "\n".join(lines(found))
    for words in (
        "! 6 files cannot be used", "gone.wav: no such file", "! 1 inputs `silent`",
        "! 1 files differ in format from their extension: wrong ending.mp3 is WAV",
        "! 1 of these sets contain both bona fide and spoof",
        "! test and train share 1 speakers: s1",
        "! dev and train share 1 identical recordings", "not measured: a class has 2 readable",
    ):  # fmt: skip
        assert words in text


def test_headers_alone_give_durations_and_formats(troubled: Path) -> None:
    found = describe(open_data(troubled), decode=False)
    assert found["durations"]["spoof"]["seconds"]["100%"] == 2.0
    assert not {"inputs", "duplicates", "leak"} & set(found)
    causes = {one["utterance_id"] for one in found["broken"]["first"]}
    assert {"empty", "gone", "text"} <= causes
    assert "Only headers were read" in "\n".join(lines(found))


def test_a_format_that_libsndfile_does_not_know(tmp_path: Path) -> None:
    av, path = libav.module(), tmp_path / "a.m4a"
    wave = builders.voice(1, 2.0, 120.0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    facts = inspect(path, decode=True)
    assert (facts.decoder, facts.encoding, facts.rate, facts.channels) == ("pyav", "aac", RATE, 1)
    assert facts.seconds == pytest.approx(2.0, abs=0.15)
    (tmp_path / "b.m4a").write_bytes(path.read_bytes()[:800])
    assert "cannot be decoded" in inspect(tmp_path / "b.m4a", decode=True).cause


def test_the_number_of_workers_does_not_matter(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.data.file_inspection.SERIAL", 0)
    monkeypatch.setattr("benchmark.data.file_inspection.BATCH", 7)
    names = open_data(toy).table["path"].tolist()[:20]
    alone = inspect_all(toy, names, decode=True, workers=0)
    many = inspect_all(toy, names, decode=True, workers=2)
    assert alone == many
    assert all(np.array_equal(a.features, b.features) for a, b in zip(alone, many, strict=True))
    assert [len(fact.sha256) for fact in alone] == [64] * 20
    assert inspect_all(toy, names, decode=False, workers=2)[3].seconds == alone[3].seconds


def test_a_sample_is_described_as_a_sample(toy: Path) -> None:
    found = describe(open_data(toy), limit=12)
    assert found["utterances"] == 60
    assert found["audio_read"] == {"files": 12, "sample": True}
    assert found["durations"]["all"]["files"] == 12
    assert "audio was read from a sample of 12 files" in "\n".join(lines(found))


def simulated(count: int, shift: float, split: str = "") -> tuple[pd.DataFrame, np.ndarray]:
    """Return utterances with normal shortcut features; A1 is `shift` deviations louder."""
    rng = np.random.default_rng(5)
    label = np.where(np.arange(count) % 2, "spoof", "bonafide")
    system = np.where(label == "bonafide", "-", np.where(np.arange(count) % 4 == 1, "A1", "A2"))
    x = rng.standard_normal((count, features(np.zeros(10, np.float32)).size))
    x[system == "A1", 0] += shift
    rows = pd.DataFrame({"label": label, "spoof_system": system, "source": "-", "split": "test"})
    rows["track"] = "-"
    if split:
        rows.loc[: count // 2, "split"] = split
    return rows, x.astype(np.float32)


@pytest.mark.parametrize("split", ["", "train"])
def test_the_leakage_is_found_in_its_system(split: str) -> None:
    rows, x = simulated(2000, shift=4.0, split=split)
    found = leak(rows, x, np.arange(len(rows)))
    assert found["systems"]["A1"]["auc"] > 0.95
    assert 0.5 < found["auc"] < found["systems"]["A1"]["auc"]
    assert found["method"].startswith("trained on train" if split else "5-fold")
    rows, x = simulated(2000, shift=0.0, split=split)
    none = leak(rows, x, np.arange(len(rows)))
    assert none["auc"] == pytest.approx(0.5, abs=0.06)
    assert none["verdict"].startswith("recording properties hardly")


def test_small_groups_are_marked_and_never_decide_the_verdict() -> None:
    """Twenty systems of twenty spoofs, one of them far above 0.65."""
    rng = np.random.default_rng(3)
    label = np.repeat(["bonafide", "spoof"], 400)
    x = rng.standard_normal((800, 14)).astype(np.float32)
    rows = pd.DataFrame({"label": label, "split": "test", "track": "-"})
    rows["spoof_system"] = ["-"] * 400 + [f"A{n % 20:02}" for n in range(400)]
    x[rows["spoof_system"] == "A07", 0] += 4
    rows["source"] = ["big"] * 30 + ["human"] * 370 + ["big"] * 30 + [f"s{n}" for n in range(370)]
    found = leak(rows, x, np.arange(800))
    assert found["systems"]["A07"]["auc"] > 0.65
    assert found["verdict"] == "recording properties hardly separate the classes"
    assert set(found["sources"]) == {"big"} and len(found["sources_left_out"]) == 371
    assert found["sources_left_out"]["human"] == {"bonafide": 370, "spoof": 0}
    text = "\n".join(_leak(found))
    assert text.count(", few)") == 21 and "overall (400 bona fide, 400 spoof)" in text
    assert "± 0.07 system A00 (400 bona fide, 20 spoof, few)" in text
    assert "systems with at least 50 trials of each class" in text
    assert "371 sources have no AUC, which needs 20 trials of each class: human (370" in text
    assert "and 366 more" in text


@pytest.mark.parametrize(("bonafide", "spoof"), [(20, 20), (50, 50), (400, 20)])
def test_the_error_of_an_auc_is_that_of_guessing(bonafide: int, spoof: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(bonafide + spoof) < bonafide
    guesses = [roc_auc_score(labels, rng.random(labels.size)) for _ in range(3000)]
    assert chance_error(bonafide, spoof) == pytest.approx(np.std(guesses), rel=0.05)


def test_system_aucs_equal_those_on_the_card_of_the_embedded_data_set(toy: Path) -> None:
    rows = open_data(toy).table
    x = np.random.default_rng(1).standard_normal((len(rows), 14)).astype(np.float32)
    rows = pd.concat([rows] * 4, ignore_index=True)
    x = np.concatenate([x + np.float32(i) for i in range(4)])
    found = leak(rows, x, np.arange(len(rows)))
    card = {s: auc for systems in shortcut_auc(rows, x).values() for s, auc in systems.items()}
    assert {name: part["auc"] for name, part in found["systems"].items()} == card


def test_speaker_identity_is_no_leakage_when_speakers_are_kept_apart() -> None:
    """Every speaker has one class and one sound, so held-out speakers are at chance."""
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(24), 40)
    x = rng.standard_normal((960, 14)) / 10 + rng.standard_normal((24, 14))[speakers]
    rows = pd.DataFrame({"label": np.where(speakers % 2, "spoof", "bonafide"), "split": "test"})
    rows["spoof_system"] = rows["source"] = rows["track"] = "-"
    apart = leak(rows, x.astype(np.float32), speakers)
    together = leak(rows, x.astype(np.float32), np.arange(960))
    assert "kept apart" in apart["method"]
    assert together["auc"] > 0.95
    assert apart["auc"] < 0.75


def test_the_command_line_describes_balances_splits_and_lists(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["data", "describe", str(toy), "--headers", "--out", str(tmp_path / "d")]) == 0
    assert capsys.readouterr().out.startswith("toy: 60 utterances")
    assert json.loads((tmp_path / "d").read_text())["utterances"] == 60
    split = ["data", "split", str(toy), "--ratios", "70/15/15", "--out", str(tmp_path / "s")]
    assert cli.main(split) == 0
    assert "dev: 16.7% of all (target 15.0%)" in capsys.readouterr().out
    part = ["data", "balance", str(tmp_path / "s"), "--out", str(tmp_path / "b")]
    assert cli.main([*part, "--by", "label,spoof_system"]) == 0
    assert cli.main(["data", "describe", str(tmp_path / "b"), "--json", "--headers"]) == 0
    assert cli.main(["data", "fetch"]) == 0
    assert "wavefake" in capsys.readouterr().out
    assert cli.main(["data", "fetch", "librisevoc"]) == 2
    assert "drive.google.com" in capsys.readouterr().err
    assert cli.main(["data", "balance", str(toy), "--out", str(toy)]) == 2
    assert cli.main(["data", "describe", str(tmp_path / "none")]) == 2
    assert "data folder not found" in capsys.readouterr().err
