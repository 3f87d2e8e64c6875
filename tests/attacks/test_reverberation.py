"""Reverberation: T20 by the test's own Schroeder integration, alignment, level, cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import convolve
from scipy.stats import linregress

from attacks.contract.condition import parse
from attacks.contract.launder import lag
from attacks.reverb import ray_tracing, rir_bank, wall_materials
from attacks.reverb.decay_time import direct_path, edt, t20
from attacks.reverb.room_geometry import CLEARANCE_M, EVALUATION, TRAINING
from benchmark.audio.speech_level import active_level
from benchmark.core.errors import InputError
from tests.support.attack_support import clip, db, run
from tests.support.places import ROOT

pytest_plugins = ("tests.support.attack_fixtures",)
pytestmark = pytest.mark.usefixtures("world")
ROOMS = EVALUATION["drawn"]


def decay_time(response: np.ndarray) -> float:
    """Return T20 of ISO 3382: regression on the backward-integrated decay from -5 to -25 dB."""
    power = response.astype(np.float64) ** 2
    remaining = power.sum() - np.concatenate([[0.0], np.cumsum(power)[:-1]])
    curve = 10 * np.log10(np.maximum(remaining, 1e-15) / power.sum())
    first, last = int(np.argmax(curve <= -5)), int(np.argmax(curve < -25))
    fit = linregress(np.arange(first, last) / 16000, curve[first:last])
    return float(-60 / fit.slope)


@pytest.mark.parametrize("rt60", [0.1, 0.3, 0.6, 0.9, 3.0])
@pytest.mark.parametrize("room", range(len(ROOMS)))
def test_every_room_has_the_requested_reverberation_time(room: int, rt60: float) -> None:
    response = rir_bank.response(ROOMS[room], rt60)
    assert decay_time(response.samples) == pytest.approx(rt60, abs=max(0.1 * rt60, 0.03))
    assert response.t20 == pytest.approx(decay_time(response.samples), rel=0.01)
    assert int(np.argmax(np.abs(response.samples))) == 0
    assert response.samples[0] == 1.0
    assert response.samples.size == round(rt60 * 16000)


def test_t20_of_a_known_decay() -> None:
    noise = np.random.default_rng(0).standard_normal(32000)
    decaying = noise * 10 ** (-3 * np.arange(32000) / 16000 / 0.8)
    assert t20(decaying, 16000) == pytest.approx(0.8, rel=0.05)
    assert np.isnan(t20(np.zeros(100), 16000))
    assert np.isnan(t20(np.eye(1, 100)[0], 16000))


def test_edt_and_direct_path_of_a_known_response() -> None:
    response = np.zeros(16000)
    response[500:] = 10 ** (-3 * np.arange(15500) / 16000 / 0.4)
    response[3000] = -2.0  # a reflection stronger than the direct path
    assert direct_path(response, 16000) == 500
    assert edt(10 ** (-3 * np.arange(16000) / 16000 / 0.4), 16000) == pytest.approx(0.4, rel=0.01)
    assert np.isnan(edt(np.eye(1, 100)[0], 16000))


def test_the_decay_has_no_step_between_images_and_diffuse_tail() -> None:
    response = rir_bank.response(ROOMS[0], 0.9).samples.astype(np.float64)
    power = [np.mean(part**2) for part in np.split(response, 45)]  # 20 ms each
    level = 10 * np.log10(np.array(power[2:40]))
    fit = linregress(np.arange(level.size), level)
    assert np.abs(level - (fit.intercept + fit.slope * np.arange(level.size))).max() < 4.0


def test_output_is_the_convolution_cut_to_length_at_the_input_level() -> None:
    wave = clip(0.7)
    done = run("reverberation(rt60=0.3)", wave)
    facts = done.steps[0].facts
    response = rir_bank.response(ROOMS[facts["room"]], 0.3).samples.astype(np.float64)
    want = convolve(wave.astype(np.float64), response, method="direct")[: wave.size]
    assert done.wave == pytest.approx(want * facts["gain"], abs=1e-5)
    change = active_level(done.wave, 16000) / active_level(wave, 16000)
    assert db(change) == pytest.approx(0, abs=0.01)
    assert done.passed


def test_the_room_is_the_same_at_every_reverberation_time() -> None:
    found = {}
    for utterance in "abcdefgh":
        drawn = {
            run(f"reverberation(rt60={rt60})", clip(0.5), utterance).steps[0].facts["room"]
            for rt60 in (0.3, 0.6)
        }
        assert len(drawn) == 1
        found[utterance] = drawn.pop()
    assert len(set(found.values())) > 2


@pytest.mark.parametrize("rt60", [0.2, 0.9])
def test_no_lag_on_white_noise(rt60: float) -> None:
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, 16000).astype(np.float32)
    assert lag(wave, run(f"reverberation(rt60={rt60})", wave).wave) == 0


def test_a_cached_response_is_used_and_a_damaged_one_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path))
    rir_bank.response.cache_clear()
    first = rir_bank.response(ROOMS[2], 0.25)
    (path,) = (tmp_path / "rirs").iterdir()
    assert path.stem == first.key
    made = []
    make = rir_bank._make
    monkeypatch.setattr(rir_bank, "_make", lambda *a: made.append(a) or make(*a))
    rir_bank.response.cache_clear()
    assert np.array_equal(rir_bank.response(ROOMS[2], 0.25).samples, first.samples)
    assert made == []
    path.write_bytes(path.read_bytes()[:-4000])
    rir_bank.response.cache_clear()
    assert np.array_equal(rir_bank.response(ROOMS[2], 0.25).samples, first.samples)
    assert made == [(ROOMS[2], 0.25, False)]
    assert len(list((tmp_path / "rirs").iterdir())) == 1
    rir_bank.response.cache_clear()


def test_a_response_that_cannot_be_cached_is_still_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "file"))
    rir_bank.response.cache_clear()
    with pytest.warns(UserWarning, match="room responses cannot be kept in") as warned:
        kept = rir_bank.response(ROOMS[2], 0.25)
        rir_bank.response(ROOMS[3], 0.25)
    assert len({str(warning.message) for warning in warned}) == 1  # the filter shows it once
    assert kept.t20 == pytest.approx(0.25, abs=0.03)
    rir_bank.response.cache_clear()


def test_the_key_names_the_library_that_makes_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rir_bank.key(ROOMS[0], 0.3, False)
    assert rir_bank.key(ROOMS[0], 0.3, True) != before != rir_bank.key(ROOMS[0].at(1.0), 0.3, False)
    monkeypatch.setattr(rir_bank, "version", lambda _name: "0.0")
    assert rir_bank.key(ROOMS[0], 0.3, False) != before


def test_silence_stays_silent() -> None:
    done = run("reverberation", np.zeros(8000, dtype=np.float32))
    assert not done.wave.any()
    assert done.steps[0].facts["gain"] == 1.0
    assert done.passed is True  # the response was measured; the wave could not be


@pytest.mark.parametrize("rt60", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "room", [*TRAINING["drawn"][::3], *(EVALUATION[name][1] for name in ("small", "large"))]
)
def test_rooms_of_every_size_and_for_training_have_the_requested_time_too(
    room, rt60: float
) -> None:
    response = rir_bank.response(room, rt60)
    assert decay_time(response.samples) == pytest.approx(rt60, abs=max(0.1 * rt60, 0.03))
    assert direct_path(response.samples, 16000) == 0


def test_training_rooms_are_none_of_the_evaluated_ones() -> None:
    tested = {room for rooms_ in EVALUATION.values() for room in rooms_}
    trained = {room for rooms_ in TRAINING.values() for room in rooms_}
    assert len(tested) == len(trained) == 21
    assert not {room.size for room in tested} & {room.size for room in trained}
    attack = parse("reverberation(rt60=0.3)").steps[0]
    keys = set()
    for seed in range(8):
        _, facts = attack.for_training()(clip(0.2), 16000, np.random.default_rng(seed))
        keys.add(facts["rir"])
    evaluated = {rir_bank.key(room, 0.3, False) for room in ROOMS}
    assert len(keys) > 2 and not keys & evaluated


@pytest.mark.parametrize("distance", [0.1, 0.5, 1.7, 4.0])
def test_a_room_has_its_talker_at_the_requested_distance(distance: float) -> None:
    for room in (*ROOMS, *EVALUATION["large"]):
        moved = room.at(distance)
        between = np.subtract(moved.source, moved.microphone)
        assert np.linalg.norm(between) == pytest.approx(distance)
        for point in (moved.source, moved.microphone):
            assert (np.array(point[:2]) > CLEARANCE_M - 1e-9).all()
            assert (np.array(point[:2]) < np.array(room.size[:2]) - CLEARANCE_M + 1e-9).all()
            assert 0.5 < point[2] < room.size[2] - 0.5
        (x, y, _), (a, b, _) = np.subtract(room.source, room.microphone), between
        assert x * b == pytest.approx(y * a, abs=1e-9)  # on the same line


def test_the_farther_the_talker_the_more_reverberant() -> None:
    shares = []
    for distance in (0.3, 1.0, 2.5):
        power = rir_bank.response(ROOMS[4].at(distance), 0.6).samples.astype(np.float64) ** 2
        shares.append(10 * np.log10(power[:40].sum() / power[40:].sum()))  # 2.5 ms
    assert shares[0] > shares[1] + 6 and shares[1] > shares[2] + 4
    texts = [f"reverberation(rt60=0.6, distance={metres})" for metres in (0.5, 2)]
    facts = [run(text, clip(0.5)).steps[0].facts for text in texts]
    assert facts[0]["room"] == facts[1]["room"]
    assert (facts[0]["distance"], facts[1]["distance"]) == (0.5, 2.0)
    assert run(texts[1], clip(0.5)).passed is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reverberation(distance=5)", r"5 m does not fit into a room of 4\.1 x 3\.2 x 2\.4 m"),
        ("reverberation(distance=near)", "must be drawn or metres, not 'near'"),
        ("reverberation(distance=true)", "distance must be a number"),
        ("reverberation(room=hall)", "unknown reverberation room 'hall'"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def test_an_rt60_beyond_what_the_room_allows_is_refused() -> None:
    with pytest.raises(InputError, match=r"12\.3 x 8\.9 x 3\.6 m an RT60 of 0\.1 s .* absorb 99"):
        run("reverberation(rt60=0.1, room=large)")


def test_walls_are_found_where_the_late_decay_nearly_decides() -> None:
    response = rir_bank.response(ROOMS[3], 2.25)
    assert decay_time(response.samples) == pytest.approx(2.25, rel=0.1)


@pytest.mark.parametrize("rt60", [0.3, 0.6])
def test_ray_tracing_gives_the_reverberation_time_too(rt60: float) -> None:
    response = rir_bank.response(ROOMS[1], rt60, True)
    assert decay_time(response.samples) == pytest.approx(rt60, abs=max(0.1 * rt60, 0.03))
    assert direct_path(response.samples, 16000) == 0 and response.samples[0] == 1.0


def test_rays_in_a_room_without_absorption_match_diffuse_field_theory() -> None:
    """A source whose direct sound has energy 1 / r2 gives 4 pi c / V per second everywhere."""
    for room in (ROOMS[5], EVALUATION["large"][2]):
        traced = ray_tracing.trace(room, 0.5)
        energy = np.bincount(traced.bins, traced.energy)[20:100]  # 0.1 to 0.5 s
        assert energy.mean() / ray_tracing.BIN_S == pytest.approx(
            4 * np.pi * 343 / room.volume, rel=0.05
        )


def test_another_process_traces_the_same_rays_and_no_global_state_moves() -> None:
    code = (
        "from attacks.reverb import rir_bank; from attacks.reverb.room_geometry import EVALUATION;"
        "import hashlib; made = rir_bank._make(EVALUATION['drawn'][3], 0.2, True);"
        "print(hashlib.sha256(made.tobytes()).hexdigest())"
    )
    here = np.random.get_state()[1].copy()  # noqa: NPY002 - watched
    made = rir_bank._make(ROOMS[3], 0.2, True)
    assert np.array_equal(here, np.random.get_state()[1])  # noqa: NPY002
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert other.stdout.strip() == hashlib.sha256(made.tobytes()).hexdigest()


def direct_to_reverberant(response: np.ndarray) -> float:
    """Return the energy of the first 2.5 ms over that of the rest, in dB."""
    energy = response.astype(np.float64) ** 2
    return float(10 * np.log10(energy[:41].sum() / energy[41:].sum()))


@pytest.mark.parametrize("rt60", [0.3, 0.6, 0.9])
def test_the_published_room_is_that_of_the_study(rt60: float) -> None:
    (room,), (other,) = EVALUATION["published"], TRAINING["published"]
    assert room.size == (10.0, 7.5, 3.5) and room.distance == pytest.approx(4.0, abs=0.01)
    assert other.size != room.size and other.distance == pytest.approx(4.0, abs=0.1)
    response = rir_bank.response(room, rt60).samples
    assert decay_time(response) == pytest.approx(rt60, abs=rir_bank.tolerance(rt60))
    ours = [direct_to_reverberant(rir_bank.response(r, rt60).samples) for r in ROOMS]
    assert 1.5 < np.mean(ours) - direct_to_reverberant(response) < 3.5


def test_the_published_room_changes_no_spelling_of_before() -> None:
    old = parse("reverberation(rt60=0.3)")
    assert str(old) == "reverberation(rt60=0.3, room=drawn, distance=drawn, rays=false)"
    done = run("reverberation(rt60=0.6, room=published)")
    assert done.passed is True and done.steps[0].facts["distance"] == pytest.approx(4.007)


def octave_decay(response: np.ndarray, centre: int) -> float:
    """Return T20 in one octave, from a band cut out of the spectrum: no filter of the product's."""
    spectrum = np.fft.rfft(response.astype(np.float64), 2 * response.size)
    frequency = np.fft.rfftfreq(2 * response.size, 1 / 16000)
    inside = (frequency > centre / np.sqrt(2)) & (frequency < centre * np.sqrt(2))
    return decay_time(np.fft.irfft(spectrum * inside)[: response.size])


@pytest.mark.parametrize("walls", ["hard", "office"])
def test_walls_decay_by_octave_as_their_materials_absorb(walls: str) -> None:
    times = wall_materials.WALLS[walls].times(0.6)
    response = rir_bank.response(ROOMS[0], 0.6, walls=walls)
    measured = [octave_decay(response.samples, c) for c in (250, 500, 1000, 2000, 4000)]
    np.testing.assert_allclose(measured[1:], times[2:6], rtol=0.15)
    assert measured[0] == pytest.approx(times[1], rel=0.3)  # few modes: the filter's edges decide
    assert np.mean(measured[1:3]) == pytest.approx(0.6, rel=0.1)
    grey = rir_bank.response(ROOMS[0], 0.6)
    assert abs(octave_decay(grey.samples, 4000) / times[5] - 1) > 0.25  # it would be refuted
    assert int(np.argmax(np.abs(response.samples))) == 0 and response.samples[0] == 1.0
    assert response.key != grey.key and grey.octaves == ()


def test_the_octaves_of_a_response_sum_to_it() -> None:
    frequencies = np.linspace(0, 8000, 4001)
    shares = wall_materials.split(frequencies)
    assert shares.shape == (7, 4001) and shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-12)
    for band, centre in enumerate(wall_materials.BANDS_HZ):
        assert shares[band, centre // 2] == pytest.approx(1)
    grey = rir_bank.response(ROOMS[0], 0.6).samples
    joined = wall_materials._joined([grey.astype(np.float64)] * 7)
    np.testing.assert_allclose(joined, grey, atol=1e-6)


def test_materials_are_those_of_the_published_table() -> None:
    import pyroomacoustics

    groups = pyroomacoustics.materials_data["absorption"].values()
    known = {name: item["coeffs"] for group in groups for name, item in group.items()}
    for name, absorption in wall_materials.MATERIALS.items():
        coefficients = known[name]
        wanted = [*coefficients, *[coefficients[-1]] * (7 - len(coefficients))]
        assert absorption == pytest.approx(wanted)


def test_walls_claim_every_octave_and_leave_old_spellings_alone() -> None:
    done = run("reverberation(rt60=0.6, room=small, walls=office)")
    assert done.passed is True
    named = {check.quantity: check for check in done.steps[0].checks}
    assert {"T20", "T20 at 250 Hz", "T20 at 4000 Hz"} <= set(named)
    assert named["T20 at 4000 Hz"].claimed == pytest.approx(0.6 * 0.57, abs=0.01)
    spelled = str(parse("reverberation(rt60=0.6, walls=grey)"))
    assert spelled == "reverberation(rt60=0.6, room=drawn, distance=drawn, rays=false)"
    with pytest.raises(InputError, match=r"walls=hard needs an rt60 of 0\.5 s or more"):
        parse("reverberation(rt60=0.3, walls=hard)")
