"""Tiny models with random weights, saved in the layout of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (10, 8, 4),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}


def encoder(folder: Path, kind: str = "Wav2Vec2", *, normalise: bool = True, rate: int = 16000):
    """Save an encoder of 320 samples per frame; `kind` is Wav2Vec2, Hubert or WavLM."""
    return _saved(folder, kind, "Model", normalise, rate)


def classifier(
    folder: Path,
    labels: tuple[str, ...],
    *,
    normalise: bool = True,
    rate: int = 16000,
    safe: bool = True,
    **changes: Any,
):
    """Save a wav2vec 2.0 classifier with these labels."""
    changes |= {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
        "classifier_proj_size": 8,
    }
    return _saved(folder, "Wav2Vec2", "ForSequenceClassification", normalise, rate, safe, **changes)


def _saved(
    folder: Path,
    kind: str,
    task: str,
    normalise: bool,
    rate: int,
    safe: bool = True,
    **changes: Any,
):
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(**SIZES | changes)
    model = getattr(transformers, f"{kind}{task}")(config).eval()
    model.save_pretrained(folder)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise, sampling_rate=rate)
    extractor.save_pretrained(folder)
    if not safe:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return model
