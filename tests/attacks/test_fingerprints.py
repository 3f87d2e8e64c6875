"""An attack whose samples change must raise its version.

`python -m tests.attacks.test_fingerprints` writes the fingerprints of new attacks and of raised
versions into tests/data/golden/attack_fingerprints.json. It refuses to change the fingerprint of a
known version.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from attacks.chains.realities import Reality
from attacks.contract.base import Attack, Wave, registry
from attacks.contract.condition import parse
from attacks.contract.launder import launder
from noises.bank import BUILD_VERSION
from tests.support.attack_support import available
from tests.support.places import GOLDEN

pytest_plugins = ("tests.support.attack_fixtures",)

FILE = GOLDEN / "attack_fingerprints.json"
TOLERANCE = 1e-3
# Noise suppression, gain control and Opus in a row amplify rounding: 1.4e-3 between two processors.
LOOSER = {"smart_speaker(strength=2)": 2e-3}
SPELLINGS = (
    "aac(kbps=24)",
    "agc(gain=12)",
    "amr_nb(kbps=5.9)",
    "audiomentations",
    "bandpass(low=300, high=3400)",
    "clipping(depth=12)",
    "clipping(depth=12, kind=soft)",
    "compression(ratio=4)",
    "dc_offset(offset=0.05)",
    "denoise(stationary=true)",
    "denoise(strength=1)",
    "dropout(rate=4)",
    "echo(delay=50)",
    "eq(gain=12)",
    "ffmpeg(codec=pcm_mulaw, kbps=0, rate=8000)",
    "filter",
    "filter(graph=loudnorm)",
    "g711(law=mu)",
    "g711(law=a, loss=0.1)",
    "g722",
    "g723_1",
    "g726(kbps=24)",
    "gsm",
    "highpass(cutoff=300)",
    "loudspeaker(distortion=5)",
    "lowpass(cutoff=4000)",
    "media(strength=4)",
    "microphone(kind=any, depth=10)",
    "microphone(kind=laptop, depth=20)",
    "mp3(kbps=32)",
    "msbc(loss=0.1)",
    "network(strength=4)",
    "noise(kind=babble, snr=5)",
    "noise(kind=babble, snr=5, reference=whole)",
    "noise(kind=cafe, snr=5)",
    "noise(kind=street, snr=5)",
    "noise(kind=volvo, snr=5)",
    "noise(kind=pink, snr=5)",
    "noise(kind=white, snr=5)",
    "notch(centre=1000)",
    "opus(kbps=24)",
    "opus(kbps=12, passes=2, loss=0.1)",
    "opus(kbps=12, band=narrow)",
    "packet_loss(loss=0.2)",
    "packet_loss(loss=0.2, concealment=zero)",
    "packet_loss(loss=0.2, concealment=g711_appendix1)",
    "pad_silence(fill=floor)",
    "peaking(gain=12)",
    "phone_call(strength=4)",
    "physical(strength=2)",
    "pitch_shift(semitones=4)",
    "quantise(bits=5)",
    "replay(rt60=0.3)",
    "ready(audio=anything)",
    "resample(rate=8000)",
    "resample(rate=8000, quality=polyphase)",
    "resample(rate=8000, quality=linear)",
    "resample(rate=11025, returned=false)",
    "reverberation(rt60=0.3)",
    "reverberation(rt60=0.3, room=large, distance=2)",
    "reverberation(rt60=0.6, room=published)",
    "reverberation(rt60=0.6, room=small, walls=office)",
    "reverberation(rt60=0.3, room=small, rays=true)",
    "reverberation(rt60=0.9)",
    "sbc(bitpool=5)",
    "smart_speaker(strength=2)",
    "smoothing(width=6)",
    "social_media_upload(strength=4)",
    "rir(path=simulated)",
    "speed(factor=1.25)",
    "stochastic(pool=media, least=2, most=4)",
    "stochastic(pool=network, least=5, most=5)",
    "telephone",
    "time_shift(shift=50, fill=roll)",
    "time_stretch(factor=1.25)",
    "trim_silence(threshold=20)",
    "voice_note(strength=4)",
    "vorbis(quality=1)",
)


def signal() -> Wave:
    """Return 1.5 s of coloured noise in bursts, from uniform numbers, which numpy never changes."""
    noise = np.random.default_rng(2026).random(24000) - 0.5
    coloured = np.convolve(noise, 0.9 ** np.arange(40), mode="same") + 0.3 * noise
    swell = np.abs(np.sin(np.arange(24000) * 2 * np.pi * 1.5 / 16000)) ** 3
    return (0.08 * coloured * swell).astype(np.float32)


def version(text: str) -> str:
    """Return the versions of which at least one must change when the samples change."""
    noisy = "noise(" in text or "network" in text or parse(text).family == "pipeline"
    bank = f" bank {BUILD_VERSION}" if noisy else ""
    return " | ".join(_versions(step) for step in parse(text).steps) + bank


def _versions(step: Attack) -> str:
    """Return the attack's version and, where its steps are fixed, the versions of its parts."""
    fixed = step.name == "replay" or step.family == "pipeline"
    parts = sorted(step.resources().items()) if fixed else []
    own = [f"{key} {value}" for key, value in parts if key.startswith("version/")]
    return ", ".join([f"{step.name} {step.version}", *own])


def fingerprint(text: str) -> list[float]:
    """Return RMS, levels of four bands and three projections, relative to the output's size."""
    wave = launder(parse(text), signal(), 16000, "fingerprint", 0).wave.astype(np.float64)
    norm = float(np.linalg.norm(wave))
    bins = np.abs(np.fft.rfft(wave)) ** 2
    bands = [float(np.sqrt(part.sum() / bins.sum())) for part in np.array_split(bins, 4)]
    shapes = np.random.default_rng(7).random((3, wave.size)) - 0.5
    shapes = np.cumsum(shapes, axis=1)  # low frequencies, where the energy is
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    values = [norm / wave.size**0.5, *bands, *(float(v) / norm for v in shapes @ wave)]
    return [round(value, 6) for value in values]


def same(old: list[float], new: list[float], tolerance: float = TOLERANCE) -> bool:
    return len(old) == len(new) and bool(np.allclose(old, new, rtol=0, atol=tolerance))


def known() -> dict[str, dict[str, object]]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("text", SPELLINGS)
def test_samples_change_with_the_version_only(text: str) -> None:
    entry = known().get(text)
    advice = "run: python -m tests.attacks.test_fingerprints"
    assert entry is not None, f"no fingerprint of {text}; {advice}"
    assert entry["version"] == version(text), f"{text} has a new version; {advice}"
    tolerance = LOOSER.get(text, TOLERANCE)
    assert same(entry["fingerprint"], fingerprint(text), tolerance), (  # type: ignore[arg-type]
        f"the samples of {text} changed but its version did not: raise it, then {advice}"
    )


def test_every_attack_has_a_fingerprint() -> None:
    covered = {step.name for text in SPELLINGS for step in parse(text).steps}
    fixed = {name for name in available() if issubclass(registry.get(name), Reality)}
    assert covered == set(available()) - fixed  # whose steps have fingerprints of their own
    assert set(known()) == set(SPELLINGS)


@pytest.mark.usefixtures("world")
def test_a_change_of_the_samples_is_seen() -> None:
    assert not same(fingerprint("lowpass(cutoff=4000)"), fingerprint("lowpass(cutoff=4100)"))
    assert not same(fingerprint("mp3(kbps=32)"), fingerprint("mp3(kbps=24)"))
    assert not same(fingerprint("noise(snr=5)"), fingerprint("noise(snr=5.1)"))
    for text, tolerance in LOOSER.items():
        milder = text.replace("strength=2", "strength=1")
        assert milder != text and not same(fingerprint(text), fingerprint(milder), tolerance)


@pytest.mark.usefixtures("world")
def test_recording_says_how_many_fingerprints_are_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(update.__globals__, "FILE", tmp_path / "fingerprints.json")
    monkeypatch.setitem(update.__globals__, "SPELLINGS", ("lowpass(cutoff=4000)", "dc_offset"))
    update()
    update()
    assert capsys.readouterr().out == (
        "fingerprints.json: 2 fingerprints recorded, 0 kept\n"
        "fingerprints.json: 0 fingerprints recorded, 2 kept\n"
    )


def update() -> None:
    """Record the fingerprints of new spellings and of raised versions; keep the others."""
    old, new = known(), {}
    kept = 0
    for text in SPELLINGS:
        entry = {"version": version(text), "fingerprint": fingerprint(text)}
        previous = old.get(text, {})
        if previous.get("version") == entry["version"]:
            tolerance = LOOSER.get(text, TOLERANCE)
            if not same(previous["fingerprint"], entry["fingerprint"], tolerance):  # type: ignore[arg-type]
                sys.exit(f"the samples of {text} changed: raise its version first")
            entry = previous
            kept += 1
        new[text] = entry
    FILE.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {len(new) - kept} fingerprints recorded, {kept} kept")


if __name__ == "__main__":
    import noises
    from tests.support.attack_fixtures import BANK_SECONDS
    from tests.support.attack_support import room_tone, talkers

    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAUNDERBENCH_NOISES"] = os.environ["LAUNDERBENCH_CACHE"] = folder
        noises.build(Path(folder), babble=talkers(), cafe=room_tone(), seconds=BANK_SECONDS)
        update()
