"""Parts of the embedded data set on synthetic data: activity, treatment, splits, plan, texts."""

from __future__ import annotations

import itertools
import random
import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import welch

from benchmark.assets.wheel_catalog import LART
from benchmark.audio.reader import SAMPLE_RATE, Wave, read
from benchmark.audio.speech_level import active_level
from benchmark.data.embedded import matching, text_to_speech
from benchmark.data.embedded.human_speech import PRACTICE, Segment, SourceRecording
from benchmark.data.embedded.matching import EQUALISERS, coded, equaliser, filtered, paused_like
from benchmark.data.embedded.post_processing import (
    band_limited,
    levelled,
    to_pcm,
    treat,
    write_flac,
)
from benchmark.data.embedded.speaker_splits import split_speakers, spread
from benchmark.data.embedded.utterance_plan import choose, plan
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT, best_start, segment_starts
from benchmark.synthesis.systems import BY_NAME, SYSTEMS, Engine


def syllables(seconds: float, seed: int = 0) -> Wave:
    """Return noise bursts at a syllable rate (4 Hz), 16 kHz: modulated like speech."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = np.clip(np.sin(2 * np.pi * 4 * time) + 0.6, 0.02, None)
    return (0.1 * envelope * rng.standard_normal(time.size)).astype(np.float32)


def people(counts: dict[str, int]) -> list[Segment]:
    """Return segments of invented speakers; their group is the name before the hyphen."""
    found = []
    for speaker, count in counts.items():
        group = speaker.partition("-")[0]
        recording = SourceRecording(f"{speaker}-r", speaker, group, LART, "x.mp3", "0")
        wave = np.zeros(SEGMENT + 2 * CONTEXT, dtype=np.float32)
        found += [Segment(f"{speaker}-r-{i:02d}", recording, wave) for i in range(count)]
    return found


def test_segments_lie_in_speech_and_do_not_overlap() -> None:
    quiet = np.full(10 * SAMPLE_RATE, 1e-5, dtype=np.float32)
    wave = np.concatenate([quiet, syllables(13.0), quiet])
    starts = segment_starts(wave)
    assert 2 <= len(starts) <= 4
    assert all(b - a >= SEGMENT for a, b in itertools.pairwise(starts))
    assert all(s >= CONTEXT and s + SEGMENT + CONTEXT <= wave.size for s in starts)
    for start in starts:
        assert np.mean(np.abs(wave[start : start + SEGMENT]) > 1e-4) > 0.5


def test_steady_sound_and_silence_give_no_segment() -> None:
    time = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    hum = (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    assert segment_starts(hum) == []
    assert segment_starts(np.zeros(100, dtype=np.float32)) == []


def test_digital_silence_inside_a_segment_is_refused() -> None:
    wave = syllables(12.5)
    wave[3 * SAMPLE_RATE : 3 * SAMPLE_RATE + 1600] = 0.0
    starts = segment_starts(wave)
    assert starts
    assert all(not (s - 400 < 3 * SAMPLE_RATE < s + SEGMENT - 1600) for s in starts)


def test_best_start_finds_the_speech() -> None:
    silence = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)
    start = best_start(np.concatenate([silence, syllables(4.5), silence]))
    assert start is not None
    assert abs(start / SAMPLE_RATE - 3.2) < 0.4
    assert best_start(syllables(3.9)) is None


@pytest.mark.parametrize("gain", [0.001, 0.1, 3.0])
def test_treatment_sets_level_and_removes_dc(gain: float) -> None:
    treated = treat(syllables(4.0) * np.float32(gain) + np.float32(0.05))
    pcm, clipped = to_pcm(treated)
    again = pcm.astype(np.float64) / 32768
    assert 20 * np.log10(active_level(again, SAMPLE_RATE)) == pytest.approx(-26.0, abs=0.1)
    assert abs(again.mean()) < 1e-5
    assert clipped == 0


def test_treatment_limits_the_band_and_keeps_the_rest() -> None:
    wave = np.random.default_rng(0).standard_normal(64000).astype(np.float32)
    before, after = (welch(w, SAMPLE_RATE, nperseg=4096)[1] for w in (levelled(wave), treat(wave)))
    hertz = np.fft.rfftfreq(4096, 1 / SAMPLE_RATE)
    gain = 10 * np.log10(after / before)
    kept = gain[(hertz > 130) & (hertz < 7000)]
    assert np.ptp(kept) < 0.2
    assert gain[hertz > 7350].max() - kept.mean() < -80
    assert np.interp(70, hertz, gain) - kept.mean() == pytest.approx(-6, abs=1)
    assert np.interp(20, hertz, gain) - kept.mean() < -30


def test_silence_has_no_level() -> None:
    with pytest.raises(ValueError, match="silence"):
        treat(np.zeros(1000, dtype=np.float32))


def test_clipping_is_counted_and_flac_keeps_every_sample(tmp_path: Path) -> None:
    pcm, clipped = to_pcm(np.array([0.0, 1.5, -1.5, -1.0, 0.5], dtype=np.float32))
    assert clipped == 2
    write_flac(tmp_path / "a.flac", pcm)
    assert np.array_equal(read(tmp_path / "a.flac"), pcm.astype(np.float32) / 32768)
    assert [p.name for p in tmp_path.iterdir()] == ["a.flac"]


def test_splits_rank_speakers_by_segments_and_keep_talkers_of_babble_apart() -> None:
    counts = {f"a-{place}": 10 - place for place in range(1, 6)}
    counts |= {f"council-{place}": 9 for place in range(1, 7)} | {"b-1": 5, "b-2": 5, "b-3": 5}
    counts |= {f"phrases-{talker}": 4 for talker in ("f1", "f3", "m3", "m4")} | {PRACTICE: 99}
    splits = split_speakers(counts, {who: who.partition("-")[0] for who in counts})
    expected = {
        "a-1": "train", "a-2": "train", "a-3": "dev", "a-4": "test", "a-5": "other",
        "b-1": "train", "b-2": "train", "b-3": "dev",
        "council-1": "train", "council-2": "train", "council-3": "dev", "council-4": "dev",
        "council-5": "test", "council-6": "other", PRACTICE: "other",
        "phrases-f1": "test", "phrases-m3": "test", "phrases-f3": "other", "phrases-m4": "dev",
    }  # fmt: skip
    assert splits == expected


def test_a_copy_gets_the_pauses_of_its_recording_and_keeps_its_speech() -> None:
    recording = levelled(syllables(4.0))
    recording[20000:28000] *= np.float32(0.01)
    copied = recording.copy()
    copied[20000:28000] *= np.float32(5.0)  # a vocoder that fills pauses
    found = paused_like(copied, recording)
    pause, speech = slice(21000, 27000), slice(2000, 18000)
    ratio = np.sqrt(np.mean(found[pause] ** 2) / np.mean(recording[pause] ** 2))
    assert 20 * np.log10(ratio) == pytest.approx(0.0, abs=0.5)
    assert np.sqrt(np.mean(copied[pause] ** 2) / np.mean(recording[pause] ** 2)) > 4.9
    error = found[speech] - copied[speech]
    assert np.mean(error**2) < 1e-3 * np.mean(copied[speech] ** 2)


@pytest.mark.parametrize(("kbps", "least_db"), [(128.0, 15), (171.0, 18), (224.0, 25)])
def test_mp3_history_keeps_time_level_and_most_of_the_wave(kbps: float, least_db: float) -> None:
    wave = levelled(syllables(4.0))
    found = coded(band_limited(wave).astype(np.float32), kbps)
    assert found.shape == wave.shape and found.dtype == np.float32
    limited = band_limited(wave)
    error = np.mean((found - limited) ** 2) / np.mean(limited**2)
    assert least_db < -10 * np.log10(error) < 60  # coded, and aligned


def test_equalisers_are_there_for_every_vocoder_and_filter_as_fitted() -> None:
    fitted = tomllib.loads((Path(matching.__file__).with_name(EQUALISERS)).read_text("utf-8"))
    copying = {s.name for s in SYSTEMS if s.track != "tts"}
    assert set(fitted["gains_db"]) == copying
    noise = np.random.default_rng(0).standard_normal(8 * SAMPLE_RATE).astype(np.float32)
    for system, gains_db in fitted["gains_db"].items():
        assert len(gains_db) == len(fitted["hertz"]) and max(map(abs, gains_db)) < 20
        hertz, after = welch(filtered(noise, equaliser(system)), SAMPLE_RATE, nperseg=2048)
        _, before = welch(noise, SAMPLE_RATE, nperseg=2048)
        measured = np.interp(fitted["hertz"], hertz, 10 * np.log10(after / before))
        wide = np.array(fitted["hertz"]) > 200
        assert np.abs(measured - gains_db)[wide].max() < 1.5
    with pytest.raises(KeyError):
        equaliser("of-somebody-else")


def test_spread_takes_from_first_to_last() -> None:
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread([1, 2], 5) == [1, 2]
    assert spread([1, 2], 1) == [1]


COUNTS = {f"{group}-{i}": 40 - i for group in ("a", "b") for i in range(8)}


def test_plan_is_speaker_disjoint_paired_and_keeps_a_system_from_train() -> None:
    table = plan(people(COUNTS), [], ()).table
    assert (table.groupby("speaker")["split"].nunique() == 1).all()
    assert table["utterance_id"].is_unique
    spoof = table[table["label"] == "spoof"]
    assert set(spoof.loc[spoof["spoof_system"] == "hifigan-lj", "split"]) == {"dev", "test"}
    assert (table.loc[table["split"] == "other", "label"] == "bonafide").all()
    human = table[(table["label"] == "bonafide") & (table["split"] != "other")]
    for row in human.itertuples():
        copies = spoof[spoof["utterance_id"].str.startswith(f"{row.utterance_id}-")]
        assert len(copies) >= 2
        assert set(copies["split"]) == {row.split}
        assert set(copies["source"]) == {row.source}
        assert copies["track"].eq("neural").any()
    assert (human["track"] == "-").all()


def test_plan_does_not_depend_on_order() -> None:
    segments = people(COUNTS)
    shuffled = list(segments)
    random.Random(3).shuffle(shuffled)
    assert plan(segments, [], ()).table.equals(plan(shuffled, [], ()).table)
    ids = [[s.segment_id for s in part] for part in choose(shuffled).values()]
    assert ids == [[s.segment_id for s in part] for part in choose(segments).values()]


def test_a_system_left_out_costs_its_own_utterances_only() -> None:
    whole = plan(people(COUNTS), [], ()).table
    without = plan(people(COUNTS), [], ("world",)).table
    kept = whole[whole["spoof_system"] != "world"].reset_index(drop=True)
    assert without.equals(kept)


def test_sentences_are_distinct_and_long_enough() -> None:
    spoken = {split: text_to_speech.sentences(split) for split in text_to_speech.SENTENCES}
    texts = [text for part in spoken.values() for text in part]
    assert len(set(texts)) == len(texts) == 50
    assert min(map(len, texts)) >= 70


def test_tts_voices_are_disjoint_between_splits() -> None:
    requests = [*text_to_speech._kokoro(), *text_to_speech._hibari()]
    splits: dict[str, set[str]] = {}
    for request in requests:
        splits.setdefault(request.voice, set()).add(request.split)
    assert all(len(where) == 1 for where in splits.values())
    assert splits["hibari-heart"] == {"test"}


def test_systems_are_known_by_name_and_a_missing_engine_is_found() -> None:
    assert len(BY_NAME) == len(SYSTEMS)
    assert Engine("no-such-distribution", "no_such_module").found() is None
    assert Engine("numpy", "numpy", "0.0.1").found() is None
    assert Engine("numpy", "numpy").found() == np.__version__
