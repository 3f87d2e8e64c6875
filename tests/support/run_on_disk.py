"""Writer of a synthetic run folder as the runner leaves it: head, trials and parts.

`Store.write_part` writes one part per shard and condition, with the content of a laundered unit:
the scores of ten detectors under identities of realistic length, facts, and four checks per
utterance. A run of the size of ASVspoof 2019 LA takes some CPU minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data.protocol import Protocol
from benchmark.scores.part_format import unscored
from benchmark.scores.run_results import ConditionInfo, RunResults
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import shards, unit_keys

SEED = 0
ORIGIN = {
    "launderbench": "0.1.0",
    "python": "3.11.7",
    "libraries": {f"library{number}": "1.2.3" for number in range(12)},
    "ffmpeg": {f"libav{number}": "62.28.102" for number in range(7)},
    "commit": "0" * 40,
    "dirty": False,
    "machine": {"system": "Linux x86_64", "processor": "AMD EPYC", "cores": 2, "device": "cpu"},
}
INPUT = (
    "LogMel(waveform=Waveform(samples=64000, sample_rate=16000, pad='tile'), mels=128, n_fft=1024,"
    " window=512, hop=256, fmin=0.0, fmax=8000.0, floor=1e-07, image=None, keep=None)"
)


def write(results: RunResults, folder: Path) -> int:
    """Write the scores of `results` with synthetic checks to `folder`; return the part count."""
    store = Store(folder, ORIGIN)
    sides = {
        "dev": (_with_files(results.dev), results.conditions[:1]),
        "test": (_with_files(results.protocol), results.conditions),
    }
    identities = {f"{name}|v1|{INPUT}|sha256:{name:0>64}": name for name in results.detectors}
    cubes = _cubes(results, {split: side.table for split, (side, _) in sides.items()})
    rng = np.random.default_rng(SEED)
    count = 0
    with store.log() as log:
        for split, (side, conditions) in sides.items():
            ids = side.table["utterance_id"].tolist()
            spelled = [info.condition for info in conditions]
            keys = unit_keys(side.table, side.digest(), spelled, SEED)
            for (start, stop), shard_keys in zip(shards(len(ids)), keys, strict=True):
                for place, (key, info) in enumerate(zip(shard_keys, conditions, strict=True)):
                    scores = cubes[split][:, place, start:stop].T.tolist()
                    rows = [*_rows(ids[start:stop], scores, results.detectors, info, rng)]
                    log.add([store.write_part(key, split, info.condition, rows, identities)])
                    count += 1
    trials = pd.concat([sides[split][0].table for split in ("dev", "test")], ignore_index=True)
    head = _head(results, sides["test"][0], sides["dev"][0], identities)
    store.write_head(head, trials)
    return count


def _with_files(side: Protocol) -> Protocol:
    names = side.table["utterance_id"]
    table = side.table.assign(path=names + ".flac", file_sha256=[f"{n:0>64}" for n in names])
    return Protocol(side.name, side.root, table, side.version, side.headline, side.audio_digest)


def _cubes(results: RunResults, tables: dict[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """Return the scores (detectors, conditions, utterances) of each split."""
    found = {}
    known = [info.condition for info in results.conditions]
    for split, table in tables.items():
        rows = results.source.score_rows[(results.source.score_rows["split"] == split).to_numpy()]
        shape = len(results.detectors), len(known), len(table)
        place = tuple(
            rows[name].cat.set_categories(texts).cat.codes.to_numpy()
            for name, texts in (
                ("detector", results.detectors),
                ("condition", known),
                ("utterance_id", table["utterance_id"]),
            )
        )
        found[split] = np.full(shape, np.nan, dtype=np.float32)
        found[split][place] = rows["score"].to_numpy()
    return found


def _rows(
    ids: list[str],
    scores: list[list[float]],
    detectors: tuple[str, ...],
    info: ConditionInfo,
    rng: np.random.Generator,
) -> Iterator[dict[str, Any]]:
    for uid, own, (snr, gain, residual) in zip(
        ids, scores, rng.normal(size=(len(ids), 3)).tolist(), strict=True
    ):
        row = unscored(uid, decoder="soundfile", seconds=4.0)
        row["scores"] = dict(zip(detectors, own, strict=True))
        if info.severity is not None:
            row["facts"] = [{"attack": info.condition, "gain": gain, "noise": "babble",
                             "offset": 1895917, "recording": "babble.wav"}]  # fmt: skip
            row["checks"] = [
                {"step": 0, "attack": info.condition, "passed": True, **check}
                for check in (
                    _check("SNR", "dB", "=", info.severity, info.severity + 0.02 * snr, 0.1),
                    _check("coverage", "share of frames", ">=", 0.99, 1.0, 0.0),
                    _check("length", "samples", "=", 64000.0, 64000.0, 0.0, effect=False),
                    _check("residual", "dB", ">=", -60.0, -20.0 + residual, 0.0),
                )
            ]
        yield row


def _check(
    quantity: str,
    unit: str,
    relation: str,
    claimed: float,
    measured: float,
    tolerance: float,
    effect: bool = True,
) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "unit": unit,
        "relation": relation,
        "claimed": claimed,
        "measured": measured,
        "tolerance": tolerance,
        "effect": effect,
    }


def _head(
    results: RunResults, test: Protocol, dev: Protocol, identities: dict[str, str]
) -> dict[str, Any]:
    return {
        "data": test.name,
        "data_version": test.version,
        "data_root": str(test.root),
        "headline": test.headline,
        "trial_digest": test.digest(),
        "dev_digest": dev.digest(),
        "audio_digest": test.audio_digest,
        "trials": len(test.table),
        "seed": SEED,
        "suite": "made up",
        "conditions": [
            {**vars(info), "identity": info.condition, "made": ""} for info in results.conditions
        ],
        "detectors": {
            name: {"identity": identity, "training": {}} for identity, name in identities.items()
        },
    }
