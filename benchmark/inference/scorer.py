"""Score a list of waves with several detectors, making each distinct input once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from benchmark.core.errors import InputError
from benchmark.core.stage_timer import OFF, StageTimer
from benchmark.inference import networks
from benchmark.inference.batching import BATCH, Batch, Inputs, Wave
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.precision import arithmetic
from detectors.contract.base import Arrays, TensorDetector, WaveDetector, registry

TOLERANCE = 1e-4  # between an utterance's scores in different company
RELATIVE = 1e-5  # added to it for large scores, of which float32 holds no more

Scores = npt.NDArray[np.float32]


def resolve_device(asked: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; an absent device is an `InputError`."""
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise InputError(f"unknown device {asked!r}; want auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"unknown device {asked!r}; want auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (
        not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()
    ):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise InputError(
            f"device {asked!r} was asked for, but this machine has {count} CUDA devices"
        )
    return device


Piece = tuple[list[int], torch.Tensor]  # which waves, and their scores


@dataclass(frozen=True)
class _Loaded:
    checkpoint: Checkpoint
    item: TensorDetector | WaveDetector
    network: torch.nn.Module | None
    state: Arrays


class Scorer:
    """Detectors loaded on one device.

    Batches hold `BATCH` utterances each, the last one filled up by repeating its final utterance,
    so that every batch has one shape whatever the plan; not so without `fill`, where a few
    utterances are wanted soon. Inputs that keep the waves' own length are batched by length,
    within the same `BATCH` utterances. A batch for which the device's memory is too small is
    scored in halves, and that is said once.

    A detector's first batch of two or more shows whether it keeps the utterances apart: its first
    and its middle one are scored alone too, and all in the reverse order; another score is an
    error of the detector. That is asked in float32, for a coarser precision rounds differently in
    batches of another size.

    Scores stay on the device until all batches are under way, so that an accelerator computes
    while the next inputs are made. `watch` times the inputs and every detector, each until the
    device has done it.
    """

    def __init__(
        self,
        ready: Sequence[Checkpoint],
        device: torch.device,
        fill: bool = True,
        watch: StageTimer = OFF,
    ) -> None:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        self.device = device
        self.fill = fill
        self.watch = watch
        self._tried: set[str] = set()  # detectors whose first batch was as it should be
        self._most: dict[str, int] = {}  # detector -> items at once, where memory is too small
        self._loaded = [_load(checkpoint, device) for checkpoint in ready]

    def __call__(
        self, waves: Sequence[Wave], names: Sequence[str]
    ) -> tuple[dict[str, Scores], dict[str, str]]:
        """Scores (len(waves),) per detector in `names`, and the cause for each that raised.

        Higher = more bona fide. Scores may be non-finite: the caller refuses them. One
        detector's error costs no other detector its scores.
        """
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
                try:
                    pieces[name] += self._score(entry, inputs)
                except Exception as error:  # noqa: BLE001 - a plugin may raise anything; recorded
                    causes[name] = repr(error)
        scores: dict[str, Scores] = {}
        for name in (name for name in names if name not in causes):
            try:
                scores[name] = _gathered(pieces[name], len(waves))
            except Exception as error:  # noqa: BLE001 - what an accelerator tells late
                causes[name] = repr(error)
        return scores, causes

    def timing(self, stage: str, item: str, count: int) -> AbstractContextManager[None]:
        """The watch's context, in which the device finishes what it was given."""
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
            scores = _of_waves(entry, inputs.waves)
        self._require_independence(entry, inputs, None, torch.from_numpy(scores))
        return [(inputs.rows, torch.from_numpy(scores))]

    def _require_independence(
        self, entry: _Loaded, inputs: Inputs, batch: Batch | None, scores: torch.Tensor
    ) -> None:
        """Raise `ValueError` where `scores` of a first batch are others in other company.

        Two utterances are tried alone, all in the reverse order: a score that lands on its
        neighbour shows. `batch` is that of a tensor detector; else the waves are the batch. A
        program is not started for this: its scores come with the paths that they are of.
        """
        name, count = entry.checkpoint.name, len(scores)
        by_path = batch is None and entry.item.ready_made
        alone_anyway = self.device.type == "cpu" and getattr(entry.item, "cpu_batch", None) == 1
        if name in self._tried or count < 2 or by_path or alone_anyway:
            return
        rows = [0, count // 2]
        if batch is None:
            alone = [torch.from_numpy(_of_waves(entry, [inputs.waves[row]])) for row in rows]
            turned = torch.from_numpy(_of_waves(entry, inputs.waves[::-1]))
        else:
            if entry.checkpoint.precision != FLOAT32:
                entry = replace(entry, checkpoint=replace(entry.checkpoint, precision=FLOAT32))
                scores = self._apply(entry, batch)
            alone = [self._in_parts(entry, Batch([0], batch.inputs[[row]]), 1) for row in rows]
            every = [*range(len(batch.inputs))]  # what fills it up too: one shape of batch
            turned = self._apply(entry, Batch(every, batch.inputs.flip(0)))[-count:]
        _require_equal(torch.cat(alone), scores[rows], "alone", count)
        _require_equal(turned.flip(0), scores, "in the reverse order", count)
        self._tried.add(name)

    def _apply(self, entry: _Loaded, batch: Batch) -> torch.Tensor:
        """Scores of the rows of `batch`, on the device; what fills it up is passed over."""
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
            print(
                f"{self.device} is out of memory: {name} continues with {size} utterances at once",
                file=sys.stderr,
            )
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _in_parts(self, entry: _Loaded, batch: Batch, size: int) -> torch.Tensor:
        assert entry.network is not None
        needed = -(-len(batch.rows) // size)
        scores = []
        with torch.inference_mode(), arithmetic(entry.checkpoint.precision, self.device):
            for part in batch.inputs.split(size)[:needed]:
                out = entry.network(part)
                if out.shape != (len(part),):
                    shape = tuple(out.shape)
                    raise ValueError(f"network returned shape {shape}, not ({len(part)},)")
                scores.append(out.float())
        return torch.cat(scores)[: len(batch.rows)]


def _gathered(pieces: list[Piece], count: int) -> Scores:
    """The scores of all waves, fetched from the device, in the order of the waves."""
    scores = np.zeros(count, np.float32)
    for rows, values in pieces:
        scores[rows] = values.cpu().numpy()
    return scores


def _of_waves(entry: _Loaded, waves: list[Wave]) -> Scores:
    """Scores (len(waves),) of a wave detector; `ValueError` where it gives another shape."""
    assert isinstance(entry.item, WaveDetector)
    scores = np.asarray(entry.item.score(waves, entry.state), dtype=np.float32)
    if scores.shape != (len(waves),):
        raise ValueError(f"returned shape {scores.shape} for {len(waves)} utterances")
    return scores


def _require_equal(apart: torch.Tensor, together: torch.Tensor, how: str, count: int) -> None:
    kept = torch.isclose(apart, together, rtol=RELATIVE, atol=TOLERANCE)
    kept |= ~torch.isfinite(together)  # refused one by one, with that as the cause
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
    """The network of `item` with the checkpoint's weights, on the CPU, ready to score.

    Raises `InputError` where the weights are another network's.
    """
    network = networks.network(item, checkpoint.facts)
    if not item.ready_made:
        networks.load(network, checkpoint)
    return network.eval()
