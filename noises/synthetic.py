"""Two noises for which no free recording was found, and two that nobody records.

volvo and street are models, labelled synthetic everywhere: sums of a random part, white noise
given a power spectrum in the frequency domain, and of tones whose frequency wanders. A fixed seed
makes them the same on every machine. white and pink are generated for each utterance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from benchmark.audio.reader import SAMPLE_RATE, Wave

Samples = npt.NDArray[np.float64]
SOUND_SPEED = 343.0  # m/s
STREET_SEED, VOLVO_SEED = 20260101, 20260102
PINK_FROM_HZ = 20.0
PINK_LEAST = 16000  # samples made for a shorter piece: one sample alone has no spectrum


def white(size: int, rng: np.random.Generator) -> Wave:
    """Gaussian white noise, float32 (size,)."""
    return rng.standard_normal(size, dtype=np.float32)


def pink(size: int, rng: np.random.Generator) -> Wave:
    """Gaussian noise of equal power in every octave, float32 (size,).

    The power density falls with 3 dB per octave from 20 Hz on and is flat below, where an ear
    hears nothing but a level would be spent.
    """

    def power(f: Samples) -> Samples:
        return 1 / np.maximum(f, PINK_FROM_HZ)

    return _shaped(max(size, PINK_LEAST), power, rng)[:size].astype(np.float32)


GENERATED: Mapping[str, Callable[[int, np.random.Generator], Wave]] = {
    "white": white,
    "pink": pink,
}


def volvo(seconds: float, seed: int = VOLVO_SEED) -> Samples:
    """The interior of a car at a steady motorway speed, float64 (T,) at 16 kHz, unit RMS.

    Rumble of road and body: power rising with 12 dB per octave to 22 Hz, flat to 45 Hz, then
    falling with 12 dB per octave, from 180 Hz on with 24, over a floor of wind and air 50 dB
    below the flat part that falls with 6 dB per octave from 500 Hz. The level breathes by about
    2 dB over seconds. Engine: four cylinders in four strokes, 1,900 to 2,500 rpm wandering over
    tens of seconds; half orders 0.5 to 8 of the shaft, the firing orders 2, 4, 6 and 8 strongest;
    the orders together 6 dB below the rumble.
    """
    rng = np.random.default_rng(seed)
    size = round(seconds * SAMPLE_RATE)

    def power(f: Samples) -> Samples:
        audible = (f / 22) ** 4 / (1 + (f / 22) ** 4)
        rumble = audible / (1 + (f / 45) ** 4) / (1 + (f / 180) ** 4)
        wind = 10**-5.0 / (1 + (f / 500) ** 2)
        return rumble + wind

    rumble = _unit(_shaped(size, power, rng)) * 10 ** (_wander(size, 3.0, rng) * 2 / 20)
    shaft = (2200 + 150 * np.clip(_wander(size, 15.0, rng), -2, 2)) / 60  # turns per second
    turns = np.cumsum(shaft) / SAMPLE_RATE
    engine = np.zeros(size)
    for half in range(1, 17):
        order = half / 2
        strength = {2.0: 1.0, 4.0: 0.5, 6.0: 0.25, 8.0: 0.12}.get(order, 0.12 / (1 + order / 2))
        swell = 10 ** (_wander(size, 4.0, rng) * 2 / 20)
        engine += strength * swell * np.sin(2 * np.pi * (order * turns + rng.random()))
    return _unit(rumble + 10 ** (-6 / 20) * _unit(engine))


def street(seconds: float, seed: int = STREET_SEED) -> Samples:
    """The kerb of a town street, float64 (T,) at 16 kHz, unit RMS.

    Bed of distant traffic: power rising with 12 dB per octave to 60 Hz, falling with 3 dB per
    octave to 1 kHz and with 9 above. Vehicles arrive as a Poisson process, one in 7 s, at
    7 to 17 m/s on lanes 4 to 12 m away, closest to the listener at their arrival: pressure goes
    with 1 / distance, so that each swells and fades over some seconds. Each brings tyre noise
    (a band around 900 Hz, 1.8 octaves wide at half power) and an engine hum of
    harmonics of 35 to 75 Hz with the Doppler shift of its passing. Vehicles pass about 6 dB above
    the bed on average.
    """
    rng = np.random.default_rng(seed)
    size = round(seconds * SAMPLE_RATE)

    def bed(f: Samples) -> Samples:
        low = np.maximum(f, 1.0)
        return (low / 60) ** 4 / (1 + (low / 60) ** 5) / (1 + (low / 1000) ** 2)

    def tyre(f: Samples) -> Samples:
        octaves = np.log2(np.maximum(f, 1.0) / 900)
        return np.exp(-0.5 * (octaves / 0.75) ** 2) + 0.02 / (1 + (f / 3000) ** 4)

    power = np.zeros(size)
    hum = np.zeros(size)
    arrival = -5.0
    while (arrival := arrival + rng.exponential(7.0)) < seconds + 5.0:
        speed, away, fundamental = rng.uniform(7, 17), rng.uniform(4, 12), rng.uniform(35, 75)
        loudness, phases = 10 ** (rng.normal(0, 3) / 20), rng.random(6)
        first = max(0, round((arrival - 12) * SAMPLE_RATE))
        last = min(size, round((arrival + 12) * SAMPLE_RATE))
        time = np.arange(first, last) / SAMPLE_RATE - arrival
        distance = np.hypot(away, speed * time)
        near = loudness * 6 / distance
        near *= np.minimum(1.0, 6 * (1 - np.abs(time) / 12.0))  # fades in and out of the bed
        power[first:last] += near**2
        approach = -(speed**2) * time / distance  # m/s towards the listener
        turns = np.cumsum(fundamental / (1 - approach / SOUND_SPEED)) / SAMPLE_RATE
        for k, phase in enumerate(phases, start=1):
            hum[first:last] += near / k * np.sin(2 * np.pi * (k * turns + phase))
    tyres = _unit(_shaped(size, tyre, rng)) * np.sqrt(power)
    vehicles = tyres + 0.5 * hum
    return _unit(_unit(_shaped(size, bed, rng)) + 2.0 * _unit(vehicles))


def _shaped(size: int, power: Callable[[Samples], Samples], rng: np.random.Generator) -> Samples:
    """Gaussian noise (size,) with the power spectrum `power(Hz)`, of any level."""
    length = next_fast_len(size, real=True)
    bins = np.asarray(rfft(rng.standard_normal(length)))
    bins *= np.sqrt(power(np.arange(bins.size, dtype=np.float64) * (SAMPLE_RATE / length)))
    bins[0] = 0.0
    return np.asarray(irfft(bins, length), dtype=np.float64)[:size]


def _wander(size: int, seconds: float, rng: np.random.Generator) -> Samples:
    """A slow random walk (size,), about zero mean and unit spread, changing over `seconds`."""
    knots = int(size / (seconds * SAMPLE_RATE)) + 4
    values = np.convolve(rng.standard_normal(knots + 2), [0.41, 0.82, 0.41], mode="valid")
    at = np.arange(size) / (seconds * SAMPLE_RATE)
    left = at.astype(np.int64)
    share = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    return values[left] * (1 - share) + values[left + 1] * share


def _unit(samples: Samples) -> Samples:
    return samples / np.sqrt(np.mean(samples**2))
