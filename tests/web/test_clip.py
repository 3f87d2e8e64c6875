"""A visitor's clip: the same samples, scores and verdicts as elsewhere, and nothing on a disk."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import launderbench
from attacks.contract.base import AttackError
from attacks.contract.condition import parse
from attacks.filters.band_filters import LowPass
from benchmark.audio import decoding, reader
from benchmark.audio.audio_error import AudioError
from benchmark.inference import score_files
from benchmark.laundering.verification import State
from benchmark.web import clip
from benchmark.web.limits import MEGABYTE, Limits
from tests.support import builders, media, web_desk

CHAIN = "reverberation(rt60=0.6) | mp3(kbps=32)"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "voice.wav"
    soundfile.write(path, builders.voice(3), builders.RATE)
    return path


@pytest.fixture(scope="module")
def crew() -> web_desk.Crew:
    return web_desk.crew()


def heard(crew: web_desk.Crew, wave: reader.Wave, condition: str) -> clip.Heard:
    return clip.heard(wave, parse(condition), crew.scorer, [*crew.detectors.values()])


def test_scores_and_verdicts_are_those_of_the_command(
    crew: web_desk.Crew, recording: Path, tmp_path: Path
) -> None:
    wave = clip.read(recording.read_bytes(), Limits()).wave
    laundered, _ = launderbench.launder(reader.read(recording), 16000, CHAIN)
    file = tmp_path / "laundered.wav"
    soundfile.write(file, laundered, 16000, subtype="FLOAT")
    for checkpoint in crew.detectors.values():
        for path, condition in ((recording, "clean"), (file, CHAIN)):
            (told,) = score_files.scored(
                checkpoint, torch.device("cpu"), score_files.sources([path])
            )
            (found,) = (
                j for j in heard(crew, wave, condition).judgements if j.detector == checkpoint.name
            )
            assert found.score == pytest.approx(told.score, abs=1e-4)
            assert found.verdict == told.verdict
            assert found.threshold == score_files.threshold(checkpoint)


def test_a_condition_is_measured_and_can_be_heard(crew: web_desk.Crew) -> None:
    wave = builders.voice(3)
    found = heard(crew, wave, "lowpass(cutoff=4000)")
    assert found.state is State.VERIFIED and found.sound is not None
    assert {"residual", "envelope lag", "active level"} <= set(found.checks["quantity"])
    played, rate = soundfile.read(io.BytesIO(found.sound.audio))
    expected, _ = launderbench.launder(wave, 16000, "lowpass(cutoff=4000)")
    assert rate == 16000 and np.abs(played - expected).max() <= 1 / 32768
    assert found.sound.picture.startswith(b"\x89PNG")
    clean = heard(crew, wave, "clean")
    assert clean.state is None and clean.steps == () and clean.sound is not None


def test_what_is_louder_than_full_scale_is_attenuated_and_said(crew: web_desk.Crew) -> None:
    found = heard(crew, (4 * builders.voice(3)).astype(np.float32), "clean")
    assert found.sound is not None and 0.5 < found.sound.gain < 1


def test_a_condition_that_fails_says_why(
    crew: web_desk.Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AttackError("it broke")

    monkeypatch.setattr(LowPass, "__call__", broken)
    found = heard(crew, builders.voice(3), "lowpass(cutoff=4000)")
    assert "it broke" in found.cause and found.sound is None and found.judgements == ()
    assert heard(crew, builders.voice(3), "gsm").cause == ""


def test_a_detector_that_fails_costs_its_own_judgement(crew: web_desk.Crew) -> None:
    def scores(*_: object) -> tuple[dict[str, object], dict[str, str]]:
        return {"random": np.array([np.nan], np.float32)}, {"shortcut": "it broke"}

    wave, every = builders.voice(3), [*crew.detectors.values()]
    judged = {j.detector: j for j in clip.judged(wave, scores, every)}
    assert judged["shortcut"].cause == "it broke" and judged["shortcut"].verdict == ""
    assert "not finite" in judged["random"].cause and judged["random"].score is None


def silent(folder: Path) -> bytes:
    path = folder / "silent.wav"
    soundfile.write(path, np.zeros(16000), 16000)
    return path.read_bytes()


def without_sound(folder: Path) -> bytes:
    picture = ("-f", "lavfi", "-i", "color=size=64x64:duration=1:rate=5", "-map", "1:v")
    source, _ = media.source(folder)
    return media.encode(source, folder / "mute.mp4", *picture).read_bytes()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (lambda _: b"", "is empty (0 bytes)"),
        (lambda _: b"I am a text that calls itself clip.wav\n" * 99, "cannot be decoded"),
        (without_sound, "holds no sound track"),
        (lambda _: b"RIFF" + bytes(8000), "cannot be decoded"),
        (lambda _: bytes(5000), "nothing but zero bytes"),
        (lambda _: b"#EXTM3U\n/etc/passwd\n", "a playlist"),
    ],
)
def test_bad_files_are_refused_in_one_line_without_a_path(
    content: Callable[[Path], bytes], cause: str, tmp_path: Path
) -> None:
    with pytest.raises(AudioError) as refusal:
        clip.read(content(tmp_path), Limits())
    text = str(refusal.value)
    assert cause in text and "\n" not in text and "/proc" not in text


def test_silence_is_read_and_named(tmp_path: Path, crew: web_desk.Crew) -> None:
    found = clip.read(silent(tmp_path), Limits())
    assert found.faults == ("silent",) and found.sound.seconds == 1
    assert heard(crew, found.wave, "noise(kind=white, snr=10)").state is not State.VERIFIED


@pytest.mark.parametrize(
    "options", [("-c:a", "aac", "a.m4a"), ("-c:a", "libopus", "a.webm"), ("a.mp3",), ("a.flac",)]
)
def test_containers_are_known_by_their_content(tmp_path: Path, options: tuple[str, ...]) -> None:
    source, wave = media.source(tmp_path)
    path = media.encode(source, tmp_path / options[-1], *options[:-1])
    found = clip.read(path.read_bytes(), Limits())
    assert found.sound.seconds == pytest.approx(wave.size / 16000, abs=0.1)
    assert found.stated.rate in (44100, 48000)


def test_a_clip_that_is_too_long_or_too_large_is_refused(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = recording.read_bytes()
    with pytest.raises(AudioError, match=r"^the clip is longer than 1 s$"):
        clip.read(content, Limits(seconds=1))
    monkeypatch.setenv(decoding.VARIABLE, "1")  # as in a worker: the decoder itself stops
    with pytest.raises(AudioError, match=r"^the clip is longer than 1 s$"):
        clip.read(content, Limits(seconds=1))
    with pytest.raises(AudioError, match=r"^the file is larger than 1 MB$"):
        clip.read(bytes(MEGABYTE + 1), Limits(megabytes=1))


def test_nothing_is_written_and_nothing_stays_open(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = recording.read_bytes()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    clip.read(content, Limits())
    with pytest.raises(AudioError):
        clip.read(b"no audio", Limits())
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert [*tmp_path.iterdir()] == []


def test_results_are_values(crew: web_desk.Crew) -> None:
    for cls in (clip.Clip, clip.Sound, clip.Judgement, clip.Heard):
        assert cls.__dataclass_params__.frozen, dataclasses.fields(cls)
