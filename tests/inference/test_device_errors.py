"""Accelerator errors that stick stop a run; too little memory and a detector's own do not."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.errors import InputError
from benchmark.inference import checkpoints
from benchmark.inference.device_errors import DeviceLost, sticky
from benchmark.inference.scorer import Scorer
from detectors.contract.base import WaveDetector, detector
from tests.support import builders

WAVES = [builders.voice(1, 0.3), builders.voice(2, 0.3)]
STUCK = (
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchron",
    "CUDA error: device-side assert triggered",
    "CUDA error: unspecified launch failure",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: the launch timed out and was terminated",
    "Unable to determine the device handle: GPU is lost. Reboot the system",
)
HARMLESS = (
    "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
    "CUDA out of memory. Tried to allocate 20.00 GiB",
    "no such room",
)


def scorer(error: BaseException, tmp_path: Path) -> Scorer:
    """Return a scorer of two detectors, of which the first raises."""

    @detector("stuck")
    class Stuck(WaveDetector):
        def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
            raise NotImplementedError

        def score(self, waves, state):  # type: ignore[no-untyped-def]
            raise error

    @detector("sound")
    class Sound(Stuck):
        def score(self, waves, state):  # type: ignore[no-untyped-def]
            return np.zeros(len(waves), np.float32)

    for name in ("stuck", "sound"):
        arrays = {"w": np.ones(1, np.float32)}
        checkpoints.save(tmp_path / f"{name}.safetensors", arrays, {"detector": name})
    ready = [checkpoints.load(tmp_path / f"{name}.safetensors") for name in ("stuck", "sound")]
    return Scorer(ready, torch.device("cpu"))


@pytest.mark.parametrize("text", STUCK)
@pytest.mark.parametrize("kind", [RuntimeError, torch.AcceleratorError])
def test_a_lost_device_stops_the_run_and_blames_no_detector(
    text: str, kind: type[RuntimeError], tmp_path: Path
) -> None:
    assert sticky(kind(text))
    with pytest.raises(DeviceLost, match=r"stuck scored.*the unit stays missing") as caught:
        scorer(kind(text), tmp_path)(WAVES, ["stuck", "sound"])
    assert len(str(caught.value).splitlines()) == 1
    sent = pickle.loads(pickle.dumps(caught.value))  # from a worker to its parent
    assert isinstance(sent, InputError) and str(sent) == str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        *map(RuntimeError, HARMLESS),
        torch.OutOfMemoryError("CUDA out of memory; device-side assert"),
        ValueError("device-side assert"),
        SystemExit(0),
    ],
)
def test_any_other_error_costs_its_detector_alone(error: BaseException, tmp_path: Path) -> None:
    assert not sticky(error)
    scores, causes = scorer(error, tmp_path)(WAVES, ["stuck", "sound"])
    assert [*scores] == ["sound"] and causes == {"stuck": repr(error)}
