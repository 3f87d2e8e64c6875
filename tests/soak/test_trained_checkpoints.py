"""Training reproduces the shipped checkpoints: the same bits, or within the spread of seeds.

Bits are equal on a machine with the same PyTorch, vector instructions and samples. Elsewhere the
dev EER of the shipped detector must lie within the range of trainings here with five seeds, widened
by a quarter of it on both sides.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.parallel import one_thread
from benchmark.data import embedded
from benchmark.training import trained_checkpoints, training_examples
from benchmark.training.train_detector import train
from benchmark.training.training_config import TrainingConfig
from tests.support.shipped import SHIPPED

CPU = torch.device("cpu")
SAME = ("torch", "instructions", "audio_digest", "device", "threads")
SEEDS = 5


@pytest.mark.parametrize("name", SHIPPED)
def test_a_training_gives_what_comes_along(name: str, tmp_path: Path) -> None:
    shipped = trained_checkpoints.find(name, TrainingConfig(), None)
    assert shipped is not None
    whole = embedded.build(training_examples.used_ids, bank=False)
    with one_thread():
        made = train(name, whole, CPU, tmp_path / "0.safetensors")
        if all(made.facts.get(key) == shipped.facts.get(key) for key in SAME):
            for key, values in shipped.arrays().items():
                here = made.arrays()[key].astype(values.dtype)  # one is stored in 16 bits
                np.testing.assert_array_equal(here, values, err_msg=f"{name}: {key}")
            return
        rates = [made.facts["dev_eer"]]
        for seed in range(1, SEEDS):
            out = tmp_path / f"{seed}.safetensors"
            rates.append(train(name, whole, CPU, out, TrainingConfig(seed)).facts["dev_eer"])
    room = max((max(rates) - min(rates)) / 4, 0.01)
    print(name, shipped.facts["dev_eer"], rates)
    assert min(rates) - room <= shipped.facts["dev_eer"] <= max(rates) + room
