"""Identity of decoded audio: a digest of its bits, and a sketch that tolerates last-bit changes.

Processors with other vector instructions compute speech synthesis with other rounding, so the same
recipe gives other bits on another machine. A digest says only that; a sketch also says how far
apart two machines are. It holds a few sums of all samples with pseudo-random signs. The squared
differences of the sums of two sketches estimate the energy of the difference of the samples
(AMS sketch: Alon, Matias, Szegedy, "The space complexity of approximating the frequency moments",
STOC 1996; one sum per bucket: Charikar, Chen, Farach-Colton, "Finding frequent items in data
streams", ICALP 2002).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.audio.reader import Wave

ROUNDING_DB = -60.0  # re the signal; machines that follow one recipe differ by less
BUCKETS = 16  # the standard error of an estimated difference is then about 1.5 dB


@dataclass(frozen=True)
class AudioSketch:
    """A summary of the samples of some utterances that can be compared across machines.

    sums   : of every 16th sample, each with a sign that depends on utterance id and place
    energy : sum of the squared samples
    """

    sums: tuple[float, ...]
    energy: float

    def difference_db(self, other: AudioSketch) -> float:
        """Estimate the level of the difference of the samples, in dB relative to the signal.

        Both sketches must be of the same utterances. Equal samples give -inf.
        """
        apart = float(np.square(np.subtract(self.sums, other.sums)).sum())
        signal = max(self.energy, other.energy)
        return 10 * math.log10(apart / signal) if apart > 0 and signal > 0 else -math.inf

    def facts(self) -> dict[str, Any]:
        """Return the sketch as JSON-able data."""
        return asdict(self)


def sketch_of(facts: Mapping[str, Any] | None) -> AudioSketch | None:
    """Return the sketch that `AudioSketch.facts` wrote; None if there is none or it is damaged."""
    try:
        sums = tuple(float(value) for value in (facts or {})["sums"])
        energy = float((facts or {})["energy"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return AudioSketch(sums, energy) if len(sums) == BUCKETS else None


def identify(waves: Iterable[tuple[str, Wave]]) -> tuple[str, AudioSketch]:
    """Return digest and sketch of (utterance_id, float32 (T,)) pairs in the given order.

    The digest is the SHA-256 (hex) over ids and samples.
    """
    digest = hashlib.sha256()
    sums = np.zeros(BUCKETS)
    energy = 0.0
    for uid, wave in waves:
        samples = np.ascontiguousarray(wave, dtype="<f4")
        digest.update(uid.encode() + b"\0")
        digest.update(samples.tobytes())
        signed = np.zeros(-(-samples.size // BUCKETS) * BUCKETS)
        np.multiply(samples, _signs(uid, samples.size), out=signed[: samples.size])
        sums += signed.reshape(-1, BUCKETS).sum(axis=0)
        energy += float(np.square(samples, dtype=np.float64).sum())
    return digest.hexdigest(), AudioSketch(tuple(sums.tolist()), energy)


def _signs(uid: str, size: int) -> npt.NDArray[np.int8]:
    """Return the signs (size,) of an utterance's samples; they depend on its id alone."""
    seed = int.from_bytes(hashlib.blake2b(uid.encode(), digest_size=16).digest(), "big")
    drawn = np.random.Generator(np.random.PCG64(seed)).bytes(-(-size // 8))
    bits = np.unpackbits(np.frombuffer(drawn, np.uint8))[:size]
    return bits.astype(np.int8) * 2 - 1
