"""Measure how far the embedded audio of two kinds of processors is apart, on one machine.

    python tests/perf/processor_difference.py

Makes four test utterances of each system twice: with all vector instructions of this processor, and
without AVX-512 in PyTorch, oneDNN, MKL and NumPy. Prints the level of the difference in dB relative
to the signal per system, over all, and as the sketch estimates it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmark.assets import wheels
from benchmark.audio.reader import Wave, read
from benchmark.core import paths
from benchmark.core.parallel import one_thread
from benchmark.data import embedded
from benchmark.data.audio_identity import identify
from benchmark.data.embedded import builder, cached, render_jobs
from benchmark.data.protocol import Protocol
from benchmark.synthesis.systems import left_out

EACH = 4
WITHOUT_AVX512 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
}


def main() -> None:
    """Make the utterances in two processes and compare them."""
    if len(sys.argv) > 1:
        return make(Path(sys.argv[1]))
    embedded.build(chosen, bank=False)
    with tempfile.TemporaryDirectory() as folder:
        for name, change in (("all", {}), ("avx2", WITHOUT_AVX512)):
            command = [sys.executable, __file__, f"{folder}/{name}"]
            subprocess.run(command, env=os.environ | change, check=True)
        pairs = {uid: tuple(_wave(folder, name, uid) for name in ("all", "avx2")) for uid in ids()}
    systems = embedded.read().table.set_index("utterance_id")["spoof_system"]
    for system in sorted({systems[uid] for uid in pairs}):
        levels = [_level_db(*waves) for uid, waves in pairs.items() if systems[uid] == system]
        print(f"{system:20} {', '.join(f'{level:.1f}' for level in levels)} dB")
    first, second = (np.concatenate(waves) for waves in zip(*pairs.values(), strict=True))
    sketches = [identify((uid, waves[i]) for uid, waves in pairs.items())[1] for i in (0, 1)]
    print(f"{len(pairs)} utterances: {_level_db(first, second):.1f} dB,", end=" ")
    print(f"by the sketch {sketches[0].difference_db(sketches[1]):.1f} dB")
    return None


def make(folder: Path) -> None:
    """Make the chosen utterances in `folder`."""
    print(f"PyTorch with {torch.backends.cpu.get_cpu_capability()}", file=sys.stderr)
    wanted = set(ids())
    with wheels.fetching(cached.needed_wheels(left_out()), paths.wheels()) as downloads:
        draft = builder._draft(left_out(), downloads, progress=False)
    with one_thread():
        for job in draft.plan.jobs:
            if job.utterance_id in wanted:
                render_jobs.run(job, folder, paths.wheels())


def ids() -> list[str]:
    """Return the ids of the utterances."""
    return chosen(embedded.read())


def chosen(whole: Protocol) -> list[str]:
    """Return the first test utterances of each system."""
    table = whole.split("test").table
    return [str(uid) for uid in table.groupby("spoof_system").head(EACH)["utterance_id"]]


def _wave(folder: str, name: str, uid: str) -> Wave:
    return read(Path(folder) / name / f"{uid}.flac")


def _level_db(first: Wave, second: Wave) -> float:
    apart = np.square(first.astype(np.float64) - second).sum()
    return float(10 * np.log10(apart / np.square(first, dtype=np.float64).sum() + 1e-30))


if __name__ == "__main__":
    main()
