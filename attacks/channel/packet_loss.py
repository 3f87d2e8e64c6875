"""Packet loss and dropouts: parts of the utterance that never arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attacks.channel import loss_concealment
from attacks.contract.base import (
    Attack,
    Check,
    Evidence,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    choice,
    number,
)

PACKET_S = 0.02
FADE_S = 0.06  # within which repeated packets fade to silence
REPLICATION = "g711_appendix1"
PERIODIC = 0.999  # least correlation of a gap's first 10 ms with what came a period before

Mask = npt.NDArray[np.bool_]


def gilbert_elliott(uniforms: npt.NDArray[np.floating], loss: float, burst: float) -> Mask:
    """Return which packets are lost, bool (n,), from one uniform number in [0, 1) per packet.

    The model is the two-state Markov chain of Gilbert (1960) and Elliott (1963), with no loss in
    its good state and certain loss in its bad state. It begins in its stationary state. A share
    `loss` is lost in the long run, in bursts of `burst` packets on average. With b = max(burst, 1 /
    (1 - loss)), a loss ends with probability 1/b and begins with probability loss / ((1 - loss) b).
    burst=1 thus makes losses independent: the bound on b excludes chains that avoid bursts.

    Losses nest: for equal numbers and an equal `burst`, the packets lost at one `loss` are among
    those lost at any larger one. A packet is lost where its number is below a threshold that
    depends on the packet before. No threshold of the chain with the larger loss is below the
    other's: at the beginning (loss), after a received packet (grows with loss), or after a lost one
    (grows with b). The threshold after a loss is at least the one after a received packet.
    """
    mean = max(burst, 1 / (1 - loss))
    begins, stays = loss / ((1 - loss) * mean), 1 - 1 / mean
    lost, mask = uniforms.size > 0 and uniforms[0] < loss, []
    for index, uniform in enumerate(uniforms.tolist()):
        if index:
            lost = uniform < (stays if lost else begins)
        mask.append(lost)
    return np.array(mask, dtype=np.bool_)


@attack("packet_loss")
@dataclass(frozen=True)
class PacketLoss(Attack):
    """Packet loss over a network: bursts of lost 20 ms packets (Gilbert-Elliott), concealed.

    loss        : share of packets lost in the long run, 0.001 to 0.6
    burst       : mean number of packets lost in a row, 1 to 20; 1 makes losses independent, with
                  the shortest bursts, 1 / (1 - loss) packets on average
    concealment : repeat (the last received packet again and again, faded out within 60 ms), zero
                  (silence with hard edges) or g711_appendix1 (the last periods of the voice again,
                  as ITU-T G.711 Appendix I does, at the utterance's own sample rate)

    What other decoders do is in `opus(loss=)` and `amr_nb(loss=)`. Replication also fades the last
    3.75 ms before a gap and the first 10 ms after it, and its claim asks that every gap begins with
    the period before it.

    At a given `burst`, the packets lost at a smaller share are among those lost at a larger one.
    Facts: packets, lost (runs of [first packet, packets]) and share (of the packets, lost). A short
    utterance may lose nothing, or only silence; then no effect can be measured.
    """

    loss: float = number(0.1, low=0.001, high=0.6, unit="share")
    burst: float = number(2.0, low=1.0, high=20.0, unit="packets")
    concealment: str = choice("repeat", "repeat", "zero", REPLICATION)

    family = "channel"
    severity = Severity("loss", "share", (0.01, 0.03, 0.05, 0.1, 0.2))
    measures = "packets changed against packets drawn as lost; period repeated, if it is"
    citation = "gilbert1960capacity elliott1963estimates"
    limits = SampleLimits(lag=None, level=(-12.0, 2.0), alive=None, envelope=None, silence=None)

    @property
    def near_identity(self) -> bool:
        """True: an utterance may lose nothing, so the losses are counted instead."""
        return True

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts, Evidence]:
        size = _packet(sample_rate)
        draws = rng.random(-(-wave.size // size))
        lost = gilbert_elliott(draws, self.loss, self.burst)
        out = wave.copy()
        for first, count in _runs(lost):
            gap = out[first * size : (first + count) * size]
            gap[:] = 0.0
            if self.concealment == REPLICATION:
                loss_concealment.conceal(out, first * size, first * size + gap.size, sample_rate)
            if self.concealment == "repeat" and first > 0:
                _repeat(gap, wave[(first - 1) * size : first * size], sample_rate)
        facts: Facts = {"packets": lost.size, "lost": _runs(lost), "share": float(lost.mean())}
        return out, facts, draws

    def examine(
        self, before: Wave, after: Wave, sample_rate: int, facts: Facts, evidence: Evidence
    ) -> list[Check]:
        drawn = _runs(gilbert_elliott(evidence, self.loss, self.burst))
        same = float(drawn == facts["lost"])
        return [Check.near("losses as drawn", "share", 1.0, same, 0.0, effect=False)]

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        size = _packet(sample_rate)
        starts = np.arange(0, before.size, size)
        lost = np.zeros(starts.size, dtype=np.bool_)
        for first, count in facts["lost"]:
            lost[first : first + count] = True
        audible = np.maximum.reduceat(np.abs(before), starts) > 0.0
        differs = before != after
        changed = np.logical_or.reduceat(differs, starts)
        checks = []
        if self.concealment == REPLICATION:
            bursts = [(first * size, count * size) for first, count in facts["lost"]]
            differs[_faded(bursts, before.size, sample_rate)] = False
            found = _periodicity(after, [start for start, _ in bursts], sample_rate)
            checks = [Check.at_least("period repeated", "", PERIODIC, found, effect=False)]
        harmed = np.logical_or.reduceat(differs, starts) & ~lost
        visible = int(np.sum(lost & audible))
        return [
            Check.near(
                "packets lost",
                "packets",
                visible,
                int(np.sum(changed & lost & audible)) if visible else None,
                0,
            ),
            Check.at_most("packets harmed", "packets", 0, int(np.sum(harmed)), effect=False),
            *checks,
        ]


@attack("dropout")
@dataclass(frozen=True)
class Dropout(Attack):
    """Dropouts: short gaps of digital silence, as from a failing connection or buffer.

    rate     : gaps per second, 0.05 to 8; every utterance has at least one
    duration : ms, 5 to 100

    The gaps have hard edges and do not overlap. Their places are drawn per utterance before their
    number is used, so the gaps at a lower rate are among those at a higher one. Facts: starts of
    the gaps and gap, the length of each (both in samples).
    """

    rate: float = number(1.0, low=0.05, high=8.0, unit="1/s")
    duration: float = number(50.0, low=5.0, high=100.0, unit="ms")

    family = "channel"
    severity = Severity("rate", "1/s", (0.25, 0.5, 1.0, 2.0, 4.0))
    measures = "samples silenced against the gaps drawn"
    citation = ""
    limits = SampleLimits(lag=None, level=(-12.0, 2.0), alive=None, envelope=None, silence=None)

    @property
    def near_identity(self) -> bool:
        """True: gaps may fall into silence, so the silenced samples are counted instead."""
        return True

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        size = self._gap(sample_rate)
        offset = int(rng.random() * size)
        slots = rng.permutation(max(1, (wave.size - offset) // size))
        count = self._count(wave.size, sample_rate)
        out = wave.copy()
        starts = sorted(int(offset + slot * size) for slot in slots[:count])
        for start in starts:
            out[start : start + size] = 0.0
        return out, {"starts": starts, "gap": size}

    def _gap(self, sample_rate: int) -> int:
        """Return the length of a gap in samples."""
        return max(1, round(self.duration / 1000 * sample_rate))

    def _count(self, size: int, sample_rate: int) -> int:
        """Return the number of gaps that a wave of `size` samples gets, if they have room."""
        return max(1, round(self.rate * size / sample_rate))

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        gap = np.zeros(before.size, dtype=np.bool_)
        for start in facts["starts"]:
            gap[start : start + facts["gap"]] = True
        size = self._gap(sample_rate)
        slots = max(1, before.size // size)  # one less where the drawn offset leaves no room
        wanted = min(self._count(before.size, sample_rate), slots)
        drawn = len(facts["starts"])
        room = 1.0 if wanted == slots else 0.0
        audible = int(np.count_nonzero(before[gap]))
        silenced = int(np.count_nonzero((before != 0.0) & (after == 0.0))) if audible else None
        rest = int(np.count_nonzero(before[~gap] != after[~gap]))
        return [
            Check.near("samples silenced", "samples", audible, silenced, 0),
            Check.at_most("samples changed", "samples", 0, rest, effect=False),
            Check.near("gaps", "gaps", wanted, drawn, room, effect=False),
            Check.near("length of a gap", "samples", size, facts["gap"], 0, effect=False),
        ]


def _packet(sample_rate: int) -> int:
    return round(PACKET_S * sample_rate)


def _faded(bursts: list[tuple[int, int]], size: int, sample_rate: int) -> Mask:
    """Return which of `size` samples a fade before or after one of the bursts may change."""
    before, after = (
        round(seconds * sample_rate)
        for seconds in (loss_concealment.BEFORE_S, loss_concealment.AFTER_S)
    )
    faded = np.zeros(size, dtype=np.bool_)
    for start, count in bursts:
        faded[max(0, start - before) : start] = True
        faded[start + count : start + count + after] = True
    return faded


def _periodicity(wave: Wave, starts: list[int], sample_rate: int) -> float | None:
    """Return how well gaps begin with what came one period before: the least of all gaps.

    It is the largest correlation over the periods of 5 to 15 ms. None if no gap has sound before.
    """
    frame = round(loss_concealment.FRAME_S * sample_rate)
    found = []
    for start in starts:
        gap = wave[start : start + frame].astype(np.float64)
        energy = float(np.einsum("i,i->", gap, gap))
        if start >= round(loss_concealment.LONGEST_S * sample_rate) and energy > 0.0:
            likeness = loss_concealment.likeness(wave, gap, start, sample_rate)
            found.append(float(likeness.max()) / energy**0.5)
    return min(found, default=None)


def _runs(lost: Mask) -> list[list[int]]:
    """Return the bursts as [first packet, number of packets]."""
    edges = np.flatnonzero(np.diff(lost.astype(np.int8), prepend=0, append=0))
    return [[int(a), int(b - a)] for a, b in zip(edges[0::2], edges[1::2], strict=True)]


def _repeat(gap: Wave, last: Wave, sample_rate: int) -> None:
    """Fill `gap` with repetitions of `last`, faded linearly to silence."""
    fade = 1 - np.arange(1, gap.size + 1) / round(FADE_S * sample_rate)
    gap += np.resize(last, gap.size) * np.maximum(fade, 0.0).astype(np.float32)
