"""Synthetic noises: models of a street and a car (volvo), and generated white and pink noise.

No free recordings of a street or a car were found, so street and volvo are models, labelled
synthetic everywhere. Each is a sum of white noise shaped to a power spectrum in the frequency
domain, and of tones with a wandering frequency. A fixed seed makes them the same on every machine.
white and pink are generated for every utterance.
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
PINK_LEAST = 16000  # samples generated for a shorter piece: a single sample has no spectrum


def white(size: int, rng: np.random.Generator) -> Wave:
    """Return Gaussian white noise, float32 (size,)."""
    return rng.standard_normal(size, dtype=np.float32)


def pink(size: int, rng: np.random.Generator) -> Wave:
    """Return Gaussian noise of equal power in every octave, float32 (size,).

    The power density falls by 3 dB per octave from 20 Hz on. Below it is flat, because noise there
    is inaudible but would count in the level.
    """

    def power(f: Samples) -> Samples:
        return 1 / np.maximum(f, PINK_FROM_HZ)

    return _shaped(max(size, PINK_LEAST), power, rng)[:size].astype(np.float32)


GENERATED: Mapping[str, Callable[[int, np.random.Generator], Wave]] = {
    "white": white,
    "pink": pink,
}


def volvo(seconds: float, seed: int = VOLVO_SEED) -> Samples:
    """Return the interior of a car at a steady motorway speed: float64 (T,) at 16 kHz, unit RMS.

    Rumble of road and body: the power rises by 12 dB per octave to 22 Hz, is flat to 45 Hz, then
    falls by 12 dB per octave, and by 24 from 180 Hz on. A floor of wind and air is 50 dB below the
    flat part and falls by 6 dB per octave from 500 Hz on. The level varies by about 2 dB over
    seconds. Engine: four cylinders in four strokes, at 1,900 to 2,500 rpm that wander over tens of
    seconds; half orders 0.5 to 8 of the shaft, of which the firing orders 2, 4, 6 and 8 are
    strongest; the orders together are 6 dB below the rumble.
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
    """Return the kerb of a town street: float64 (T,) at 16 kHz, unit RMS.

    Bed of distant traffic: the power rises by 12 dB per octave to 60 Hz, falls by 3 dB per octave
    to 1 kHz and by 9 above. Vehicles arrive as a Poisson process, one in 7 s, at 7 to 17 m/s on
    lanes 4 to 12 m away, and are closest to the listener at their arrival. Pressure goes with 1 /
    distance, so each vehicle swells and fades over some seconds. Each has tyre noise (a band around
    900 Hz, 1.8 octaves wide at half power) and an engine hum of harmonics of 35 to 75 Hz, with the
    Doppler shift of its passing. Vehicles pass about 6 dB above the bed on average.
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
    """Return Gaussian noise (size,) with the power spectrum `power(Hz)`, at any level."""
    length = next_fast_len(size, real=True)
    bins = np.asarray(rfft(rng.standard_normal(length)))
    bins *= np.sqrt(power(np.arange(bins.size, dtype=np.float64) * (SAMPLE_RATE / length)))
    bins[0] = 0.0
    return np.asarray(irfft(bins, length), dtype=np.float64)[:size]


def _wander(size: int, seconds: float, rng: np.random.Generator) -> Samples:
    """Return a slow random walk (size,) of zero mean and unit spread, changing over `seconds`."""
    knots = int(size / (seconds * SAMPLE_RATE)) + 4
    values = np.convolve(rng.standard_normal(knots + 2), [0.41, 0.82, 0.41], mode="valid")
    at = np.arange(size) / (seconds * SAMPLE_RATE)
    left = at.astype(np.int64)
    share = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    return values[left] * (1 - share) + values[left + 1] * share


def _unit(samples: Samples) -> Samples:
    return samples / np.sqrt(np.mean(samples**2))
