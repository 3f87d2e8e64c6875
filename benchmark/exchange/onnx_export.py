"""Export of a trained network, including its frontend, as an ONNX file from waves to scores."""

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
NETWORK = "network"  # the attribute of `FrontendAndNetwork` that marks the nodes of the network
TOLERANCE = 1e-3  # largest allowed difference between the file's scores and the detector's
LARGE = 0.1  # an int8 score difference above this share of the scores' spread gives a warning
SLOW = 1.05  # so does an int8 time from this share of the float time on (above timing scatter)
OPSET = 20
REPEATS = 9
CPU = torch.device("cpu")
NEEDS = "writing ONNX files needs the extra `onnx`: pip install launderbench[onnx]"

Scores = npt.NDArray[np.float32]
Score = Callable[[torch.Tensor], Scores]  # waves (B, samples) to scores (B,)


@dataclass(frozen=True)
class ComparisonBasis:
    """The waves and detector scores with which a file is compared.

    batch      : (n, samples), utterances followed by noises
    scores     : (n,), scores of the detector itself
    utterances : number of utterances in `batch`
    source     : the origin of the utterances, or why there are none, in words
    """

    batch: torch.Tensor
    scores: Scores
    utterances: int
    source: str


@dataclass(frozen=True)
class OnnxComparison:
    """The differences between the scores of a file and of the detector, and the cost of the file.

    basis        : the waves and detector scores of the comparison
    deviations   : (n,), absolute score differences
    size         : bytes
    milliseconds : time for one wave on one thread
    reference    : the same for the model that it is compared with
    """

    path: Path
    basis: ComparisonBasis
    deviations: Scores
    size: int
    milliseconds: float
    reference: float

    @property
    def ratio(self) -> float:
        """The time of the file as a share of the reference time."""
        return self.milliseconds / self.reference

    @property
    def spread(self) -> float:
        """Standard deviation of the detector's scores on utterances; NaN without any."""
        scores = self.basis.scores[: self.basis.utterances]
        return float(scores.std()) if scores.size else float("nan")

    def __str__(self) -> str:
        count = self.basis.utterances
        real, noise = self.deviations[:count], self.deviations[count:]
        text = f"{noise.size} noises by at most {noise.max():.2g}"
        if count:
            text = (
                f"{count} {self.basis.source} by {np.median(real):.2g} (median) and at most"
                f" {real.max():.2g} (standard deviation of the scores: {self.spread:.2g}), and on"
                f" {text}"
            )
        else:
            text = f"{text} ({self.basis.source})"
        return (
            f"{self.path}: {self.size:,} bytes, {self.milliseconds:.1f} ms per utterance; scores"
            f" differ from the detector's on {text}"
        )

    def warnings(self) -> Iterator[str]:
        """Yield warnings about an 8-bit file: it is not faster, or its scores differ too much."""
        if self.ratio >= SLOW:
            yield (
                f"warning: {self.path} is not faster on this machine ({self.ratio:.2f} of the"
                " float time)"
            )
        if not self.deviations.max() <= LARGE * self.spread:  # also true for a non-finite score
            yield (
                f"warning: scores of {self.path} differ by up to {self.deviations.max():.2g} from"
                " the detector's, whose standard deviation on utterances is"
                f" {self.spread:.2g}: measure its EER and its threshold before you use it"
            )


class FrontendAndNetwork(torch.nn.Module):
    """Frontend and network: float32 waves (B, samples) at the input's rate to scores (B,)."""

    def __init__(self, spec: Input, network: torch.nn.Module) -> None:
        super().__init__()
        self.spec, self.network = spec, network

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        return self.network(frontends.features(self.spec, waves))


def export(checkpoint: Checkpoint, path: Path, int8: bool, data: Path | None) -> Iterator[str]:
    """Write `path`, and with `int8` also a quantised file NAME.int8.onnx; yield lines to print.

    The input of the file is waves at the detector's sample rate and length, float32 (batch,
    samples). Its output is scores (batch,), higher = more bona fide. Its metadata describe both.
    The file is compared with the detector, and calibrated, on the signals that
    `onnx_samples.gathered` finds in `data`. Raises `InputError` if the detector is not a network or
    cannot be exported, if the file's scores deviate by more than 1e-3, or if an int8 file cannot be
    calibrated.
    """
    _require_libraries()
    item = registry.get(checkpoint.detector)()
    if not isinstance(item, TensorDetector):
        raise InputError(
            f"detector {checkpoint.name!r} is not a network: only networks can be exported"
        )
    signals = onnx_samples.gathered(checkpoint, data, int8)
    module = FrontendAndNetwork(item.input, loaded_network(checkpoint, item)).eval()
    with one_thread(), torch.inference_mode():
        batch = _batch(item.input, [*signals.utterances, *signals.noises])
        detector: Score = lambda waves: module(waves).numpy()  # noqa: E731 - as a session's
        scores = _in_parts(detector, batch)
        basis = ComparisonBasis(batch, scores, len(signals.utterances), signals.source)
        model = _convert(module, batch[:2], item.input, checkpoint.name)
        inner = onnx_quantisation.nodes(model.graph, NETWORK)
        if int8 and not inner:
            raise InputError(
                f"detector {checkpoint.name!r} has no inner layer that can be quantised to 8 bits:"
                " export it without --int8"
            )
        _describe(model, metadata(checkpoint, item.input))
        exact = _compare(model, path, detector, basis)
        if not exact.deviations.max() <= TOLERANCE:
            raise InputError(
                f"{path} is not written: its scores differ from the detector's by up to"
                f" {exact.deviations.max():.2g}, more than {TOLERANCE:g}"
            )
        content = model.SerializeToString()
        atomic_files.write(path, content)
        yield str(exact)
        yield f"the detector itself takes {exact.reference:.1f} ms per utterance"
        if not int8:
            return
        waves = _batch(item.input, signals.calibration)
        quantised = onnx_quantisation.quantised(path, inner, INPUT, waves.split(1))
        calibrated = {"launderbench.calibrated": signals.calibrated}
        _describe(quantised, metadata(checkpoint, item.input) | calibrated)
        int8_path = path.with_name(f"{path.stem}.int8{path.suffix}")
        comparison = _compare(quantised, int8_path, _session(content), basis)
        atomic_files.write(int8_path, quantised.SerializeToString())
        yield str(comparison)
        yield (
            f"int8 relative to float: {comparison.size / exact.size:.2f} of the size,"
            f" {comparison.ratio:.2f} of the time; calibrated on {signals.calibrated}"
        )
        yield from (f"warning: {note}" for note in signals.notes)
        yield from comparison.warnings()


def metadata(checkpoint: Checkpoint, spec: Input) -> dict[str, str]:
    """Return the metadata of the file: detector, input, meaning of the scores, and weights.

    The detector `onnx(file=...)` reads `launderbench.takes` and `launderbench.bonafide`.
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
        raise InputError(f"{NEEDS} ({error.name} is not installed)") from error


def _batch(spec: Input, waves: list[Wave]) -> torch.Tensor:
    """Return the waves as input of the file, (n, samples); 4 s of each if any length is valid."""
    if frontends.keeps_length(spec):
        waves = [frontends.fixed_length(wave, Waveform(64000)) for wave in waves]
    return frontends.waveforms(frontends.waveform_of(spec), waves, CPU)


def _convert(
    module: FrontendAndNetwork, example: torch.Tensor, spec: Input, name: str
) -> onnx.ModelProto:
    module(example)  # creates the tables of the frontend, which must not happen during tracing
    batch = torch.export.Dim("batch")
    shapes: dict[int, Any] = {0: batch}
    if frontends.keeps_length(spec):
        shapes[1] = torch.export.Dim("samples", min=frontends.waveform_of(spec).shortest)  # type: ignore[union-attr]
    try:
        with onnx_quantisation.quiet():
            program = torch.onnx.export(
                module, (example,), dynamo=True, input_names=[INPUT], output_names=[OUTPUT],
                dynamic_shapes=(shapes,), opset_version=OPSET, verbose=False,
            )  # fmt: skip
    except Exception as error:
        cause = str(error).strip().splitlines()[0][:200]
        raise InputError(f"detector {name!r} cannot be written as ONNX ({cause})") from error
    assert program is not None
    return program.model_proto


def _describe(model: onnx.ModelProto, facts: dict[str, str]) -> None:
    """Set the metadata of the file and remove those of the export, which contain local paths."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
    for key, value in facts.items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name = "launderbench"
    model.doc_string = (
        f"{facts['launderbench.name']}: audio-deepfake detector, higher = more bona fide"
    )


def _compare(
    model: onnx.ModelProto, path: Path, reference: Score, basis: ComparisonBasis
) -> OnnxComparison:
    """Check the model for `path`, compare its scores, and time it together with `reference`."""
    import onnx

    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    score = _session(content)
    deviations = np.abs(_in_parts(score, basis.batch) - basis.scores)
    times = _milliseconds((score, reference), basis.batch)
    return OnnxComparison(path, basis, deviations, len(content), *times)


def _in_parts(score: Score, batch: torch.Tensor) -> Scores:
    return np.concatenate([score(part) for part in batch.split(8)])


def _session(content: bytes) -> Score:
    """Return a function that runs an ONNX file on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda waves: np.asarray(session.run([OUTPUT], {INPUT: waves.numpy()})[0])


def _milliseconds(scores: Sequence[Score], batch: torch.Tensor) -> list[float]:
    """Return the shortest time of one wave with each function, measured in turn.

    The shortest time is used because other programs can only add to it.
    """
    times = np.empty((REPEATS, len(scores)))
    for index in range(REPEATS):
        wave = batch[index % len(batch)][None]
        for column, score in enumerate(scores):
            started = time.perf_counter()
            score(wave)
            times[index, column] = time.perf_counter() - started
    return (1000 * times.min(axis=0)).tolist()
