"""FFmpeg's audio filters, in this process through PyAV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from attacks.codecs.delay import delay_of
from attacks.contract.base import Attack, AttackError, Check, Facts, SampleLimits, Wave, attack
from attacks.contract.base import text as text_field
from attacks.contract.launder import mismatch
from attacks.enhancement.enhancer import FAINT_RMS, SAME_DB
from attacks.enhancement.graph_syntax import Filter, filters_of
from benchmark.audio import libav
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError

PIECE = 1024  # samples of a frame, as FFmpeg's program cuts audio
LEAST = 1600  # samples; some filters give nothing back for less
FAINT_DB = -60.0  # a fainter change is no effect
CHANGE_TOLERANCE_DB = 0.1
CHANGE, ANEW = "change and gain", "filtered anew"


@attack("filter")
@dataclass(frozen=True)
class FilterGraph(Attack):
    """A chain of FFmpeg's audio filters: loudness, dynamics, noise suppression, equalisers.

    graph : the chain in FFmpeg's spelling, `name=key=value:key=value,name2`, at most 16 filters, as
            `loudnorm=I=-16:TP=-1.5`; by default a high-pass, noise suppression and levelling

    The filters run in this process, in the FFmpeg libraries of PyAV. Only those that neither open a
    file nor a network nor move samples in time are taken, and only with options that are numbers or
    words; labels, quotes and escapes are refused. Frames have 1,024 samples. A filter that changes
    the rate (loudnorm) is resampled back by FFmpeg. Peaks beyond full scale are attenuated to it
    before and restored afterwards; silence, of which loudnorm makes no numbers, stays. The delay is
    measured once per chain on broadband noise and removed. A second graph filters the utterance in
    one piece, and must give the same samples. The effect is the energy of the change, a gain
    included.
    """

    graph: str = text_field("highpass=f=80,afftdn,speechnorm=e=4")

    family = "enhance"
    measures = "filtered anew in one piece; energy of the change"
    citation = "ffmpeg"
    residual_floor = -200.0  # a mere gain leaves no residual, and is an effect of filters
    limits = SampleLimits(level=None, alive=None, envelope=None, silence=None, clipping=None)

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        return ""  # the filters that the syntax admits open nothing

    def validate(self) -> None:
        filters_of(self.graph)

    def unavailable(self) -> str | None:
        return _refusal(self.graph)

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        if cause := self.unavailable():
            raise InputError(f"filter is not available: {cause}")
        delay = _delay(self.graph)
        return _filtered(self.graph, wave, delay, PIECE), {"delay": delay}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        again = _filtered(self.graph, before, _delay(self.graph), before.size + LEAST)
        due, found = _change_db(before, again), _change_db(before, after)
        if due is None or found is None or due < FAINT_DB:
            change = Check.unclaimed(CHANGE, "dB", found)
        else:
            change = Check.near(CHANGE, "dB", due, found, CHANGE_TOLERANCE_DB)
        error = mismatch(again, after, FAINT_RMS)
        return [change, Check.at_most(ANEW, "dB", SAME_DB, error, effect=False)]


def _filtered(graph: str, wave: Wave, delay: int, piece: int) -> Wave:
    """Return `wave` filtered in pieces of `piece` samples, without the delay, (T,)."""
    if not wave.any():
        return wave
    peak = max(float(np.abs(wave).max()), 1.0)
    given = np.zeros(max(wave.size, LEAST) + delay, dtype=np.float32)
    given[: wave.size] = wave / np.float32(peak)
    out = _run(graph, given, piece)[delay : delay + wave.size]
    if out.size != wave.size:
        raise AttackError(f"the filters returned {out.size} samples, not {wave.size}")
    return out * np.float32(peak)


def _run(graph: str, wave: Wave, piece: int) -> Wave:
    av = libav.module()
    opened, source, sink = _opened(filters_of(graph))
    try:
        for start in range(0, wave.size, piece):
            samples = np.ascontiguousarray(wave[None, start : start + piece])
            frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            frame.time_base = Fraction(1, SAMPLE_RATE)
            source.push(frame)
        source.push(None)
        return np.concatenate(list(_pulled(av, sink)) or [np.zeros(0, dtype=np.float32)])
    except av.error.FFmpegError as error:
        raise AttackError(f"FFmpeg says: {error.strerror}") from error
    finally:
        del opened  # its ends do not keep it alive, and crash without it


def _pulled(av: Any, sink: Any) -> Any:
    while True:
        try:
            yield sink.pull().to_ndarray().ravel()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _opened(filters: Sequence[Filter]) -> tuple[Any, Any, Any]:
    """Return a new graph of one thread and its ends; raise `InputError` if FFmpeg refuses it."""
    av = libav.module()
    graph = av.filter.Graph()
    if hasattr(graph, "threads"):
        graph.threads = 1
    nodes = [
        graph.add_abuffer(
            sample_rate=SAMPLE_RATE,
            format="flt",
            layout="mono",
            time_base=Fraction(1, SAMPLE_RATE),
        )
    ]
    for one in filters:
        try:
            nodes.append(graph.add(one.name, **one.options))
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"FFmpeg {av.__version__} refuses {one}") from error
    back = {"sample_fmts": "flt", "sample_rates": str(SAMPLE_RATE), "channel_layouts": "mono"}
    nodes += [graph.add("aformat", **back), graph.add("abuffersink")]
    try:
        graph.link_nodes(*nodes).configure()
    except av.error.FFmpegError as error:
        raise InputError(f"FFmpeg refuses {','.join(map(str, filters))}") from error
    return graph, nodes[0], nodes[-1]


@lru_cache(maxsize=64)
def _refusal(graph: str) -> str | None:
    try:
        _opened(filters_of(graph))
    except InputError as error:
        return str(error)
    return None


@lru_cache(maxsize=64)
def _delay(graph: str) -> int:
    """Return the samples by which the output of a chain trails."""

    def trip(wave: Wave) -> Wave:
        reach = np.zeros(SAMPLE_RATE // 4, dtype=np.float32)
        return _run(graph, np.concatenate([wave, reach]), PIECE)

    found = delay_of(trip, SAMPLE_RATE)
    if found is None or found <= -SAMPLE_RATE // 4:
        raise InputError(f"filter: the delay of {graph} cannot be measured")
    return max(found, 0)


def _change_db(before: Wave, after: Wave) -> float | None:
    """Return the energy of the change relative to that of the input, in dB; None for silence."""
    if before.size != after.size or not before.any():
        return None
    exact = before.astype(np.float64)
    rest = after - exact
    energy = float(np.einsum("i,i->", exact, exact))
    return 10 * float(np.log10(max(float(np.einsum("i,i->", rest, rest)) / energy, 1e-20)))
