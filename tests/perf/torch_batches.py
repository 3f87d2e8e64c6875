"""Would attacks in batches of torch be faster on a CPU? The linear conditions of `core`, both ways.

    LAUNDERBENCH_CACHE=... python -m tests.perf.torch_batches [ROUNDS]    # needs the noise bank

A prototype: noise, reverberation and FIR filters over 16 utterances of 4 s at once, by torch's FFT
and sums, with one thread. What is drawn per utterance is drawn as ever, and the level of speech is
restored per utterance by the same function. The second ratio leaves draws and levels out of both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from scipy.signal import oaconvolve

from attacks.contract.condition import parse
from attacks.contract.launder import generator
from attacks.filters.linear_phase import BandFilter, kaiser_taps
from attacks.noise.additive_noise import AdditiveNoise
from attacks.reverb.rir_bank import response
from attacks.reverb.room_geometry import DRAWN, EVALUATION
from benchmark.audio.speech_level import active_level, rms
from benchmark.core.parallel import one_thread
from tests.perf.workload import cost
from tests.support import builders

RATE, BATCH, SAMPLES = 16000, 16, 64_000
NOISES = ("babble, snr=20", "babble, snr=10", "babble, snr=0", "cafe, snr=10", "white, snr=20")
TIMES = (0.3, 0.6, 0.9)  # s
FILTERS = ("bandpass(low=300, high=3400)", "lowpass(cutoff=4000)", "lowpass(cutoff=5500)")


def waves() -> list[np.ndarray]:
    """Return new recordings, for which nothing is remembered."""
    made = [builders.voice(seed, SAMPLES / RATE, 100 + 8 * seed) for seed in range(BATCH)]
    for wave in made:
        wave.flags.writeable = False
    return made


def convolved(spectra: torch.Tensor, taps: np.ndarray, size: int) -> torch.Tensor:
    """Return a batch, given as spectra, through one response, cut to its length."""
    wet = torch.fft.irfft(spectra * torch.fft.rfft(torch.from_numpy(taps), size), size)
    return wet[:, :SAMPLES]


def restored(batch: torch.Tensor, levels: list[float]) -> torch.Tensor:
    """Return a batch at the active speech levels that its utterances had."""
    new = [active_level(row, RATE) for row in batch.numpy()]
    return batch * torch.tensor([[a / b] for a, b in zip(levels, new, strict=True)]).float()


def responses() -> list[np.ndarray]:
    """Return a room's responses."""
    return [response(EVALUATION[DRAWN][0], time).samples for time in TIMES]


def filters() -> list[np.ndarray]:
    """Return the taps of the filters."""
    items = [parse(text).steps[0] for text in FILTERS]
    return [kaiser_taps(item.design, RATE) for item in items if isinstance(item, BandFilter)]


def singly(recordings: list[np.ndarray]) -> list[np.ndarray]:
    """Attack each recording as the benchmark does."""
    attacks = [parse(f"noise(kind={kind})").steps[0] for kind in NOISES]
    attacks += [parse(text).steps[0] for text in FILTERS]
    made = []
    for number, wave in enumerate(recordings):
        for attack in attacks:
            found = attack(wave, RATE, generator(attack, 0, f"u{number}", 0))
            made.append(found[0] if isinstance(found, tuple) else found)
        for taps in responses():
            wet = oaconvolve(wave, taps)[:SAMPLES]
            gain = active_level(wave, RATE) / active_level(wet, RATE)
            made.append(wet * np.float32(gain))
    return made


def together(recordings: list[np.ndarray]) -> list[torch.Tensor]:
    """Attack all recordings at once."""
    batch = torch.from_numpy(np.stack(recordings))
    levels = [active_level(wave, RATE) for wave in recordings]
    made = []
    for kind in NOISES:
        attack = parse(f"noise(kind={kind})").steps[0]
        assert isinstance(attack, AdditiveNoise)
        excerpts = [
            attack._excerpt(SAMPLES, RATE, generator(attack, 0, f"u{number}", 0))[0]
            for number in range(BATCH)
        ]
        scale = [
            [level / rms(noise) * 10 ** (-attack.snr / 20)]
            for level, noise in zip(levels, excerpts, strict=True)
        ]
        mix = batch + torch.from_numpy(np.stack(excerpts)) * torch.tensor(scale).float()
        made.append(restored(mix, levels))
    size = SAMPLES + 16_000
    spectra = torch.fft.rfft(batch, size)
    made += [convolved(spectra, taps, size) for taps in filters()]
    return made + [restored(convolved(spectra, taps, size), levels) for taps in responses()]


def plain(recordings: list[np.ndarray], kernels: list[np.ndarray]) -> Callable[[], object]:
    """Return the convolutions alone, one by one."""
    return lambda: [oaconvolve(wave, taps)[:SAMPLES] for wave in recordings for taps in kernels]


def plain_batch(recordings: list[np.ndarray], kernels: list[np.ndarray]) -> Callable[[], object]:
    """Return the convolutions alone, in a batch."""
    batch, size = torch.from_numpy(np.stack(recordings)), SAMPLES + 16_000

    def call() -> list[torch.Tensor]:
        spectra = torch.fft.rfft(batch, size)
        return [convolved(spectra, taps, size) for taps in kernels]

    return call


def main() -> None:
    """Print both ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with one_thread():
        singly(waves()), together(waves())
        pairs = []
        for _ in range(rounds):
            first, second = waves(), waves()
            pairs.append((cost(lambda w=first: singly(w)), cost(lambda w=second: together(w))))
        alone, batched = (min(side) / BATCH * 1000 for side in zip(*pairs, strict=True))
        print(f"11 linear conditions of core: {alone:.1f} ms an utterance one by one,"
              f" {batched:.1f} in batches: {alone / batched:.2f}x")  # fmt: skip
        kernels = [*filters(), *responses()]
        one, many = plain(waves(), kernels), plain_batch(waves(), kernels)
        pairs = [(cost(one), cost(many)) for _ in range(rounds)]
        alone, batched = (min(side) / BATCH * 1000 for side in zip(*pairs, strict=True))
        print(f"their convolutions alone: {alone:.2f} and {batched:.2f} ms: {alone / batched:.2f}x")


if __name__ == "__main__":
    main()
