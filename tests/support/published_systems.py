"""Published self-supervised systems in a tiny size, with seeded weights; and their parity.

    python -m tests.support.published_systems check FOLDER
    python -m tests.support.published_systems record
    python -m tests.support.published_systems measure NAME

The first compares every back end, and an encoder, with vectors that were made with the authors' own
code: `FOLDER` has `SYSTEM.safetensors`, `SYSTEM.features.npz` and `SYSTEM.expected.json`. It prints
the largest difference of each, and fails above 1e-4. The second writes the outputs of this
project's code for seeded weights into `tests/data/golden/published_systems.json`; do it only after
the first has passed. The third measures a system of published size with random weights: processor
time for an utterance on one thread, the back end's share of it, and the peak memory.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmark.core.parallel import one_thread
from benchmark.core.stage_timer import peak_memory
from benchmark.inference import networks
from benchmark.inference.checkpoints import FLOAT32
from benchmark.inference.precision import arithmetic
from detectors.contract.base import Waveform, registry
from detectors.self_supervised import published_files, speech_encoders
from detectors.self_supervised.back_ends.conformer import TemporalChannelConformer
from detectors.self_supervised.back_ends.factorised_attention import FactorisedAttention
from detectors.self_supervised.back_ends.graphs import AttentiveGraphs
from detectors.self_supervised.back_ends.layer_selection import LayerSelection
from detectors.self_supervised.back_ends.mean_pooling import MeanPooling
from detectors.self_supervised.back_ends.nested_res2net import NestedRes2Net
from detectors.self_supervised.back_ends.state_space import DualMamba
from detectors.self_supervised.fairseq_names import fairseq_name
from detectors.self_supervised.published import PublishedSystem
from detectors.self_supervised.speech_encoders import EncoderShape
from tests.support.places import GOLDEN

FILE = GOLDEN / "published_systems.json"
TOLERANCE = 1e-4
TINY = EncoderShape(layers=2, width=64, inner=96, heads=4, channels=32)
TINY_BASE = EncoderShape(2, 64, 96, 4, group_norm=True, conv_bias=False, channels=32)
TINY_HUBERT = EncoderShape(2, 64, 96, 4, "hubert", conv_bias=False, channels=32)
SIZES = {  # of the families' members that differ in more than numbers
    "xlsr-aasist": TINY, "xlsr-sls": TINY, "xlsr-tcm": TINY, "xlsr-nes2net-x": TINY,
    "xlsr-mhfa": TINY, "xlsr-mamba": TINY, "antideepfake-mms-300m": TINY,
    "antideepfake-w2v-small": TINY_BASE, "antideepfake-hubert-xlarge": TINY_HUBERT,
}  # fmt: skip
BACK_ENDS: Mapping[str, tuple[Callable[[], nn.Module], int, int]] = {  # frames; layers, 0: output
    "ssl_aasist": (lambda: AttentiveGraphs(1024), 60, 0),
    "sls_small": (lambda: LayerSelection(1024, 2), 6, 24),
    "tcm": (lambda: TemporalChannelConformer(1024), 40, 0),
    "nes2net_x": (lambda: NestedRes2Net(1024), 40, 0),
    "mhfa": (lambda: FactorisedAttention(1024, 25), 20, 25),
    "antideepfake": (lambda: MeanPooling(1024), 20, 0),
    "xlsr_mamba_small": (lambda: DualMamba(1024, 2), 40, 0),
}
ENCODER = "fairseq_tiny"
RECIPE = "sls_full"  # whose weights and features the vectors give as a recipe

Arrays = dict[str, npt.NDArray[Any]]


def tiny(name: str) -> PublishedSystem:
    """Return the published system `name` with a tiny encoder; it is not registered."""
    cls = registry.get(name)
    made = type(cls.__name__, (cls,), {"shape": SIZES[name]})()
    assert isinstance(made, PublishedSystem)
    return made


def file_shapes(system: PublishedSystem) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a system's arrays by their names in its authors' files."""
    arrays = published_files.file_arrays(system)
    return {name: arrays[name].shape for name in sorted(arrays)}


def seeded(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, torch.Tensor]:
    """Return weights of these shapes that are the same everywhere, and keep signals in range."""
    draw = np.random.RandomState(seed)
    made: dict[str, torch.Tensor] = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(100)
            continue
        values = draw.standard_normal(shape)
        if name.endswith(("running_var", "weight_g")):
            values = 0.5 + np.abs(values)
        elif len(shape) < 2 and name.endswith("weight"):
            values = 1 + 0.2 * values
        elif len(shape) < 2:
            values = 0.2 * values
        else:
            values = values / np.sqrt(np.prod(shape[1:]))
        made[name] = torch.from_numpy(np.asarray(values, np.float32))
    return made


def weights(system: PublishedSystem, seed: int = 1) -> dict[str, torch.Tensor]:
    """Return seeded weights of a system under the names of its authors' files."""
    return seeded(file_shapes(system), seed)


def network(system: PublishedSystem, seed: int = 1) -> nn.Module:
    """Return the network of a system with those weights, read as from a file."""
    given = {name: tensor.numpy() for name, tensor in weights(system, seed).items()}
    built = system.build().eval()
    built.load_state_dict({k: torch.from_numpy(v) for k, v in system.adopt(given).items()})
    return built


def waves() -> torch.Tensor:
    """Return two waves (2, 4800): noise whose loudness swings."""
    time = np.arange(4800) / 16000
    noise = np.random.RandomState(5).standard_normal((2, time.size))
    swing = np.stack([1 + np.sin(40 * time), 1 + np.sin(90 * time)])
    return torch.from_numpy((0.1 * noise * swing).astype(np.float32))


def scores(name: str) -> list[float]:
    """Return the scores of a tiny system on `waves`, tiled to its input."""
    system = tiny(name)
    samples = getattr(system.input, "samples", waves().shape[1])
    tiled = waves().repeat(1, -(-samples // waves().shape[1]))[:, :samples]
    with torch.inference_mode():
        found: list[float] = network(system)(tiled).tolist()
    return found


def outputs(name: str) -> list[list[float]]:
    """Return the outputs of a back end of published width with seeded weights and features."""
    build, frames, layers = BACK_ENDS[name]
    back_end = build().eval()
    shapes = {k: (*v.shape,) for k, v in sorted(back_end.state_dict().items())}
    back_end.load_state_dict(seeded(shapes, 2))
    draw = np.random.RandomState(3)
    size = (layers, 2, frames, 1024) if layers else (2, frames, 1024)
    features = torch.from_numpy(draw.standard_normal(size).astype(np.float32))
    with torch.inference_mode():
        found: list[list[float]] = back_end([*features] if layers else features).tolist()
    return found


def differences(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield each system of the vectors, and the largest difference of its outputs."""
    from safetensors.torch import load_file

    for name, (build, _, _) in BACK_ENDS.items():
        stored = load_file(folder / f"{name}.safetensors")
        back_end = build().eval()
        back_end.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in stored.items()}
        )
        with np.load(folder / f"{name}.features.npz") as arrays:
            ((kind, values),) = ((k, arrays[k].astype(np.float32)) for k in arrays.files)
        yield name, _difference(folder, name, back_end, torch.from_numpy(values), kind == "layers")
    yield RECIPE, _of_recipe(folder)
    yield from _of_encoder(folder)


def _difference(
    folder: Path, name: str, back_end: nn.Module, features: torch.Tensor, layered: bool
) -> float:
    expected = json.loads((folder / f"{name}.expected.json").read_text())
    wanted = expected.get("output", expected.get("output_log_softmax"))
    with torch.inference_mode():
        found = back_end([*features] if layered else features).numpy()
    return float(np.abs(found - np.array(wanted)).max())


def _of_recipe(folder: Path) -> float:
    """Return the difference of SLS in its published size."""
    draw = np.random.RandomState(211)
    made: dict[str, torch.Tensor] = {}
    for item in json.loads((folder / "sls.keys.json").read_text())["keys"]:
        name, shape = item["key"], item["shape"]
        if name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(100)
            continue
        if name in ("first_bn.weight", "first_bn.running_var"):
            values = draw.uniform(0.5, 1.5, shape)
        elif name.startswith("first_bn"):
            values = draw.standard_normal(shape) * 0.2
        elif name.endswith("bias"):
            values = draw.standard_normal(shape) * 0.1
        else:
            values = draw.standard_normal(shape) / np.sqrt(shape[1])
        made[name] = torch.from_numpy(values.astype(np.float16).astype(np.float32))
    back_end = LayerSelection(1024).eval()
    back_end.load_state_dict(made)
    features = np.random.RandomState(212).standard_normal((24, 2, 201, 1024)).astype(np.float16)
    layers = torch.from_numpy(features.astype(np.float32))
    return _difference(folder, RECIPE, back_end, layers, layered=True)


def _of_encoder(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield the differences of a small encoder: its output, and every layer."""
    from safetensors.torch import load_file

    model = speech_encoders.encoder(EncoderShape(3, 64, 96, 4, channels=32)).eval()
    stored = load_file(folder / f"{ENCODER}.safetensors")
    model.load_state_dict({k: stored[fairseq_name(k)].float() for k in model.state_dict()})
    with np.load(folder / f"{ENCODER}.expected.npz") as wanted, torch.inference_mode():
        wave = torch.from_numpy(wanted["wave"].astype(np.float32))
        found = speech_encoders.last(model, wave).numpy()
        yield f"{ENCODER}, output", float(np.abs(found - wanted["x"]).max())
        layers = np.stack([x.numpy() for x in speech_encoders.every_layer(model, wave)])
        every = np.stack([wanted["after_conv_and_projection"], *wanted["layers"]])
        yield f"{ENCODER}, layers", float(np.abs(layers - every).max())


def measure(name: str, precision: str = FLOAT32) -> Iterator[str]:
    """Yield what one utterance costs with the system `name` in a precision, line by line."""
    system = registry.get(name)()
    assert isinstance(system, PublishedSystem)
    before = peak_memory()
    with one_thread(), torch.inference_mode(), arithmetic(precision, torch.device("cpu")):
        built = networks.blank(system, {}).eval()
        for parameter in [*built.parameters(), *built.buffers()]:
            parameter.normal_(0, 0.02) if parameter.is_floating_point() else parameter.zero_()
        held = peak_memory()
        fixed = isinstance(system.input, Waveform)
        for samples in (system.input.samples,) if fixed else (64600, 160000):
            wave = torch.randn(1, samples)
            started = time.process_time()
            features = system.features(built.get_submodule("encoder"), wave)
            between = time.process_time()
            built.get_submodule("back_end")(features)
            ended = time.process_time()
            yield (
                f"{name}, {precision}, {samples / 16000:.2f} s of speech: {ended - started:.2f} s,"
                f" of which the back end {ended - between:.3f} s"
            )
        after = peak_memory()
    weights_mib, most_mib = (held - before) / 2**20, after / 2**20
    yield f"{name}: weights {weights_mib:.0f} MiB, peak of the process {most_mib:.0f} MiB"


def main(arguments: list[str]) -> int:
    """Check against vectors, or record the golden outputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("check", "record", "measure"))
    parser.add_argument("what", nargs="?", help="the folder to check, or the system to measure")
    parser.add_argument("--precision", default=FLOAT32)
    options = parser.parse_args(arguments)
    if options.action == "record":
        golden = {
            "back_ends": {name: outputs(name) for name in BACK_ENDS},
            "chains": {name: scores(name) for name in SIZES},
        }
        FILE.write_text(json.dumps(golden, indent=1) + "\n")
        return 0
    if options.action == "measure":
        for line in measure(options.what, options.precision):
            print(line, flush=True)
        return 0
    worst = 0.0
    for name, difference in differences(Path(options.what)):
        print(f"{name:24} {difference:.2e}")
        worst = max(worst, difference)
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
