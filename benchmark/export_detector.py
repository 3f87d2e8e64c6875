"""A trained network as an ONNX file: waves in, scores out, the frontend inside."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from benchmark import audio, files, frontends, quantise
from benchmark.checkpoints import Checkpoint
from benchmark.errors import InputError
from benchmark.processes import one_thread
from benchmark.protocol import LABELS, Protocol
from benchmark.scoring import loaded_network
from detectors import input_spelling
from detectors.base import Input, TensorDetector, Wave, registry
from detectors.inputs import Waveform

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUT = "waves", "scores"
NETWORK = "network"  # the attribute of `Whole`, by which its nodes are known
TOLERANCE = 1e-3  # between the file's scores and the detector's
OPSET = 20
REAL = 64  # utterances of the dev split, likewise, on which int8 is calibrated too
RANDOM = 8  # noises, among the waves on which the file is compared
REPEATS = 5
CPU = torch.device("cpu")
NEEDS = "writing ONNX files needs the extra `onnx`: pip install launderbench[onnx]"

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Comparison:
    """A file's scores beside the detector's, (n,); the last `RANDOM` are those of noises.

    `size` in bytes; `milliseconds` for one wave on one thread.
    """

    path: Path
    own: Scores
    scores: Scores
    size: int
    milliseconds: float

    @property
    def furthest(self) -> float:
        """The largest difference."""
        return float(np.abs(self.scores - self.own).max())

    def __str__(self) -> str:
        apart = np.abs(self.scores - self.own)
        real, noise = apart[:-RANDOM], apart[-RANDOM:]
        said = f"on {RANDOM} noises by at most {noise.max():.2g}"
        if real.size:
            spread = float(self.own[:-RANDOM].std())
            said = (
                f"on {real.size} utterances by {np.median(real):.2g} (median) and at most"
                f" {real.max():.2g} (standard deviation of the scores: {spread:.2g}), {said}"
            )
        return (
            f"{self.path}: {self.size:,} bytes, {self.milliseconds:.1f} ms an utterance; scores"
            f" differ from the detector's {said}"
        )


class Whole(torch.nn.Module):
    """Frontend and network: float32 waves (B, samples) at the input's own rate to scores (B,)."""

    def __init__(self, spec: Input, network: torch.nn.Module) -> None:
        super().__init__()
        self.spec, self.network = spec, network

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        return self.network(frontends.features(self.spec, waves))


def export(checkpoint: Checkpoint, path: Path, int8: bool, real: Sequence[Wave]) -> Iterator[str]:
    """Write `path`, and with `int8` a quantised file beside it; what to know of them, in lines.

    The file's input are waves of the detector's rate and length, float32 (batch, samples), its
    output scores (batch,), higher = more bona fide. Its metadata say all this. Compared with the
    detector, and quantised, on `real` waves (16 kHz) and on noises. Raises `InputError` where the
    detector is no network, cannot be exported, or the file's scores are further off than 1e-3.
    """
    _require_libraries()
    item = registry.get(checkpoint.detector)()
    if not isinstance(item, TensorDetector):
        raise InputError(f"detector {checkpoint.name!r} is no network: there is nothing to export")
    whole = Whole(item.input, loaded_network(checkpoint, item)).eval()
    waves = [*real, *noises(RANDOM)]
    shared = _of_one_length(item.input, waves)
    batch = frontends.waveforms(frontends.waveform_of(item.input), shared, CPU)
    with one_thread(), torch.inference_mode():
        expected = whole(batch).numpy()
        model = _converted(whole, batch[:2], item.input, checkpoint.name)
        products = quantise.products(model.graph, NETWORK)
        _describe(model, checkpoint, item.input)
        yield _written(model, path, batch, expected)
        native = _milliseconds(lambda one: whole(one).numpy(), batch)
        yield f"the detector itself takes {native:.1f} ms an utterance"
        if int8:
            quantised = quantise.quantised(path, products, INPUT, batch[: len(real) or len(shared)])
            _describe(quantised, checkpoint, item.input)
            small = path.with_name(f"{path.stem}.int8{path.suffix}")
            yield _written(quantised, small, batch, expected, tolerance=None)


def noises(count: int) -> list[Wave]:
    """White noises of 4 s, always the same, from an RMS of 0.3 down to 0.001.

    float32 (T,) at 16 kHz. (Below, spectra lie at their floor, and what a detector then makes of
    them is rounding.)
    """
    rng = np.random.default_rng(0)
    levels = np.geomspace(0.3, 1e-3, count)
    return [(level * rng.standard_normal(64000)).astype(np.float32) for level in levels]


def real_waves(protocol: Protocol) -> list[Wave]:
    """Some utterances of the dev split, half of them bona fide, (T,) at 16 kHz."""
    part = protocol.split("dev").table
    chosen = [part[part["label"] == label]["path"].iloc[: REAL // 2] for label in LABELS]
    return [audio.read(protocol.root / path) for paths in chosen for path in paths]


def metadata(checkpoint: Checkpoint, spec: Input) -> dict[str, str]:
    """What the file says of itself: what it is, how it is fed, how it is read, whose weights.

    `launderbench.takes` and `launderbench.bonafide` are what the detector `onnx(file=...)` wants
    to know.
    """
    waveform = frontends.waveform_of(spec)
    facts = {
        "name": checkpoint.name,
        "detector": checkpoint.detector,
        "version": str(registry.get(checkpoint.detector).version),
        "takes": input_spelling.spell(waveform),
        "bonafide": "high",
        "score": "one per wave, higher = more bona fide",
        "input": f"mono waves, float32 (batch, samples), {waveform.sample_rate} Hz, full scale 1",
        "frontend": f"inside the file: {type(spec).__name__}",
        "weights_sha256": hashlib.sha256(checkpoint.path.read_bytes()).hexdigest(),
        "identity": checkpoint.identity,
    }
    if (threshold := checkpoint.facts.get("dev_threshold")) is not None:
        facts["threshold"] = repr(float(threshold))
    return {f"launderbench.{key}": value for key, value in facts.items()}


def _require_libraries() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"{NEEDS} ({error.name} is not there)") from error


def _of_one_length(spec: Input, waves: list[Wave]) -> list[Wave]:
    """The waves, cut or tiled to 4 s where the network takes any length: a batch has one."""
    if not frontends.keeps_length(spec):
        return waves
    return [frontends.fixed_length(wave, Waveform(64000)) for wave in waves]


def _converted(whole: Whole, example: torch.Tensor, spec: Input, name: str) -> onnx.ModelProto:

    whole(example)  # the frontend's tables are made once, and not while it is traced
    batch = torch.export.Dim("batch")
    shapes: dict[int, Any] = {0: batch}
    if frontends.keeps_length(spec):
        shapes[1] = torch.export.Dim("samples", min=frontends.waveform_of(spec).shortest)  # type: ignore[union-attr]
    try:
        with quantise.quiet():
            program = torch.onnx.export(
                whole, (example,), dynamo=True, input_names=[INPUT], output_names=[OUTPUT],
                dynamic_shapes=(shapes,), opset_version=OPSET, verbose=False,
            )  # fmt: skip
    except Exception as error:
        cause = str(error).strip().splitlines()[0][:200]
        raise InputError(f"detector {name!r} cannot be written as ONNX ({cause})") from error
    assert program is not None
    return program.model_proto


def _describe(model: onnx.ModelProto, checkpoint: Checkpoint, spec: Input) -> None:
    """Give the file its metadata, and take out those of the export: they hold local paths."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
    for key, value in metadata(checkpoint, spec).items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name = "launderbench"
    model.doc_string = f"{checkpoint.name}: audio-deepfake detector, higher = more bona fide"


def _written(
    model: onnx.ModelProto,
    path: Path,
    batch: torch.Tensor,
    expected: Scores,
    tolerance: float | None = TOLERANCE,
) -> str:
    """Check, write and compare; what to know of the file."""
    import onnx

    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    score = _session(content)
    made = np.concatenate([score(part) for part in batch.split(8)])
    compared = Comparison(path, expected, made, len(content), _milliseconds(score, batch))
    if tolerance is not None and not compared.furthest <= tolerance:
        raise InputError(f"{path} is not written: its scores are off by {compared.furthest:.2g}")
    files.write(path, content)
    return str(compared)


def _session(content: bytes) -> Callable[[torch.Tensor], Scores]:
    """What runs an ONNX file on one thread: waves (B, samples) to scores (B,)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda waves: np.asarray(session.run([OUTPUT], {INPUT: waves.numpy()})[0])


def _milliseconds(score: Callable[[torch.Tensor], Scores], batch: torch.Tensor) -> float:
    """Median time of one wave."""
    times = []
    for index in range(REPEATS):
        started = time.perf_counter()
        score(batch[index % len(batch)][None])
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))
