"""Export and import of audio and scores: the round trip through another tool, and bad files."""

from __future__ import annotations

import doctest
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.io import wavfile

import launderbench
from attacks.contract.condition import parse
from attacks.contract.launder import launder
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.exchange import audio_corpus, score_formats, score_reader
from benchmark.exchange.trial_ids import TrialIds
from benchmark.inference import checkpoints
from benchmark.workers import plugins
from tests.support import builders
from tests.support.places import TOY_PLUGIN

SUITE = "halve(share=0.3); noise(kind=white, snr=10)"
NOISE = "noise(kind=white, snr=10, reference=active)"
UNQUOTED = set("abcdefghijklmnopqrstuvwxyz0123456789._")  # needs no quotes in a spelling
LOUD = "dc_offset(offset=0.5) | dc_offset(offset=0.4)"  # peaks near 1.2
# An example of another tool: it imports nothing of LaunderBench and reads files and protocol only.
SCORER = """
import sys
import numpy as np
import soundfile

folder, split, ending, out = sys.argv[1:]
with open(f"{folder}/protocol.{split}.txt") as protocol, open(out, "w") as scores:
    for line in protocol:
        speaker, name, _, system, key = line.split()
        wave, rate = soundfile.read(f"{folder}/{ending}/{name}.{ending}", dtype="float32")
        power = np.abs(np.fft.rfft(wave)) ** 2
        at = lambda hz: int(hz * len(wave) / 16000)
        ratio = power[at(5990) : at(6010)].max() / power[at(6100) : at(6300)].mean()
        scores.write(f"{name} {np.float32(-np.log(ratio)):.9g}\\n")
"""
FOLDERS = {
    "clean": "clean",
    "halve(share=0.3)": "halve_share=0.3",
    NOISE: "noise_kind=white_snr=10_reference=active",
}


@pytest.fixture(scope="module")
def direct(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that scores the toy corpus directly; read-only."""
    folder = tmp_path_factory.mktemp("direct")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(folder / "cache"))
        plugins.load([TOY_PLUGIN])
        weights = folder / "comb.safetensors"
        checkpoints.save(weights, {"sign": np.ones(1, np.float32)}, {"detector": "comb"})
        options = ["--data", toy, "--suite", SUITE, "--checkpoint", weights, "--workers", 0]
        assert cli("run", *options, "--run", folder / "run") == 0
    return folder / "run"


@pytest.fixture
def run(direct: Path, tmp_path: Path, cache: Path) -> Path:
    """A copy of the direct run, to import into."""
    return shutil.copytree(direct, tmp_path / "run")


def cli(command: str, *arguments: object) -> int:
    return main([command, "--plugin", str(TOY_PLUGIN), *map(str, arguments)])


def exported(toy: Path, out: Path, format_: str = "wav", suite: str = SUITE) -> Path:
    options = ["--data", toy, "--out", out, "--format", format_, "--workers", 0]
    assert cli("export-audio", suite, *options, "--split", "all") == 0
    return out


def scored(folder: Path, out: Path, split: str = "test", ending: str = "wav") -> Path:
    command = [sys.executable, "-c", SCORER, folder, split, ending, out]
    subprocess.run(list(map(str, command)), check=True)
    return out


def rows(folder: Path, *detectors: str) -> list[pd.Series]:
    board = pd.read_csv(folder / "leaderboard.csv").set_index("detector")
    relative = [name for name in board if name.startswith(("rank", "tied_with", "warnings"))]
    return [board.loc[name].drop(relative) for name in detectors]


def trials(toy: Path, split: str = "test") -> list[str]:
    return open_data(toy).split(split).table["utterance_id"].tolist()


def score_file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_float_wav_through_another_tool_gives_the_same_leaderboard_row(
    toy: Path, direct: Path, run: Path, tmp_path: Path
) -> None:
    out = exported(toy, tmp_path / "out")
    new = tmp_path / "new"
    for condition, folder in FOLDERS.items():
        for split in ("test", "dev") if condition == "clean" else ("test",):
            file = scored(out / folder, tmp_path / f"{folder}.{split}.txt", split)
            options = [file, "--detector", "tool", "--condition", condition]
            assert cli("import-scores", *options, "--run", run) == 0
            fresh = ["--data", toy, "--suite", SUITE, "--exported", out]
            assert cli("import-scores", *options, "--run", new, *fresh) == 0
    for folder in (run, new):
        assert cli("report", folder) == 0
        assert cli("verify", folder) == 0
    comb, tool = rows(run, "comb", "tool")
    pd.testing.assert_series_equal(comb, tool, check_names=False)
    (fresh_row,) = rows(new, "tool")
    pd.testing.assert_series_equal(comb, fresh_row, check_names=False)
    board = pd.read_csv(run / "leaderboard.csv").set_index("detector")
    assert board.loc["tool", "warnings"].startswith("imported scores")
    assert "imported" not in board.loc["comb", "warnings"]
    old, both = launderbench.load_scores(direct), launderbench.load_scores(run)
    keys = ["condition", "split", "utterance_id"]
    one, other = (
        both[both["detector"] == name].set_index(keys)["score"].sort_index()
        for name in ("comb", "tool")
    )
    pd.testing.assert_series_equal(one, other, check_index_type=False)
    assert len(old) == len(one) == len(other)


def test_flac_differs_within_its_quantisation(toy: Path, run: Path, tmp_path: Path) -> None:
    out = exported(toy, tmp_path / "out", "flac")
    file = scored(out / FOLDERS[NOISE], tmp_path / "scores.txt", ending="flac")
    assert cli("import-scores", file, "--detector", "tool", "--run", run, "--condition", NOISE) == 0
    scores = launderbench.load_scores(run).query("condition == @NOISE")
    one, other = (
        scores[scores["detector"] == name].set_index("utterance_id")["score"].sort_index()
        for name in ("comb", "tool")
    )
    assert (one != other).any()
    np.testing.assert_allclose(other, one, atol=0.01)  # the scores span several units
    assert np.ptp(one) > 1


def test_the_export_equals_the_attacks_output_and_is_a_data_set(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    out = exported(toy, tmp_path / "out")
    whole = open_data(toy)
    uid = trials(toy)[3]
    path = whole.table.set_index("utterance_id").loc[uid, "path"]
    wave, _ = soundfile.read(toy / path, dtype="float32")
    rate, written = wavfile.read(out / FOLDERS[NOISE] / "wav" / f"{uid}.wav")
    assert rate == 16000
    np.testing.assert_array_equal(written, launder(parse(NOISE), wave, 16000, uid, 0).wave)

    again = open_data(out)
    assert again.name == "toy-laundered" and again.headline == whole.headline
    assert again.made() == [FOLDERS[name] for name in FOLDERS if name != "clean"]
    columns = ["utterance_id", "label", "speaker", "spoof_system", "split", "track"]
    pd.testing.assert_frame_equal(again.table[columns], whole.table[columns])
    for column in ("path", f"made:{FOLDERS[NOISE]}"):
        assert all((out / path).is_file() for path in again.table[column])
    lines = (out / FOLDERS[NOISE] / "protocol.test.txt").read_text().splitlines()
    assert len(lines) == 24
    assert lines[0] == "test0 test_0000 - - bonafide" and lines[1] == "test0 test_0001 - S1 spoof"
    effects = pd.read_csv(out / "effects.csv")
    assert set(effects["condition"]) == set(FOLDERS) - {"clean"}


def test_the_export_is_scored_as_published_audio_with_the_same_scores(
    toy: Path, direct: Path, tmp_path: Path, cache: Path
) -> None:
    out = exported(toy, tmp_path / "out")
    weights = direct.parent / "comb.safetensors"
    options = ["--data", out, "--suite", "ready", "--checkpoint", weights, "--workers", 0]
    assert cli("run", *options, "--run", tmp_path / "ready") == 0
    keys = ["condition", "split", "utterance_id"]
    one = launderbench.load_scores(direct).astype({"condition": str})
    one["condition"] = [
        f"ready(audio={text})" if set(text) <= UNQUOTED else f'ready(audio="{text}")'
        for text in one["condition"].map(FOLDERS)
    ]
    other = launderbench.load_scores(tmp_path / "ready").astype({"condition": str})
    other.loc[other["condition"] == "clean", "condition"] = "ready(audio=clean)"
    pd.testing.assert_series_equal(
        one.set_index(keys)["score"].sort_index(), other.set_index(keys)["score"].sort_index()
    )


def test_large_corpora_are_exported_in_blocks(
    toy: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = exported(toy, tmp_path / "whole", "flac")
    monkeypatch.setattr(audio_corpus, "AT_ONCE", 7)
    parts = exported(toy, tmp_path / "parts", "flac")
    for name, keys in (("files.csv", ["path"]), ("effects.csv", ["condition", "utterance_id"])):
        one, other = (pd.read_csv(folder / name) for folder in (whole, parts))
        assert len(one) == len(other) > 60
        one, other = (t.sort_values(keys, kind="stable", ignore_index=True) for t in (one, other))
        pd.testing.assert_frame_equal(one, other)
    assert (whole / "protocol.csv").read_bytes() == (parts / "protocol.csv").read_bytes()
    assert not [path for path in parts.iterdir() if path.name.startswith(".effects")]


def test_an_interrupted_export_writes_only_missing_files(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    root = shutil.copytree(toy, tmp_path / "toy")
    out = exported(root, tmp_path / "out", "flac")
    files = sorted(out.glob("*/flac/*.flac"))
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}
    files[0].unlink()
    files[1].write_bytes(files[2].read_bytes())
    wave = builders.voice(77, 1.0)
    soundfile.write(root / "flac" / f"{files[-1].stem}.flac", wave, 16000)
    exported(root, out, "flac")
    after = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}
    new = {file for file in files if before[file][0] != after[file][0]}
    name = files[-1].stem
    assert new == {files[0], files[1], *(file for file in files if file.stem == name)}
    assert {f for f in new if before[f][1] != after[f][1]} == {f for f in new if f.stem == name}


def test_integer_files_are_attenuated_if_the_wave_does_not_fit(
    toy: Path, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = exported(toy, tmp_path / "out", "flac", LOUD)
    files = pd.read_csv(out / "files.csv").set_index("path")
    loud = files[files["beyond"] > 0]
    assert len(loud) > 3 and "attenuated to fit 16 bit" in capsys.readouterr().out
    for path, row in loud.head(3).iterrows():
        read, _ = soundfile.read(out / str(path), dtype="float32")
        source, _ = soundfile.read(toy / "flac" / f"{row['utterance_id']}.flac", dtype="float32")
        exact = launder(parse(LOUD), source, 16000, row["utterance_id"], 0).wave
        assert np.sum(np.abs(exact) > 1 + 0.5 / 32768) == row["beyond"]
        np.testing.assert_allclose(read / row["gain"], exact, atol=1 / 32768 / row["gain"])
    assert loud.index.str.startswith("dc_offset").all()


def test_an_utterance_that_cannot_be_exported_is_recorded(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = builders.corpus(tmp_path / "toy", test=12, dev=0, seconds=0.3)
    (root / "flac" / "test_0003.flac").write_bytes(b"not audio")
    options = ["--data", root, "--out", tmp_path / "out", "--workers", 0]
    assert cli("export-audio", NOISE, *options) == 1
    assert "test_0003.flac: " in capsys.readouterr().err
    files = pd.read_csv(tmp_path / "out" / "files.csv").set_index("utterance_id")
    assert (files.loc["test_0003", "failure"] == "unreadable").all()
    table = open_data(tmp_path / "out").table.set_index("utterance_id")
    assert table.loc["test_0003", ["path", f"made:{FOLDERS[NOISE]}"]].tolist() == ["-", "-"]
    lines = (tmp_path / "out" / "clean" / "protocol.test.txt").read_text()
    assert "test_0003" not in lines and "test_0004" in lines


@pytest.mark.parametrize("format_", score_formats.FORMATS)
def test_scores_round_trip_to_the_last_bit(
    format_: str, toy: Path, run: Path, tmp_path: Path
) -> None:
    conditions = [""] if format_ == "csv" else list(FOLDERS)
    for condition in conditions:
        file = tmp_path / f"{FOLDERS.get(condition, 'all')}.txt"
        named = ["--condition", condition] if condition else []
        options = [*named, "--detector", "comb", "--format", format_, "--out", file]
        assert cli("export-scores", run, *options) == 0
        assert cli("import-scores", file, "--detector", "copy", "--run", run, *named) == 0
    scores = launderbench.load_scores(run)
    keys = ["condition", "split", "utterance_id"]
    one, other = (
        scores[scores["detector"] == name].set_index(keys)["score"].sort_index()
        for name in ("comb", "copy")
    )
    assert len(one) == 3 * 24 + 12
    pd.testing.assert_series_equal(one, other)


def test_any_float32_survives_as_text(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 2**32, 4000, dtype=np.uint32)
    values = bits.view(np.float32)
    hard = np.float32([0.1, -0.0, 1e-45, 3.4e38, 16777217])
    values = np.append(values[np.isfinite(values)], hard)
    ids = [f"u{number}" for number in range(values.size)]
    table = pd.DataFrame({"utterance_id": ids, "score": values, "condition": "clean"})
    table = table.assign(split="test", label="spoof")
    for format_ in score_formats.FORMATS:
        file = score_file(
            tmp_path / format_, "".join(text for _, text in score_formats.write([table], format_))
        )
        read = score_reader.read(file, TrialIds(table))
        assert read.table["id"].tolist() == ids and read.single
        scores = read.table["score"].to_numpy()
        assert scores.astype(np.float32).tobytes() == values.tobytes()


LAYOUTS = {
    "2021": "{uid} {score}\n",
    "2019": "{uid} A07 {label} {score}\n",
    "2019 with a dash": "{uid} - A07 {label} {score}\n",
    "with endings": "{uid}.flac {score}\n",
    "semicolons": "{uid};{score}\n",
}
HEADERS = {
    "5": ("filename\tcm-score\n", "{uid}\t{score}\n"),
    "csv": ("\ufeffScore,Label,utterance_id\r\n", "{score},{label},{uid}\r\n"),
    "blanks": ("filename cm-score\n", "{uid} {score}\n"),
}


@pytest.mark.parametrize("name", [*LAYOUTS, *HEADERS])
def test_the_fields_layouts_are_read(name: str, toy: Path, run: Path, tmp_path: Path) -> None:
    head, row = HEADERS.get(name, ("", LAYOUTS.get(name, "")))
    table = open_data(toy).split("test").table
    pairs = zip(table["utterance_id"], table["label"], strict=True)
    lines = [
        row.format(uid=uid, label=label, score=number / 7)
        for number, (uid, label) in enumerate(pairs)
    ]
    file = score_file(tmp_path / "scores", head + "".join(lines))
    assert cli("import-scores", file, "--detector", "tool", "--run", run) == 0
    scores = launderbench.load_scores(run).query("detector == 'tool'")
    scores = scores.sort_values("utterance_id")
    assert scores["score"].tolist() == [n / 7 for n in range(24)]


def test_ids_that_are_not_valid_file_names_round_trip(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "own"
    for label, make in (("real", builders.voice), ("fake", builders.fake)):
        (root / label / "a b").mkdir(parents=True)
        for number in range(3):
            wave = make(number, 0.3)
            soundfile.write(root / label / "a b" / f"ü {number}.wav", wave, 16000, "FLOAT")
    out = exported(root, tmp_path / "out")
    file = scored(out / "clean", tmp_path / "scores.txt")
    options = ["--detector", "tool", "--run", tmp_path / "run", "--data", root]
    assert cli("import-scores", file, *options) == 0
    scores = launderbench.load_scores(tmp_path / "run")
    assert set(scores["utterance_id"]) == {
        f"{label}/a b/ü {number}.wav" for label in ("real", "fake") for number in range(3)
    }
    assert (
        scores.groupby("label")["score"].max()["spoof"]
        < scores.loc[scores["label"] == "bonafide", "score"].min()
    )


def plain(uids: list[str], value: object = 1.0) -> str:
    return "".join(f"{uid} {value}\n" for uid in uids)


def test_missing_scores_and_unknown_ids(
    toy: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uids = trials(toy)
    few = score_file(tmp_path / "few.txt", plain(uids[:-2]))
    options = ["--detector", "tool", "--run", run]
    assert cli("import-scores", few, *options) == 2
    assert "2 of 24 test trials under clean have no score, the first is" in capsys.readouterr().err
    assert cli("import-scores", few, *options, "--allow-missing") == 1
    assert "clean (test): 22 of 24 trials scored" in capsys.readouterr().out
    assert cli("report", run) == 0
    failures = pd.read_csv(run / "failures.csv")
    assert failures["utterance_id"].tolist() == uids[-2:]
    assert failures["cause"].tolist() == ["no score in few.txt"] * 2
    board = pd.read_csv(run / "leaderboard.csv").set_index("detector")
    assert np.isnan(board.loc["tool", "rank"]) and board.loc["comb", "rank"] == 1

    many = score_file(tmp_path / "many.txt", plain([*uids, "stranger"]))
    capsys.readouterr()
    assert cli("import-scores", many, *options) == 2
    assert (
        "many.txt:25: 1 of 25 ids are not trials of the run, the first is 'stranger'"
        in capsys.readouterr().err
    )
    assert cli("import-scores", many, *options, "--allow-unknown") == 0
    assert "skipped: 1 scores" in capsys.readouterr().out
    scores = launderbench.load_scores(run).query("detector == 'tool'")
    assert len(scores) == 24  # the earlier file is replaced


def test_scores_that_are_not_finite_are_rejected_individually(
    toy: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uids = trials(toy)
    text = plain(uids[:-3]) + f"{uids[-3]} nan\n{uids[-2]} inf\n{uids[-1]} 1e39\n"
    file = score_file(tmp_path / "scores.txt", text)
    assert cli("import-scores", file, "--detector", "tool", "--run", run) == 1
    said = capsys.readouterr().out
    assert "3 scores are not finite and were rejected, the first in line 22" in said
    assert cli("report", run) == 0
    failures = pd.read_csv(run / "failures.csv")
    assert failures["cause"].str.startswith("non-finite score").sum() == 3
    assert set(failures["cause"]) >= {"non-finite score (1e+39, line 24 of scores.txt)"}


def test_reversed_scores_are_reported_and_can_be_inverted(
    toy: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = open_data(toy).split("test").table
    rising = (table["label"] == "spoof").astype(float) + np.arange(24) / 100
    rows = zip(table["utterance_id"], rising, strict=True)
    file = score_file(tmp_path / "s.txt", "".join(f"{uid} {value}\n" for uid, value in rows))
    options = [file, "--detector", "tool", "--run", run]
    assert cli("import-scores", *options) == 0
    assert "EER 100%: higher scores must mean more bona fide" in capsys.readouterr().out
    assert cli("import-scores", *options, "--reversed") == 0
    assert "EER" not in capsys.readouterr().out
    scores = launderbench.load_scores(run).query("detector == 'tool'")
    assert scores.groupby("label")["score"].mean()["spoof"] < -1


BAD = [
    ("", "holds no scores"),
    ("utterance_id,score\n", "scores.txt holds a header but no scores"),
    ("id,score\ntest_0000,\n", "scores.txt:2: the score of 'test_0000' is empty"),
    ("id,score\ntest_0000,NA\n", "scores.txt:2: the score of 'test_0000' is 'NA', not a number"),
    ("id,score\n\ntest_0000,1_0\n", "scores.txt:3: the score of 'test_0000' is '1_0', not a num"),
    ("a b c\n", "scores.txt:1: the score of 'a' is 'c', not a number"),
    ("test_0000 high\n", "scores.txt:1: the score of 'test_0000' is 'high', not a number"),
    ("test_0000\n", "scores.txt:1: it has 1 column and no header"),
    (
        "nobody 1\nnothing 2\n",
        "scores.txt:1: none of its 2 ids is a trial of the run; its first id is 'nobody'",
    ),
    (
        "test_0000 1\ntest_0000 2\n",
        "scores.txt:2: 'test_0000' has two scores under clean, the other in line 1",
    ),
    (
        "test_0000 - bonafide 1\ntest_0001 S1 bonafide 1\n",
        "scores.txt:2: labels 'test_0001' bonafide, but the run labels it spoof",
    ),
    (
        "id,label,score\ntest_0000,1,1\ntest_0001,0,1\ntest_0002,0,1\n",
        "scores.txt:4: column 'label' has '0' for 'test_0002', a bonafide trial of the run, and",
    ),
    ("score,condition\n1,clean\n", "scores.txt:1: no column of ids"),
    ("id,logit\ntest_0000,1\n", "scores.txt:1: no column of scores"),
    ("id,score,cm-score\ntest_0000,1,2\n", "column 'score' (1) and column 'cm-score' (2) are bot"),
    (
        "test_0000 1 0.3\ntest_0001 0 0.2\n",
        "scores.txt:1: column 2 (1, 0) and column 3 (0.3, 0.2) both hold numbers: name the columns",
    ),
    (
        "test_0000 spoof bonafide 0.3\ntest_0001 spoof spoof 0.2\n",
        "column 2 (spoof, spoof) and column 3 (bonafide, spoof) both hold classes",
    ),
    (
        "file,id,score\ntest_0000,test_0001,1\n",
        "column 'file' (test_0000) and column 'id' (test_0001) both hold ids of trials",
    ),
    (
        "id,score,condition\ntest_0000,1,mp3(kbps=8)\n",
        "scores.txt:2: unknown condition of the run 'mp3(kbps=8)'",
    ),
    ("id,score,condition\ntest_0000,1,mp4\n", "scores.txt:2: unknown attack 'mp4'; did you mean"),
    (
        "test_0000 1\ntest_0001 1\ntest_0002 1 2\n",
        "scores.txt:3: this line has 3 columns, but most have 2",
    ),
    ('id,score\n"test_0000,1\n', "scores.txt:2: a quote is opened but not closed"),
    ("test_0000;1,234\n", "scores.txt:1: the comma in '1,234' may be decimal or for thousands"),
    ("test_0000;0,5\ntest_0001;0.5\n", "scores.txt:1: the score '0,5' has a comma, that of line 2"),
    ("test_0000 1\nOutput, test_0001, 0\n", "scores.txt:2: expected `Output, ID, TARGET, SCORE`"),
    ("test_0000 1\ntest_0001 \x00\n", "scores.txt:2: this is not a text file"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_score_file_is_one_sentence_and_changes_nothing(
    text: str, message: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "plan.json").read_bytes()
    file = score_file(tmp_path / "scores.txt", text)
    assert cli("import-scores", file, "--detector", "tool", "--run", run) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1
    assert (run / "plan.json").read_bytes() == before


@pytest.mark.parametrize("header", ["id,score\n", "filename\tcm-score\n\n", "id,score,condition\n"])
def test_a_header_alone_is_refused_with_all_lenient_options(
    header: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = score_file(tmp_path / "scores.csv", header)
    options = ("--detector", "tool", "--run", run, "--allow-missing", "--allow-unknown")
    assert cli("import-scores", file, *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("scores.csv holds a header but no scores")


def test_bad_requests_are_one_sentence(
    toy: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = score_file(tmp_path / "scores.txt", plain(trials(toy)))
    out, gone = tmp_path / "out", tmp_path / "gone"
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    tool = ["--detector", "tool", "--run", run]
    for command, message in (
        (
            ["import-scores", file, "--detector", "comb", "--run", run],
            "the run itself computed the scores of its detector 'comb': choose another name",
        ),
        (["import-scores", file, "--detector", "a,b", "--run", run], "use only letters, digits"),
        (["import-scores", file, "--detector", "a", "--run", f"{gone}/"], "holds no run: name one"),
        (["import-scores", gone, *tool], "gone cannot be read (No such file"),
        (["import-scores", binary, *tool], "is not a text file"),
        (["import-scores", file, *tool, "--condition", "mp3(kbps=8)"], "unknown condition of the"),
        (
            ["import-scores", file, *tool, "--exported", toy],
            "is not a folder written by export-audio",
        ),
        (["import-scores", file, *tool, "--data", toy, "--seed", 3], "a run with another seed"),
        (["export-scores", run, "--detector", "cob", "--out", out], "did you mean 'comb'"),
        (
            ["export-scores", run, "--detector", "comb", "--out", out, "--format", "asvspoof5"],
            "can hold only one condition: name it with --condition",
        ),
        (["export-audio", "ready(audio=x)", "--data", toy, "--out", out], "already holds this aud"),
        (["export-audio", "clean", "--data", gone, "--out", out], "data folder not found"),
    ):
        assert cli(*command) == 2, command
        error = capsys.readouterr().err
        assert message in error and len(error.strip().splitlines()) == 1
    assert not out.exists()


def test_retrying_failures_keeps_imported_scores(
    toy: Path, run: Path, direct: Path, tmp_path: Path
) -> None:
    uids = trials(toy)
    file = score_file(tmp_path / "scores.txt", plain(uids[:-1]) + f"{uids[-1]} nan\n")
    assert cli("import-scores", file, "--detector", "tool", "--run", run) == 1
    weights = direct.parent / "comb.safetensors"
    options = ["--data", toy, "--suite", SUITE, "--checkpoint", weights, "--workers", 0]
    assert cli("run", *options, "--run", run, "--retry-failures") == 0
    assert (launderbench.load_scores(run)["detector"] == "tool").sum() == 23


def test_ids_are_portable_and_distinct() -> None:
    assert score_formats.file_id("LA_E_2834763") == "LA_E_2834763"
    names = [
        score_formats.file_id(uid)
        for uid in ("a/b", "a b", "../x", "-", ".", "ü", "x" * 300, "a\n")
    ]
    assert len(set(names)) == len(names)
    assert all(name == score_formats.file_id(name) for name in names)


def test_the_example_is_true() -> None:
    result = doctest.testmod(score_formats)
    assert result.attempted and not result.failed


def test_an_unknown_format_is_refused() -> None:
    table = pd.DataFrame({"condition": ["clean", "mp3"]})
    with pytest.raises(InputError, match="unknown format 'asv'"):
        [*score_formats.write([table], "asv")]
