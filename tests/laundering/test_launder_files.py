"""`launderbench attack`: files and folders, resumable, the same output however it is run."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.io import wavfile

from attacks.contract.condition import parse
from attacks.contract.launder import launder
from benchmark.audio import reader
from benchmark.cli.main import main
from benchmark.laundering.launder_files import encode
from tests.support import builders

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")

NOISE = "noise(kind=babble, snr=5, reference=active)"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Write four recordings in two folders and several formats, and a text file."""
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    wave = builders.voice(1, 1.0)
    soundfile.write(folder / "one.wav", wave, 16000, subtype="FLOAT")
    soundfile.write(folder / "two.flac", builders.voice(2, 1.0), 16000)
    stereo = np.stack([np.repeat(builders.voice(3, 1.0), 3)] * 2, axis=1)
    soundfile.write(folder / "b" / "three.wav", stereo, 48000, subtype="PCM_16")
    soundfile.write(folder / "b" / "four.ogg", builders.voice(4, 1.0)[::2], 8000)
    (folder / "protocol.txt").write_text("one two")
    return folder


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every audio file below a folder, by relative path."""
    found = [p for p in folder.rglob("*") if p.suffix in (".wav", ".flac")]
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found
    }


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name)


def test_a_folder_keeps_its_tree_and_reports_its_effects(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["attack", "noise(snr=5)", str(corpus), str(out), "--workers", "0"]) == 0
    assert set(digests(out)) == {"one.wav", "two.wav", "b/three.wav", "b/four.wav"}
    for name, source in (("one", "one.wav"), ("b/three", "b/three.wav")):
        wave, rate = soundfile.read(out / f"{name}.wav", dtype="float32")
        wanted = launder(parse("noise(snr=5)"), reader.read(corpus / source), 16000, name, 0)
        assert rate == 16000 and wave.tobytes() == wanted.wave.tobytes()
    effects = table(out, "effects.csv")
    snr = effects[effects["quantity"] == "SNR"].set_index("utterance_id")
    assert set(snr.index) == {"one", "two", "b/three", "b/four"}
    assert (snr["step"] == 0).all() and (snr["attack"] == NOISE).all() and snr["passed"].all()
    assert np.allclose(snr["measured"], snr["claimed"], atol=0.1) and (snr["claimed"] == 5).all()
    assert json.loads(snr.loc["one", "facts"])["offset"] >= 0
    files = table(out, "files.csv").set_index("utterance_id")
    assert files["failure"].isna().all() and (files["beyond"] == 0).all()
    assert files["sha256"].to_dict() == {k.removesuffix(".wav"): v for k, v in digests(out).items()}
    assert "4 of 4 measurable files as claimed" in capsys.readouterr().out


def test_workers_order_and_other_files_do_not_change_the_bytes(
    corpus: Path, tmp_path: Path
) -> None:
    condition = "stochastic(pool=network) ; noise(kind=white) ; opus(loss=0.1)"
    for name, workers in (("w0", "0"), ("w2", "2")):
        more = ["--workers", workers, "--format", "flac", "--seed", "3"]
        assert main(["attack", condition, str(corpus), str(tmp_path / name), *more]) == 0
    expected = digests(tmp_path / "w0")
    assert len(expected) == 12 and len(set(expected.values())) == 12
    assert expected == digests(tmp_path / "w2")
    few = tmp_path / "few"
    (few / "b").mkdir(parents=True)
    shutil.copy(corpus / "b" / "three.wav", few / "b")
    reverse = "; ".join(reversed(condition.split(";")))
    more = ["--workers", "0", "--format", "flac", "--seed", "3"]
    assert main(["attack", reverse, str(few), str(tmp_path / "alone"), *more]) == 0
    alone = digests(tmp_path / "alone")
    assert len(alone) == 3 and alone.items() <= expected.items()
    tables = [(tmp_path / name / "effects.csv").read_bytes() for name in ("w0", "w2")]
    assert tables[0] == tables[1]


def test_a_second_call_writes_only_missing_or_stale_outputs(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["attack", "noise(kind=white)", str(corpus), str(out), "--workers", "0"]
    assert main(command) == 0
    first = digests(out)
    stamps = {name: (out / name).stat().st_mtime_ns for name in first}
    effects = (out / "effects.csv").read_bytes()

    (out / "one.wav").unlink()  # killed before it was written
    (out / "two.wav").write_bytes(b"RIFF")  # damaged
    soundfile.write(corpus / "b" / "four.ogg", builders.voice(9, 1.0), 16000)  # another source
    (out / ".launderbench" / "b" / "three.json").write_text("{")  # a damaged record
    assert main(command) == 0
    again = digests(out)
    changed = {name for name in first if first[name] != again[name]}
    assert changed == {"b/four.wav"}
    assert (out / "effects.csv").read_bytes() != effects

    stamps = {name: (out / name).stat().st_mtime_ns for name in again}
    assert main(command) == 0
    assert {name: (out / name).stat().st_mtime_ns for name in again} == stamps


@pytest.mark.parametrize(
    "other", [["noise(kind=pink)"], ["noise(kind=white)", "--seed", "1"],
              ["noise(kind=white)", "--format", "flac"]],
)  # fmt: skip
def test_a_folder_holds_the_files_of_one_job(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], other: list[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["attack", "noise(kind=white)", str(corpus), out, "--workers", "0"]) == 0
    capsys.readouterr()
    condition, *more = other
    assert main(["attack", condition, str(corpus), out, *more]) == 2
    assert "holds files made with other" in capsys.readouterr().err


def test_an_unreadable_file_is_recorded_and_the_run_continues(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (corpus / "broken.wav").write_bytes(b"not audio")
    soundfile.write(corpus / "empty.wav", np.zeros(0), 16000)
    command = ["attack", "lowpass(cutoff=3000)", str(corpus), str(out), "--workers", "0"]
    assert main(command) == 1
    output, errors = capsys.readouterr()
    assert "4 of 4 measurable files as claimed, 2 failed" in output
    assert "broken.wav: cannot be decoded" in errors and "empty.wav: holds no samples" in errors
    failed = table(out, "files.csv").dropna(subset="failure").set_index("utterance_id")
    assert failed["failure"].to_dict() == {"broken": "unreadable", "empty": "unreadable"}
    soundfile.write(corpus / "broken.wav", builders.voice(5, 1.0), 16000)
    (corpus / "empty.wav").unlink()
    assert main(command) == 0 and "broken.wav" in digests(out)


def test_an_attack_that_fails_its_claim_sets_the_exit_code(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "liar.py"
    plugin.write_text(
        "from dataclasses import dataclass\n"
        "from launderbench import Attack, attack\n\n\n"
        '@attack("liar")\n@dataclass(frozen=True)\nclass Liar(Attack):\n'
        '    """Does nothing."""\n\n    family = "channel"\n\n'
        "    def __call__(self, wave, sample_rate, rng):\n        return wave\n"
    )
    out = tmp_path / "out"
    command = ["attack", "liar", str(corpus), str(out), "--plugin", str(plugin)]
    assert main([*command, "--workers", "1"]) == 1
    assert "0 of 4 measurable files as claimed" in capsys.readouterr().out


def test_one_file_to_one_file(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "x.flac"
    assert main(["attack", "mp3(kbps=16)", str(corpus / "one.wav"), str(out), "--gallery"]) == 0
    assert {p.name for p in out.parent.iterdir()} == {
        "x.flac",
        "x.effects.csv",
        "x.files.csv",
        "x.gallery.html",
    }
    assert soundfile.info(out).subtype == "PCM_16"
    into = tmp_path / "folder"
    assert main(["attack", "mp3(kbps=16)", str(corpus / "one.wav"), str(into)]) == 0
    exact = soundfile.read(into / "one.wav")[0]
    assert np.abs(soundfile.read(out)[0] - exact).max() <= 0.5 / 32768


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mp3", "{in}/none.wav", "{out}"], "no such file or folder"),
        (["mp3", "{in}/protocol.txt", "{out}"], "1 failed"),
        (["mp3;opus", "{in}/one.wav", "{out}/x.wav"], "is one file, but 2 conditions are given"),
        (["mp3", "{in}/one.wav", "{out}/x.wav", "--format", "flac"], "does not match --format"),
        (["mp3", "{in}/one.wav", "{in}/one.wav"], "the output would replace the input"),
        (["mp3", "{in}", "{in}"], "holds no audio outside"),
        (["mp3", "{in}/b/..", "{out}", "--noise-dir", "{in}/none"], "noise folder not found"),
        (["mp4", "{in}", "{out}"], "unknown suite or attack 'mp4'"),
    ],
)
def test_bad_arguments_are_refused(
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    before = digests(corpus)
    places = {"{in}": str(corpus), "{out}": str(tmp_path / "out")}
    for place, path in places.items():
        arguments = [argument.replace(place, path) for argument in arguments]
    assert main(["attack", *arguments]) in (1, 2)
    output, errors = capsys.readouterr()
    assert message in errors + output
    assert digests(corpus) == before


def test_two_files_of_one_name_are_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(corpus / "two.flac", corpus / "one.flac")
    assert main(["attack", "mp3", str(corpus), str(tmp_path / "out")]) == 2
    assert "one.flac and one.wav would have the same output, one" in capsys.readouterr().err


def test_output_inside_the_input_is_skipped_as_input(corpus: Path) -> None:
    out = corpus / "laundered"
    for _ in range(2):
        assert main(["attack", "mp3(kbps=8)", str(corpus), str(out), "--workers", "0"]) == 0
    assert len(digests(out)) == 4


def test_a_wave_beyond_full_scale_is_attenuated_and_its_samples_counted() -> None:
    wave = np.array([0.5, 1.5, -1.0, -1.5, 1.0, 0.99999], dtype=np.float32)
    content, beyond, gain = encode(wave, "flac")
    read, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert beyond == 2 and gain == pytest.approx(32767 / 32768 / 1.5)
    assert read.tolist() == [10922, 32767, -21845, -32767, 21845, 21844]
    content, beyond, gain = encode(wave[[0, 2, 4]], "flac")
    read, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert (beyond, gain) == (0, 1.0) and read.tolist() == [16384, -32768, 32767]
    content, beyond, gain = encode(wave, "wav")
    rate, read = wavfile.read(io.BytesIO(content))
    assert (beyond, gain) == (0, 1.0) and rate == 16000 and read.tobytes() == wave.tobytes()
