"""Conformance checks of the detector contract, on a few difficult signals.

`launderbench check NAME` and the tests of a plugin call `check`; an empty list means that the
detector conforms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmark import frontends
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.frontends.specs import Waveform
from detectors.contract.base import Detector, TensorDetector, Wave, WaveDetector

BATCH = 32
ALONE = 5  # voices that are also scored one by one, in addition to silence and the single sample
TOLERANCE = 1e-4  # between the scores of one utterance in different batches
SEED = 7
CPU = torch.device("cpu")


@dataclass(frozen=True)
class DetectorFinding:
    """One violation of the contract: the detector, the rule, and the observation."""

    detector: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.detector}: {self.rule}: {self.message}"


def check(cls: type[Detector]) -> list[DetectorFinding]:
    """Return every violation of the detector contract by `cls`; empty if it conforms.

    Tensor detectors run with untrained weights, wave detectors after a short training, and
    ready-made detectors as they are. The signals are speech-like ones, silence and a single
    sample. The rules are:

    - a version number and a summary;
    - one finite score per utterance;
    - the same score alone, in a batch and in another order, and no state kept between batches;
    - an unchanged input, since other detectors share it;
    - for tensor detectors, an augmentation that is deterministic, keeps batch size, channels and
      dtype, and does not change its input;
    - for wave detectors, equal states from two trainings with one seed.
    """
    name = getattr(cls, "name", cls.__name__)
    item = cls()
    found: Iterator[tuple[str, str]]
    if isinstance(item, TensorDetector):
        found = _tensor_findings(item)
    elif isinstance(item, WaveDetector):
        found = _wave_findings(item)
    else:
        found = iter([("kind", "derives from neither TensorDetector nor WaveDetector")])
    return [DetectorFinding(name, *finding) for finding in (*_declaration_findings(item), *found)]


def signals(count: int, seconds: float = 2.0) -> list[Wave]:
    """Return test signals, float32 (T,) at 16 kHz; every call returns the same ones.

    Synthetic voices without and with added tones alternate; the last two signals are 1 s of
    silence and a single sample.
    """
    waves: list[Wave] = []
    for number in range(count - 2):
        rng = np.random.default_rng(number // 2)
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        pitch = rng.uniform(90, 220) * (1 + 0.05 * np.sin(2 * np.pi * 3 * time))
        turns = np.cumsum(pitch) / SAMPLE_RATE
        voice = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 30))
        voice = 0.03 * (voice + rng.standard_normal(time.size))
        comb = sum(np.sin(2 * np.pi * hertz * time) for hertz in (5600, 6000, 6400))
        waves.append((voice + 0.01 * (number % 2) * comb).astype(np.float32))
    return [*waves, np.zeros(SAMPLE_RATE, np.float32), np.full(1, 0.25, np.float32)]


def _declaration_findings(item: Detector) -> Iterator[tuple[str, str]]:
    if not isinstance(item.version, int) or item.version < 1:
        yield "version", f"must be an integer of 1 or more, not {item.version!r}"
    if not item.summary:
        yield "summary", "is empty: set `summary` to a one-line description"


def _tensor_findings(item: TensorDetector) -> Iterator[tuple[str, str]]:
    waves = signals(BATCH)
    if frontends.keeps_length(item.input):
        waves = [frontends.fixed_length(wave, Waveform(2 * SAMPLE_RATE)) for wave in waves]
    batch = frontends.batch(item.input, waves, CPU)
    torch.manual_seed(SEED)
    network = item.build().eval()
    given = batch.clone()
    with torch.inference_mode():
        scores = network(given)
        if not isinstance(scores, torch.Tensor) or scores.shape != (BATCH,):
            shown = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores)
            yield "shape", f"returns {shown} for a batch of {BATCH}, not ({BATCH},)"
            return
        if not torch.equal(given, batch):
            yield "input", "changes its input, which other detectors share"
        if not torch.isfinite(scores).all():
            yield "finite", f"returns {int((~torch.isfinite(scores)).sum())} non-finite scores"
            return
        rows = [*range(ALONE), BATCH - 2, BATCH - 1]
        alone = torch.cat([network(batch[row : row + 1]) for row in rows])
        yield from _difference("batch", "alone", scores[rows], alone)
        backwards = network(batch.flip(0)).flip(0)
        yield from _difference("order", "in reverse order", scores, backwards)
        if not torch.equal(network(batch[-1:]), alone[-1:]):
            yield "memory", "scores an utterance differently after other utterances: keep no state"
    yield from _augmentation_findings(item, batch)


def _augmentation_findings(item: TensorDetector, batch: torch.Tensor) -> Iterator[tuple[str, str]]:
    pairs = torch.arange(BATCH) // 2
    given = batch.clone()
    augmented = [item.augment(given, pairs, torch.Generator().manual_seed(SEED)) for _ in range(2)]
    if not torch.equal(given, batch):
        yield "augment", "changes its input batch, which every epoch uses: return a new tensor"
    elif augmented[0].shape != augmented[1].shape or not torch.equal(*augmented):
        yield "augment", "two calls with the same generator seed differ"
    elif augmented[0].shape[:2] != batch.shape[:2] or augmented[0].dtype != batch.dtype:
        yield "augment", f"turns a batch {tuple(batch.shape)} into {tuple(augmented[0].shape)}"


def _wave_findings(item: WaveDetector) -> Iterator[tuple[str, str]]:
    waves = signals(BATCH)
    bonafide = np.arange(BATCH) % 2 == 0
    given = [wave.copy() for wave in waves]
    state = {} if item.ready_made else item.fit(given[:-2], bonafide[:-2], SEED)
    again = {} if item.ready_made else item.fit(given[:-2], bonafide[:-2], SEED)
    if sorted(state) != sorted(again) or any(
        not np.array_equal(state[key], again[key]) for key in state
    ):
        yield "determinism", "two trainings with the same seed give different states"
    scores = _scored(item, given, state)
    if isinstance(scores, str):
        yield "shape", scores
        return
    if not all(np.array_equal(one, other) for one, other in zip(given, waves, strict=True)):
        yield "input", "changes its waves, which other detectors share"
    if not torch.isfinite(scores).all():
        yield "finite", f"returns {int((~torch.isfinite(scores)).sum())} non-finite scores"
        return
    alone = [_scored(item, [wave], state) for wave in waves]
    if any(isinstance(one, str) for one in alone):
        yield "shape", next(one for one in alone if isinstance(one, str))
        return
    yield from _difference("batch", "alone", scores, torch.cat(alone))  # type: ignore[arg-type]
    backwards = _scored(item, waves[::-1], state)
    assert isinstance(backwards, torch.Tensor)
    yield from _difference("order", "in reverse order", scores, backwards.flip(0))


def _scored(
    item: WaveDetector, waves: Sequence[Wave], state: dict[str, np.ndarray]
) -> torch.Tensor | str:
    """Return scores (len(waves),), or a message if their shape is wrong."""
    scores = np.asarray(item.score(waves, state))
    if scores.shape != (len(waves),):
        return f"returns shape {scores.shape} for {len(waves)} waves"
    return torch.from_numpy(scores.astype(np.float32))


def _difference(
    rule: str, how: str, scores: torch.Tensor, other: torch.Tensor
) -> Iterator[tuple[str, str]]:
    """Yield a finding if `scores` and `other` of the same utterances differ by > `TOLERANCE`."""
    if scores.shape != other.shape:
        yield rule, f"gives {len(other)} scores for {len(scores)} utterances {how}"
        return
    most = float((scores - other).abs().max())
    if not most <= TOLERANCE:
        yield rule, f"an utterance's score {how} differs by {most:.2g} (allowed: {TOLERANCE:g})"
