"""Scoring of waves with several detectors; each distinct input is computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from benchmark.core import whereabouts
from benchmark.core.errors import InputError
from benchmark.core.foreign import ForeignError, fence
from benchmark.core.log import logger
from benchmark.core.stage_timer import OFF, StageTimer
from benchmark.inference import networks, precision
from benchmark.inference.batching import BATCH, Batch, Inputs, Wave
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.device_errors import DeviceLost, sticky
from detectors.contract.base import Arrays, TensorDetector, WaveDetector, registry

ALL_CUDA = "cuda:all"
SCORING = "scoring with"  # step of the whereabouts of a process
TOLERANCE = 1e-4  # allowed difference between an utterance's scores in different batches
RELATIVE = 1e-5  # added to it, times the score: float32 is no more precise for large scores

Scores = npt.NDArray[np.float32]


def resolve_device(name: str) -> torch.device:
    """Return the device; `auto` is CUDA if available, else the CPU. `InputError` if absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (
        not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()
    ):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise InputError(
            f"device {name!r} is not available: this machine has {count} CUDA devices; use auto"
        )
    return device


def resolve_devices(names: str) -> tuple[torch.device, ...]:
    """Return the devices of a run: one, or CUDA devices joined by `,`, or all with `cuda:all`.

    Raises `InputError` for a device that is absent or named twice, and for a CPU beside others.
    """
    if names == ALL_CUDA:
        resolve_device("cuda")
        return tuple(torch.device("cuda", index) for index in range(torch.cuda.device_count()))
    devices = tuple(resolve_device(name.strip()) for name in names.split(","))
    if len(devices) > 1 and any(device.type == "cpu" or device.index is None for device in devices):
        raise InputError(f"--device {names}: join CUDA devices by their numbers: cuda:0,cuda:1")
    if len({*devices}) < len(devices):
        raise InputError(f"--device {names} names a device twice")
    return devices


Piece = tuple[list[int], torch.Tensor]  # indices of waves, and their scores


@dataclass(frozen=True)
class _Loaded:
    checkpoint: Checkpoint
    item: TensorDetector | WaveDetector
    network: torch.nn.Module | None
    state: Arrays


class Scorer:
    """Detectors loaded on one device.

    Each batch has `BATCH` utterances; the last one is filled up by repeating its final utterance,
    so that all batches have the same shape in every run. Without `fill` batches are not filled up,
    for applications that need a few scores quickly. Inputs that keep the waves' own length are
    batched by length, within the same `BATCH` utterances. If a batch does not fit in the device's
    memory, it is scored in halves, and a message on standard error says so once.

    A detector's first batch of two or more is used to check that scores are independent: the first
    and the middle utterance are also scored alone, and all are scored in reverse order. A different
    score is an error of the detector. This check runs in float32, because a coarser precision
    rounds differently in batches of other sizes.

    Scores stay on the device until all batches are queued, so that an accelerator computes while
    the next inputs are prepared. `watch` times the inputs and every detector, each until the device
    has finished.
    """

    def __init__(
        self,
        ready: Sequence[Checkpoint],
        device: torch.device,
        fill: bool = True,
        watch: StageTimer = OFF,
    ) -> None:
        precision.exact()
        self.device = device
        self.fill = fill
        self.watch = watch
        self._tried: set[str] = set()  # detectors whose first batch passed the check
        self._most: dict[str, int] = {}  # detector -> items at once, if memory is too small
        self._loaded = [_load(checkpoint, device) for checkpoint in ready]
        self.names = frozenset(entry.checkpoint.name for entry in self._loaded)

    def __call__(
        self, waves: Sequence[Wave], names: Sequence[str]
    ) -> tuple[dict[str, Scores], dict[str, str]]:
        """Return scores (len(waves),) per detector in `names`, and the cause of each failure.

        `waves` are at 16 kHz. Higher = more bona fide. Scores may be non-finite: the caller must
        refuse them. One detector's error does not affect the scores of the others. Raises
        `KeyError` for a detector that is not loaded.
        """
        if unknown := {*names} - self.names:
            raise KeyError(f"not loaded: {', '.join(sorted(unknown))}")
        pieces: dict[str, list[Piece]] = {name: [] for name in names}
        causes: dict[str, str] = {}
        for start in range(0, len(waves), BATCH):
            inputs = Inputs(
                waves[start : start + BATCH], start, self.device, self.timing, self.fill
            )
            for entry in self._loaded:
                name = entry.checkpoint.name
                if name not in names or name in causes:
                    continue
                whereabouts.mark(SCORING, detector=name)
                try:
                    with self._fence(name):
                        pieces[name] += self._score(entry, inputs)
                except ForeignError as error:
                    causes[name] = str(error)
        scores: dict[str, Scores] = {}
        for name in (name for name in names if name not in causes):
            whereabouts.mark(SCORING, detector=name)
            try:
                with self._fence(name):  # an accelerator reports errors late
                    scores[name] = _gather(pieces[name], len(waves))
            except ForeignError as error:
                causes[name] = str(error)
        return scores, causes

    @contextmanager
    def _fence(self, name: str) -> Iterator[None]:
        """Raise `ForeignError` for what a detector raises, `InputError` if its device is lost."""
        with fence(DeviceLost):
            try:
                yield
            except Exception as error:
                if sticky(error):
                    raise DeviceLost(self.device, name, error) from error
                raise

    def timing(self, stage: str, item: str, count: int) -> AbstractContextManager[None]:
        """Return the watch's context, which also waits until the device has finished."""
        if self.watch is OFF or self.device.type != "cuda":
            return self.watch.timing(stage, item, count)
        return self._finished(stage, item, count)

    @contextmanager
    def _finished(self, stage: str, item: str, count: int) -> Iterator[None]:
        with self.watch.timing(stage, item, count):
            yield
            torch.cuda.synchronize(self.device)

    def _score(self, entry: _Loaded, inputs: Inputs) -> list[Piece]:
        name, count = entry.checkpoint.name, len(inputs.waves)
        if isinstance(entry.item, TensorDetector):
            batches = inputs.batches(entry.item.input)
            with self.timing("forward", name, count):
                pieces = [(batch.rows, self._apply(entry, batch)) for batch in batches]
            self._require_independence(entry, inputs, batches[0], pieces[0][1])
            return pieces
        with self.timing("forward", name, count):
            scores = _score_waves(entry, inputs.waves)
        self._require_independence(entry, inputs, None, torch.from_numpy(scores))
        return [(inputs.rows, torch.from_numpy(scores))]

    def _require_independence(
        self, entry: _Loaded, inputs: Inputs, batch: Batch | None, scores: torch.Tensor
    ) -> None:
        """Raise `ValueError` if the `scores` of a first batch depend on the rest of the batch.

        Two utterances are scored alone, and all in reverse order, which reveals scores that are
        assigned to the wrong utterance. `batch` is that of a tensor detector; otherwise the waves
        are the batch. External programs are not checked: they return each score with its path.
        """
        name, count = entry.checkpoint.name, len(scores)
        by_path = batch is None and entry.item.ready_made
        alone_anyway = self.device.type == "cpu" and getattr(entry.item, "cpu_batch", None) == 1
        if name in self._tried or count < 2 or by_path or alone_anyway:
            return
        rows = [0, count // 2]
        if batch is None:
            alone = [torch.from_numpy(_score_waves(entry, [inputs.waves[row]])) for row in rows]
            flipped = torch.from_numpy(_score_waves(entry, inputs.waves[::-1]))
        else:
            if entry.checkpoint.precision != FLOAT32:
                entry = replace(entry, checkpoint=replace(entry.checkpoint, precision=FLOAT32))
                scores = self._apply(entry, batch)
            alone = [self._in_parts(entry, Batch([0], batch.inputs[[row]]), 1) for row in rows]
            every = [*range(len(batch.inputs))]  # with the fill, so that the shape is the same
            flipped = self._apply(entry, Batch(every, batch.inputs.flip(0)))[-count:]
        _require_equal(torch.cat(alone), scores[rows], "alone", count)
        _require_equal(flipped.flip(0), scores, "in the reverse order", count)
        self._tried.add(name)

    def _apply(self, entry: _Loaded, batch: Batch) -> torch.Tensor:
        """Return the scores of the rows of `batch`, without its fill, on the device."""
        assert isinstance(entry.item, TensorDetector) and entry.network is not None
        name = entry.checkpoint.name
        small = entry.item.cpu_batch if self.device.type == "cpu" else None
        size = min(self._most.get(name, BATCH), small or len(batch.inputs))
        while True:
            try:
                return self._in_parts(entry, batch, size)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            size //= 2
            self._most[name] = size
            logger.warning(
                f"{self.device} is out of memory: {name} continues with {size} utterances at once"
            )
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _in_parts(self, entry: _Loaded, batch: Batch, size: int) -> torch.Tensor:
        assert entry.network is not None
        needed = -(-len(batch.rows) // size)
        scores = []
        with torch.inference_mode(), precision.arithmetic(entry.checkpoint.precision, self.device):
            for part in batch.inputs.split(size)[:needed]:
                out = entry.network(part)
                if out.shape != (len(part),):
                    shape = tuple(out.shape)
                    raise ValueError(f"network returned shape {shape}, not ({len(part)},)")
                scores.append(out.float())
        return torch.cat(scores)[: len(batch.rows)]


def _gather(pieces: list[Piece], count: int) -> Scores:
    """Copy the scores of all waves from the device, in the order of the waves."""
    scores = np.zeros(count, np.float32)
    for rows, values in pieces:
        scores[rows] = values.cpu().numpy()
    return scores


def _score_waves(entry: _Loaded, waves: list[Wave]) -> Scores:
    """Return scores (len(waves),) of a wave detector; `ValueError` if it gives another shape."""
    assert isinstance(entry.item, WaveDetector)
    scores = np.asarray(entry.item.score(waves, entry.state), dtype=np.float32)
    if scores.shape != (len(waves),):
        raise ValueError(f"returned shape {scores.shape} for {len(waves)} utterances")
    return scores


def _require_equal(apart: torch.Tensor, together: torch.Tensor, how: str, count: int) -> None:
    kept = torch.isclose(apart, together, rtol=RELATIVE, atol=TOLERANCE)
    kept |= ~torch.isfinite(together)  # the caller refuses each of these, with its own cause
    if not kept.all():
        worst = int(kept.logical_not().nonzero()[0])
        raise ValueError(
            "an utterance's score depends on the others of its batch"
            f" ({float(apart[worst]):g} {how}, {float(together[worst]):g} among {count})"
        )


def _load(checkpoint: Checkpoint, device: torch.device) -> _Loaded:
    item = registry.get(checkpoint.detector)()
    if isinstance(item, TensorDetector):
        network = loaded_network(checkpoint, item)
        network = network.to(device).to(memory_format=torch.channels_last)
        return _Loaded(checkpoint, item, network, {})
    if isinstance(item, WaveDetector):
        return _Loaded(checkpoint, item, None, checkpoint.arrays())
    raise InputError(f"detector {checkpoint.name!r} is neither a tensor nor a wave detector")


def loaded_network(checkpoint: Checkpoint, item: TensorDetector) -> torch.nn.Module:
    """Return the network of `item` with the checkpoint's weights, on the CPU, in eval mode.

    Raises `InputError` if the weights do not fit the network.
    """
    if item.ready_made:
        return networks.network(item, checkpoint.facts).eval()
    network = networks.blank(item, checkpoint.facts)
    networks.load(network, checkpoint)
    return network.eval()
