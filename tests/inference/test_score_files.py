"""Scoring files, folders and streams from the command line."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from benchmark import frontends
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.inference import checkpoints, stream
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.training import train_detector
from benchmark.training.training_config import TrainingConfig
from tests.support.builders import RATE, fake, voice
from tests.support.places import ROOT

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    out = tmp_path_factory.mktemp("score") / "raw.safetensors"
    config = TrainingConfig(0, {"epochs": 4, "batch_size": 8})
    return train_detector.train("raw-cnn", loading.open_data(toy), CPU, out, config)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "audio"
    (root / "deep").mkdir(parents=True)
    soundfile.write(root / "a.wav", voice(1), RATE)
    soundfile.write(root / "deep" / "b.flac", np.stack([fake(2), fake(2)], axis=1), RATE)
    soundfile.write(root / "c.mp3", resample_poly(voice(3), 441, 160), 44100)
    return root


def test_a_line_for_each_file_of_any_format(
    trained: Checkpoint, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(trained.path), str(folder)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    files = [Path(row[0]).relative_to(folder).as_posix() for row in rows]
    assert files == ["a.wav", "c.mp3", "deep/b.flac"]
    limit = trained.facts["dev_threshold"]
    scorer = Scorer([trained], CPU)
    for path, score, verdict in rows:
        assert len(score.partition(".")[2]) >= 6
        assert verdict == ("bonafide" if float(score) >= limit else "spoof")
        wave = checkpoints_wave(path)
        expected = scorer([wave], [trained.name])[0][trained.name][0]
        assert float(score) == pytest.approx(expected, abs=1e-4)


def checkpoints_wave(path: str) -> np.ndarray:
    from benchmark.audio import reader

    return reader.read(Path(path))


def test_an_unreadable_file_is_reported_with_its_cause_and_the_others_are_scored(
    trained: Checkpoint, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, absent = folder / "broken.wav", folder / "absent.wav"
    broken.write_bytes(b"RIFF but no more")
    assert main(["score", str(trained.path), str(folder / "a.wav"), str(broken), str(absent)]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert f"{broken}: not scored: cannot be decoded" in printed.err
    assert f"{absent}: not scored: no such file" in printed.err
    given = [str(trained.path), "--json", str(absent), str(folder / "a.wav")]
    assert main(["score", *given]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"path": str(absent), "detector": "raw-cnn", "error": "no such file"}
    assert rows[1]["threshold"] == trained.facts["dev_threshold"]
    assert set(rows[1]) == {"path", "detector", "score", "verdict", "threshold"}


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_file_too_short_for_a_meaningful_score_is_scored_with_a_warning(
    trained: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: list[str]
) -> None:
    short, enough = tmp_path / "short.wav", tmp_path / "enough.wav"
    soundfile.write(short, voice(1)[:40], RATE)
    soundfile.write(enough, voice(1)[:1600], RATE)
    assert main(["score", str(trained.path), *as_json, str(short), str(enough)]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert printed.err == (
        f"warning: {short} holds 2.5 ms of sound: under 100 ms a score and its verdict mean very"
        " little\n"
    )


def test_without_a_frozen_threshold_there_is_no_verdict(
    trained: Checkpoint, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.safetensors"
    checkpoints.save(bare, trained.arrays(), {"detector": "raw-cnn"})
    assert main(["score", str(bare), str(folder / "a.wav")]) == 0
    assert capsys.readouterr().out.rstrip().endswith("\tno threshold")


def test_a_score_that_is_not_finite_is_reported(
    trained: Checkpoint, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = {name: values * np.nan for name, values in trained.arrays().items()}
    broken = tmp_path / "nan.safetensors"
    checkpoints.save(broken, arrays, trained.facts)
    assert main(["score", str(broken), str(folder / "a.wav")]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "not scored: the score is not finite (nan)" in printed.err


def test_pictures_equal_the_inputs_of_detectors(
    trained: Checkpoint, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from matplotlib.image import imread

    pictures = tmp_path / "pictures"
    given = ["score", str(trained.path), str(folder), "--spectrogram", str(pictures)]
    assert main(given) == 0
    written = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    assert written == ["a.wav.png", "c.mp3.png", "deep/b.flac.png"]
    shown = imread(pictures / "a.wav.png")
    seen = frontends.batch(frontends.Image(), [checkpoints_wave(str(folder / "a.wav"))], CPU)
    np.testing.assert_allclose(shown[..., :3], seen[0].permute(1, 2, 0), atol=1 / 255)
    again = folder / "deep" / "a.wav"
    soundfile.write(again, voice(9), RATE)
    given = ["score", str(trained.path), str(folder / "a.wav"), str(again)]
    assert main([*given, "--spectrogram", str(pictures)]) == 2
    assert "would both write a.wav.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "the following arguments are required: FILE|DIR"),
        (["--stream", "a.wav"], "--stream scores standard input: it takes no files"),
        (["{empty}"], "score: no audio file"),
    ],
)
def test_bad_input_gives_a_one_line_error(
    trained: Checkpoint,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [text.format(empty=tmp_path / "empty") for text in given]
    assert main(["score", str(trained.path), *filled]) == 2
    shown = capsys.readouterr().err.strip()
    assert message in shown
    assert "\n" not in shown


class Drip(io.BytesIO):
    """Bytes that arrive in pieces of odd sizes."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(size or 1, 1237))


def pieces(pcm: stream.Pcm, data: bytes) -> np.ndarray:
    return np.concatenate([*stream.samples(Drip(data), pcm)])


@pytest.mark.parametrize("format_", ["s16le", "f32le"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_stream_gives_its_samples(format_: str, channels: int) -> None:
    waves = np.stack([voice(n, 0.7) for n in range(channels)], axis=1)
    if format_ == "s16le":
        data = np.round(waves * 32767).astype("<i2")
        expected = data.astype(np.float64).mean(axis=1) / 32768
    else:
        data, expected = waves.astype("<f4"), waves.mean(axis=1)
    samples = pieces(stream.Pcm(format_, RATE, channels), data.tobytes())
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_a_stream_of_another_rate_is_resampled_without_seams() -> None:
    time = np.arange(44100) / 44100
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype("<f4")
    samples = pieces(stream.Pcm("f32le", 44100), tone.tobytes())
    assert samples.size == RATE
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    inner = slice(400, -400)
    np.testing.assert_allclose(samples[inner], expected[inner], atol=1e-3)


@given(
    total=st.integers(0, 400), length=st.integers(1, 90), share=st.floats(0.05, 1),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=30),
)  # fmt: skip
def test_windows_cover_every_sample_and_come_as_soon_as_they_are_complete(
    total: int, length: int, share: float, cuts: list[int]
) -> None:
    hop = max(1, math.floor(share * length))
    wave = np.arange(total, dtype=np.float32)
    read: list[int] = [0]

    def arriving() -> Iterator[np.ndarray]:
        while read[0] < total:
            for cut in cuts:
                start, read[0] = read[0], min(total, read[0] + cut)
                if start < total:
                    yield wave[start : read[0]]

    found = []
    for window in stream.windows(arriving(), length, hop):
        found.append(window)
        # no piece beyond the one with the window's end has been read
        assert read[0] - (window.start + window.wave.size) < max(cuts)
        np.testing.assert_array_equal(window.wave, wave[window.start :][: window.wave.size])
    full = 0 if total < length else (total - length) // hop + 1
    for number, window in enumerate(found[:full]):
        assert (window.start, window.wave.size) == (number * hop, length)
    covered = max((w.start + w.wave.size for w in found), default=0)
    assert covered == total
    assert len(found) - full == (0 if total == (full and (full - 1) * hop + length) else 1)


def test_a_stream_is_scored_window_by_window_as_it_arrives(trained: Checkpoint) -> None:
    """Use a real pipe: the line of a window must come while the pipe is still open."""
    code = "import sys; from benchmark.cli.main import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["score", str(trained.path), "--stream", "--window", "1", "--hop", "0.5"]
    wave = np.round(voice(1, 2.0) * 32767).astype("<i2")
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(wave[: RATE + 100].tobytes())
        process.stdin.flush()
        first = process.stdout.readline().decode().split("\t")
        process.stdin.write(wave[RATE + 100 :].tobytes())
        process.stdin.close()
        rows = [first, *(line.decode().split("\t") for line in process.stdout)]
    assert process.returncode == 0
    assert [row[:2] for row in rows] == [
        ["0.000", "1.000"], ["0.500", "1.500"], ["1.000", "2.000"]
    ]  # fmt: skip
    samples = wave.astype(np.float32) / 32768
    for row, start in zip(rows, (0, RATE // 2, RATE), strict=True):
        part = samples[start : start + RATE]
        expected = Scorer([trained], CPU)([part], ["raw-cnn"])[0]["raw-cnn"][0]
        assert float(row[2]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("data", "window", "hop", "message"),
    [
        (b"", None, None, "the stream contains no samples"),
        (b"\x00" * 64000, 0.01, None, "--window must be 0.1 s or more"),
        (b"\x00" * 64000, 1.0, 2.0, "--hop must be above 0 and not longer"),
        (np.array([0, np.nan], "<f4").tobytes(), None, None, "NaN or infinite samples"),
    ],
)
def test_a_stream_that_cannot_be_scored_is_refused(
    trained: Checkpoint, data: bytes, window: float | None, hop: float | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        [*stream.scored(trained, CPU, io.BytesIO(data), stream.Pcm("f32le"), window, hop)]
