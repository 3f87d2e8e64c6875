"""Score a list of waves with several detectors, making each distinct input once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from benchmark import frontends, networks
from benchmark.checkpoints import Checkpoint
from benchmark.errors import InputError
from detectors.base import Arrays, Input, TensorDetector, WaveDetector, registry

BATCH = 16

Wave = npt.NDArray[np.float32]
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


@dataclass(frozen=True)
class Batch:
    """One input batch, and which of the waves its first items are."""

    rows: list[int]
    inputs: torch.Tensor


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
    """

    def __init__(
        self, ready: Sequence[Checkpoint], device: torch.device, fill: bool = True
    ) -> None:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        self.device = device
        self.fill = fill
        self._most: dict[str, int] = {}  # detector -> items at once, where memory is too small
        self._loaded = [_load(checkpoint, device) for checkpoint in ready]

    def __call__(
        self, waves: Sequence[Wave], names: Sequence[str]
    ) -> tuple[dict[str, Scores], dict[str, str]]:
        """Scores (len(waves),) per detector in `names`, and the cause for each that raised.

        Higher = more bona fide. Scores may be non-finite: the caller refuses them. One
        detector's error costs no other detector its scores.
        """
        pieces: dict[str, list[Scores]] = {name: [] for name in names}
        causes: dict[str, str] = {}
        for start in range(0, len(waves), BATCH):
            chunk = list(waves[start : start + BATCH])
            made: dict[Input, list[Batch]] = {}
            for entry in self._loaded:
                name = entry.checkpoint.name
                if name not in names or name in causes:
                    continue
                try:
                    pieces[name].append(self._score(entry, chunk, made))
                except Exception as error:  # noqa: BLE001 - a plugin may raise anything; recorded
                    causes[name] = repr(error)
        empty = [np.zeros(0, np.float32)]
        scores = {n: np.concatenate(p or empty) for n, p in pieces.items() if n not in causes}
        return scores, causes

    def _score(self, entry: _Loaded, chunk: list[Wave], made: dict[Input, list[Batch]]) -> Scores:
        if isinstance(entry.item, WaveDetector):
            scores = np.asarray(entry.item.score(chunk, entry.state), dtype=np.float32)
        else:
            spec = entry.item.input
            if spec not in made:
                made[spec] = _batches(spec, chunk, self.device, self.fill)
            scores = np.zeros(len(chunk), np.float32)
            for batch in made[spec]:
                scores[batch.rows] = self._apply(entry, batch)
        if scores.shape != (len(chunk),):
            raise ValueError(f"returned shape {scores.shape} for {len(chunk)} utterances")
        return scores

    def _apply(self, entry: _Loaded, batch: Batch) -> Scores:
        """Scores of the rows of `batch`; what fills it up is passed over."""
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
                f"{self.device} is out of memory: {name} goes on with {size} utterances at once",
                file=sys.stderr,
            )
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _in_parts(self, entry: _Loaded, batch: Batch, size: int) -> Scores:
        assert entry.network is not None
        needed = -(-len(batch.rows) // size)
        scores = []
        with torch.inference_mode():
            for part in batch.inputs.split(size)[:needed]:
                out = entry.network(part)
                if out.shape != (len(part),):
                    shape = tuple(out.shape)
                    raise ValueError(f"network returned shape {shape}, not ({len(part)},)")
                scores.append(out.float().cpu().numpy())
        return np.concatenate(scores)[: len(batch.rows)]


def _batches(spec: Input, chunk: list[Wave], device: torch.device, fill: bool) -> list[Batch]:
    rows = list(range(len(chunk)))
    if not frontends.keeps_length(spec):
        filled = chunk + [chunk[-1]] * (BATCH - len(chunk) if fill else 0)
        return [Batch(rows, frontends.batch(spec, filled, device))]
    lengths = sorted({wave.size for wave in chunk})
    groups = [[row for row in rows if chunk[row].size == length] for length in lengths]
    return [Batch(g, frontends.batch(spec, [chunk[row] for row in g], device)) for g in groups]


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
    arrays = checkpoint.arrays()
    try:
        if not item.ready_made:
            network.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
    except RuntimeError as error:
        cause = " ".join(str(error).split("\n\t")[1:2])[:200] or repr(error)
        raise InputError(f"{checkpoint.path} does not fit {checkpoint.name} ({cause})") from error
    return network.eval()
