"""What attention and unused layers cost in self-supervised encoders on a CPU, with random weights.

    python -m tests.perf.ssl_layers [wav2vec2|hubert|wavlm]

Prints the least processor time for four clips of 4 s, by attention and by the layer that is used.
"""

from __future__ import annotations

import sys

import torch
from transformers import AutoConfig, AutoModel

from benchmark.core.parallel import one_thread
from detectors.self_supervised.speech_encoders import layer_input
from tests.perf.workload import cost

ROUNDS = 3


def main() -> None:
    """Print one line for each way."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "wav2vec2"
    waves = torch.randn(4, 64_000)
    attentions = ("eager",) if kind == "wavlm" else ("eager", "sdpa")
    encoders = {}
    for attention in attentions:
        torch.manual_seed(0)
        config = AutoConfig.for_model(kind, apply_spec_augment=False)
        encoders[attention] = AutoModel.from_config(config, attn_implementation=attention).eval()
    ways = {f"attention {name}": (encoder, -1) for name, encoder in encoders.items()}
    ways |= {f"layer {layer}": (encoders[attentions[-1]], layer) for layer in (3, 6, 9)}
    with one_thread(), torch.inference_mode():
        for name, (encoder, layer) in ways.items():
            spent = [
                cost(lambda e=encoder, n=layer: layer_input(e, waves, n)) for _ in range(ROUNDS)
            ]
            print(f"{kind}, {name}: {min(spent):.2f} CPU s")


if __name__ == "__main__":
    main()
