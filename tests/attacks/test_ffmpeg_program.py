"""Any codec of the FFmpeg program: agreement with in-process codecs, errors, identity."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from attacks.codecs.ffmpeg_program import VARIABLE, Ffmpeg, packet_sizes, program
from attacks.contract.condition import parse, spell
from attacks.contract.launder import lag
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, db, run


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("ffmpeg(codec=libmp3lame, kbps=64)", 1105),  # 528 + 1 + 576
        ("ffmpeg(codec=aac)", 1024),
        ("ffmpeg(codec=wmav2, container=asf)", -512),  # its demuxer drops too many samples
        ("ffmpeg(codec=g722, kbps=64)", 22),
        ("ffmpeg(codec=g723_1, kbps=6.3, rate=8000)", 60),
        ("ffmpeg", 0),
    ],
)
def test_the_delay_is_measured_and_removed(text: str, delay: int) -> None:
    wave = clip(1.5) + np.random.default_rng(0).normal(0, 0.01, 24000).astype(np.float32)
    done = run(text, wave)
    assert done.steps[0].facts["delay"] == delay
    assert done.passed and done.wave.size == wave.size
    assert abs(lag(wave, done.wave)) <= 1


@pytest.mark.parametrize(
    ("text", "inside", "least_db"),
    [
        ("ffmpeg(codec=pcm_alaw, kbps=0, rate=8000)", "g711(law=a)", 35),
        ("ffmpeg(codec=g722, kbps=0)", "g722", 12),
        ("ffmpeg(codec=aac, kbps=48)", "aac(kbps=48)", 10),
    ],
)
def test_the_program_agrees_with_the_attack_in_this_process(
    text: str, inside: str, least_db: float
) -> None:
    ours, theirs = run(inside).wave, run(text).wave
    assert db(np.std(ours) / np.std(theirs - ours)) > least_db


def test_payload_and_options_reach_the_encoder() -> None:
    few = run('ffmpeg(codec=libopus, kbps=16, container=ogg, options="vbr=off")')
    facts = few.steps[0].facts
    assert few.passed and facts["payload_bytes"] == 40 * facts["packets"]  # 20 ms at 16 kbit/s
    long = run('ffmpeg(codec=libopus, kbps=16, container=ogg, options="vbr=off frame_duration=40")')
    assert long.steps[0].facts["payload_bytes"] == 80 * long.steps[0].facts["packets"]
    stream, _ = Ffmpeg("libopus", 16.0, container="ogg")._trip(program(), clip(1.0))
    assert len(stream) > sum(packet_sizes(stream)) > 1000


def test_an_encoder_that_ignores_the_bit_rate_is_caught() -> None:
    done = run("ffmpeg(codec=flac)")
    failed = {check.quantity for check in done.steps[0].checks if check.passed is False}
    assert failed == {
        "payload bit rate",
        "residual",
        "spectral distortion",
    }  # lossless: no laundering at all


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ffmpeg(codec=nosuch)", "ffmpeg: nosuch in nut: FFmpeg says: Unknown encoder 'nosuch'"),
        ("ffmpeg(container=nosuch)", "libvorbis in nosuch: .* 'nosuch' is not known"),
        ("ffmpeg(codec=vorbis, kbps=0)", "vorbis in nut: FFmpeg says: "),
        ('ffmpeg(options="speed")', "ffmpeg: options must be key=value, not 'speed'"),
        ('ffmpeg(options="f=wav")', "ffmpeg: the attack itself sets the option 'f'"),
        ("ffmpeg(rate=100)", "rate=100 is out of range"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(text, clip(0.2))


def test_the_program_is_the_one_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = program()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    cause = f"ffmpeg: {VARIABLE} names {tmp_path / 'none'}, which is not a program"
    assert Ffmpeg().unavailable() == cause
    with pytest.raises(InputError, match="which is not a program"):
        run("ffmpeg", clip(0.2))
    mine = tmp_path / "mine"
    mine.write_text(f'#!/bin/sh\nexec "{packaged}" "$@"\n')
    mine.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(mine))
    assert Ffmpeg().unavailable() is None
    assert Ffmpeg().resources() == {"ffmpeg": hashlib.sha256(mine.read_bytes()).hexdigest()}
    by_mine = run("ffmpeg", clip(0.2)).wave
    monkeypatch.delenv(VARIABLE)
    assert np.array_equal(by_mine, run("ffmpeg", clip(0.2)).wave)
    assert len(Ffmpeg().resources()["ffmpeg"]) == 64 != Ffmpeg().resources()["ffmpeg"]


def test_threads_do_not_change_a_sample() -> None:
    waves = [clip(0.3, seed) for seed in range(4)]
    alone = [run("ffmpeg(codec=ac3, kbps=48)", wave).wave for wave in waves]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda w: run("ffmpeg(codec=ac3, kbps=48)", w).wave, waves))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_options_survive_the_spelling() -> None:
    attack = Ffmpeg("libopus", 16.0, options="application=voip vbr=off")
    assert parse(spell(attack)).steps == (attack,)
