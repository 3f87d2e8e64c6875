"""The detectors whose weights come along."""

from __future__ import annotations

from benchmark.inference import detector_selection

MORE = (
    "attention-cnn", "cnn-bilstm", "conformer", "constant", "cqt-lcnn", "cqt-res2net", "gap-cnn",
    "lfcc-res2net", "mfcc-gmm", "softmax-cnn", "vit",
)  # fmt: skip
SHIPPED = sorted({*detector_selection.DEFAULT, *MORE})
