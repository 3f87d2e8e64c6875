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

from benchmark import frontends
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.exchange import onnx_quantisation, onnx_samples
from benchmark.frontends import spec_syntax
from benchmark.frontends.specs import Waveform
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import loaded_network
from detectors.contract.base import Input, TensorDetector, Wave, registry

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUT = "waves", "scores"
NETWORK = "network"  # the attribute of `FrontendAndNetwork`, by which its nodes are known
TOLERANCE = 1e-3  # between the file's scores and the detector's
LARGE = 0.1  # of the spread of the scores: a difference by 8 bits that wants a warning
SLOW = 1.05  # of the float time: an 8-bit file that wants a warning, beyond the scatter of times
OPSET = 20
REPEATS = 9
CPU = torch.device("cpu")
NEEDS = "writing ONNX files needs the extra `onnx`: pip install launderbench[onnx]"

Scores = npt.NDArray[np.float32]
Score = Callable[[torch.Tensor], Scores]  # waves (B, samples) to scores (B,)


@dataclass(frozen=True)
class ComparisonBasis:
    """The scores and waves with which a file is compared.

    `batch` (n, samples) are utterances, then noises; `scores` (n,) the detector's; `said` names
    where the utterances come from, or why there are none.
    """

    batch: torch.Tensor
    scores: Scores
    utterances: int
    said: str


@dataclass(frozen=True)
class OnnxComparison:
    """How far a file's scores are from the detector's, and what it costs beside another.

    `apart` (n,) are the differences, `size` is in bytes; `milliseconds` and `others`, that of what
    it is compared with, are for one wave on one thread.
    """

    path: Path
    whence: ComparisonBasis
    apart: Scores
    size: int
    milliseconds: float
    others: float

    @property
    def ratio(self) -> float:
        """Its time as a share of the other's."""
        return self.milliseconds / self.others

    @property
    def spread(self) -> float:
        """Standard deviation of the detector's scores on utterances; NaN without any."""
        scores = self.whence.scores[: self.whence.utterances]
        return float(scores.std()) if scores.size else float("nan")

    def __str__(self) -> str:
        count = self.whence.utterances
        real, noise = self.apart[:count], self.apart[count:]
        said = f"{noise.size} noises by at most {noise.max():.2g}"
        if count:
            said = (
                f"{count} {self.whence.said} by {np.median(real):.2g} (median) and at most"
                f" {real.max():.2g} (standard deviation of the scores: {self.spread:.2g}), and on"
                f" {said}"
            )
        else:
            said = f"{said} ({self.whence.said})"
        return (
            f"{self.path}: {self.size:,} bytes, {self.milliseconds:.1f} ms an utterance; scores"
            f" differ from the detector's on {said}"
        )

    def warnings(self) -> Iterator[str]:
        """Return the objections to an 8-bit file: no gain in speed, or different scores."""
        if self.ratio >= SLOW:
            yield f"warning: {self.path} is no faster here ({self.ratio:.2f} of the float time)"
        if not self.apart.max() <= LARGE * self.spread:  # nor where a score is not finite
            yield (
                f"warning: scores of {self.path} are off by up to {self.apart.max():.2g} where"
                f" those of utterances have a standard deviation of {self.spread:.2g}: measure its"
                " error and its threshold before you trust it"
            )


class FrontendAndNetwork(torch.nn.Module):
    """Frontend and network: float32 waves (B, samples) at the input's own rate to scores (B,)."""

    def __init__(self, spec: Input, network: torch.nn.Module) -> None:
        super().__init__()
        self.spec, self.network = spec, network

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        return self.network(frontends.features(self.spec, waves))


def export(checkpoint: Checkpoint, path: Path, int8: bool, data: Path | None) -> Iterator[str]:
    """Write `path`, and with `int8` a quantised file beside it; what to know of them, in lines.

    The file's input are waves of the detector's rate and length, float32 (batch, samples), its
    output scores (batch,), higher = more bona fide. Its metadata say all this. Compared with the
    detector, and calibrated, on what `export_signals.gathered` finds in `data`. Raises `InputError`
    where the detector is no network, cannot be exported, or the file's scores are further off than
    1e-3, and for an int8 file that cannot be calibrated.
    """
    _require_libraries()
    item = registry.get(checkpoint.detector)()
    if not isinstance(item, TensorDetector):
        raise InputError(f"detector {checkpoint.name!r} is no network: there is nothing to export")
    found = onnx_samples.gathered(checkpoint, data, int8)
    whole = FrontendAndNetwork(item.input, loaded_network(checkpoint, item)).eval()
    with one_thread(), torch.inference_mode():
        batch = _batch(item.input, [*found.utterances, *found.noises])
        own: Score = lambda waves: whole(waves).numpy()  # noqa: E731 - as a session's
        whence = ComparisonBasis(batch, _in_parts(own, batch), len(found.utterances), found.said)
        model = _converted(whole, batch[:2], item.input, checkpoint.name)
        inner = onnx_quantisation.nodes(model.graph, NETWORK)
        if int8 and not inner:
            raise InputError(f"detector {checkpoint.name!r} has no inner layer that 8 bits serve")
        _describe(model, metadata(checkpoint, item.input))
        made = _compared(model, path, own, whence)
        if not made.apart.max() <= TOLERANCE:
            raise InputError(f"{path} is not written: its scores are off by {made.apart.max():.2g}")
        content = model.SerializeToString()
        atomic_files.write(path, content)
        yield str(made)
        yield f"the detector itself takes {made.others:.1f} ms an utterance"
        if not int8:
            return
        waves = _batch(item.input, found.calibration)
        small = onnx_quantisation.quantised(path, inner, INPUT, waves.split(1))
        said = {"launderbench.calibrated": found.calibrated}
        _describe(small, metadata(checkpoint, item.input) | said)
        other = path.with_name(f"{path.stem}.int8{path.suffix}")
        compared = _compared(small, other, _session(content), whence)
        atomic_files.write(other, small.SerializeToString())
        yield str(compared)
        yield (
            f"int8 beside float: {compared.size / made.size:.2f} of the size,"
            f" {compared.ratio:.2f} of the time; calibrated on {found.calibrated}"
        )
        yield from (f"warning: {note}" for note in found.notes)
        yield from compared.warnings()


def metadata(checkpoint: Checkpoint, spec: Input) -> dict[str, str]:
    """Return the file's metadata: detector, input, meaning of the output, origin of the weights.

    `launderbench.takes` and `launderbench.bonafide` are what the detector `onnx(file=...)` wants
    to know.
    """
    waveform = frontends.waveform_of(spec)
    facts = {
        "name": checkpoint.name,
        "detector": checkpoint.detector,
        "version": str(registry.get(checkpoint.detector).version),
        "takes": spec_syntax.spell(waveform),
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


def _batch(spec: Input, waves: list[Wave]) -> torch.Tensor:
    """The waves as the file takes them, (n, samples); 4 s of each where it takes any length."""
    if frontends.keeps_length(spec):
        waves = [frontends.fixed_length(wave, Waveform(64000)) for wave in waves]
    return frontends.waveforms(frontends.waveform_of(spec), waves, CPU)


def _converted(
    whole: FrontendAndNetwork, example: torch.Tensor, spec: Input, name: str
) -> onnx.ModelProto:
    whole(example)  # the frontend's tables are made once, and not while it is traced
    batch = torch.export.Dim("batch")
    shapes: dict[int, Any] = {0: batch}
    if frontends.keeps_length(spec):
        shapes[1] = torch.export.Dim("samples", min=frontends.waveform_of(spec).shortest)  # type: ignore[union-attr]
    try:
        with onnx_quantisation.quiet():
            program = torch.onnx.export(
                whole, (example,), dynamo=True, input_names=[INPUT], output_names=[OUTPUT],
                dynamic_shapes=(shapes,), opset_version=OPSET, verbose=False,
            )  # fmt: skip
    except Exception as error:
        cause = str(error).strip().splitlines()[0][:200]
        raise InputError(f"detector {name!r} cannot be written as ONNX ({cause})") from error
    assert program is not None
    return program.model_proto


def _describe(model: onnx.ModelProto, said: dict[str, str]) -> None:
    """Give the file its metadata, and take out those of the export: they hold local paths."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
    for key, value in said.items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name = "launderbench"
    model.doc_string = (
        f"{said['launderbench.name']}: audio-deepfake detector, higher = more bona fide"
    )


def _compared(
    model: onnx.ModelProto, path: Path, other: Score, whence: ComparisonBasis
) -> OnnxComparison:
    """Check what is to be written to `path`, and compare it; its time beside that of `other`."""
    import onnx

    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    score = _session(content)
    apart = np.abs(_in_parts(score, whence.batch) - whence.scores)
    milliseconds, others = _milliseconds((score, other), whence.batch)
    return OnnxComparison(path, whence, apart, len(content), milliseconds, others)


def _in_parts(score: Score, batch: torch.Tensor) -> Scores:
    return np.concatenate([score(part) for part in batch.split(8)])


def _session(content: bytes) -> Score:
    """Return a session that runs an ONNX file on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda waves: np.asarray(session.run([OUTPUT], {INPUT: waves.numpy()})[0])


def _milliseconds(scores: Sequence[Score], batch: torch.Tensor) -> list[float]:
    """The shortest time of one wave with each, taken in turn: other programs only add to it."""
    times = np.empty((REPEATS, len(scores)))
    for index in range(REPEATS):
        wave = batch[index % len(batch)][None]
        for column, score in enumerate(scores):
            started = time.perf_counter()
            score(wave)
            times[index, column] = time.perf_counter() - started
    return (1000 * times.min(axis=0)).tolist()
