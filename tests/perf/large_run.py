"""A run folder of any size with made-up scores, and what it costs to recognise, compact and report.

    python -m tests.perf.large_run OUT --utterances 700000 --conditions 30 --detectors 4

Every stage runs in a process of its own. A table row gives its time by the clock, its CPU time and
its peak memory.
The audio does not exist; sizes and times of the files are made up as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from attacks.contract.condition import CLEAN, Condition, parse
from benchmark.data.file_hashes import stamp_text
from benchmark.data.protocol import Protocol
from benchmark.data.trial_table import stamp_column
from benchmark.inference.checkpoints import Checkpoint
from benchmark.runs import runner
from benchmark.runs.plan import RunPlan, keys_of
from benchmark.scores import compaction
from benchmark.scores.manifest import PartFile, PartInfo
from benchmark.scores.part_format import CHECK, parquet_bytes
from benchmark.scores.store import Store, named, part_stem
from benchmark.scores.unit_keys import SHARD, inputs_digest

DEV = 2000
BLOCK = 1024 * SHARD
SIZE, MTIME, SHA256 = 60_000, 1_700_000_000_000_000_000, hashlib.sha256(b"no audio")
STAGES = ("recognise", "report", "compact", "recognise", "report")


def plan_of(utterances: int, conditions: int, detectors: int) -> RunPlan:
    """Return the plan of the run: speakers of 500 utterances, a tenth of them bona fide."""
    names = (parse(f"noise(kind=white, snr={level})") for level in range(1, conditions))
    checkpoints = tuple(
        Checkpoint(f"d{i}", Path(f"d{i}"), f"d{i}|v1|waves|sha256:{i:064}", {"detector": "random"})
        for i in range(detectors)
    )
    sides = [_protocol("test", utterances), _protocol("dev", DEV)]
    return RunPlan(*sides, "made up", (Condition(), *names), checkpoints, 0)


def _protocol(split: str, number: int) -> Protocol:
    place = np.arange(number)
    ids = [f"{split[0].upper()}_{n:010d}" for n in place]
    spoof = place % 10 != 0
    table = pd.DataFrame(
        {
            "utterance_id": ids,
            "path": [f"{uid}.flac" for uid in ids],
            "label": np.where(spoof, "spoof", "bonafide"),
            "speaker": [f"s{n // 500:05d}" for n in place],
            "spoof_system": np.where(spoof, [f"A{n % 16:02d}" for n in place], "-"),
            "split": split,
            "source": "-",
            "track": "-",
            stamp_column(): stamp_text(SIZE, MTIME),
        }
    )
    return Protocol("made-up", Path("/nowhere"), table)


def write(folder: Path, plan: RunPlan) -> None:
    """Write all parts, as a run does, but block by block from arrays."""
    store = Store(folder, {"launderbench": "made up"})
    runner.write_plan(plan, store)
    rng = np.random.default_rng(0)
    scored = {c.identity: c.name for c in plan.detectors}
    origin = store.own_origin
    with store.log() as log:
        for split, protocol, conditions in plan.parts():
            table = protocol.table
            keys = keys_of(plan, split, conditions)
            for start in range(0, len(table), BLOCK):
                rows = table.iloc[start : start + BLOCK]
                shards = [
                    (place, keys.of(start + place, min(start + place + SHARD, len(table))))
                    for place in range(0, len(rows), SHARD)
                ]
                for number, condition in enumerate(conditions):
                    whole = _rows(rows, condition, [*scored.values()], rng)
                    for place, shard_keys in shards:
                        part = whole.slice(place, SHARD)
                        key = shard_keys[number]
                        inputs = inputs_digest([SHA256.hexdigest()] * len(part))
                        content = parquet_bytes(part, {"units": [[key, len(part), 0, inputs]]})
                        digest = hashlib.sha256(content).hexdigest()
                        path = named(part_stem(key), digest)
                        target = folder / path
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(content)
                        file = PartFile(
                            path, digest, len(content), split, str(condition), scored, origin
                        )
                        log.add([PartInfo(file, key, 0, len(part), 0, inputs)])


def _rows(
    rows: pd.DataFrame, condition: Condition, names: list[str], rng: np.random.Generator
) -> pa.Table:
    number = len(rows)
    clean = str(condition) == CLEAN
    columns: dict[str, pa.Array] = {
        "utterance_id": pa.array(rows["utterance_id"]),
        "failure": pa.nulls(number, pa.string()),
        "cause": pa.nulls(number, pa.string()),
        "decoder": pa.array(["soundfile"] * number),
        "seconds": pa.array(rng.uniform(1, 9, number).astype(np.float32)),
    }
    if clean:
        columns["file_size"] = pa.array([SIZE] * number, pa.int64())
        columns["file_mtime_ns"] = pa.array([MTIME] * number, pa.int64())
        columns["file_sha256"] = pa.array([SHA256.digest()] * number, pa.binary(32))
    columns["samples"] = pa.array([rng.bytes(8) for _ in range(number)], pa.binary(8))
    spelled = str(condition)
    measured = rng.normal(10, 0.02, number).tolist()
    gains = rng.normal(0, 1, number).tolist()
    facts = [
        [] if clean else [{"attack": spelled, "gain": gain, "noise": "white", "offset": place}]
        for place, gain in enumerate(gains)
    ]
    columns["facts"] = pa.array([json.dumps(fact, sort_keys=True) for fact in facts])
    checks = [[] if clean else _checks(spelled, value) for value in measured]
    columns["checks"] = pa.array(checks, pa.list_(CHECK))
    bonafide = (rows["label"] == "bonafide").to_numpy()
    for name in names:
        scores = rng.normal(bonafide * 2.0, 1.0).astype(np.float32)
        columns[f"score:{name}"] = pa.array(scores)
        columns[f"cause:{name}"] = pa.nulls(number, pa.string())
    return pa.table(columns)


def _checks(attack: str, measured: float) -> list[dict[str, object]]:
    common = {"step": 0, "attack": attack, "relation": "=", "passed": True}
    return [
        {**common, "quantity": "SNR", "unit": "dB", "claimed": 10.0, "measured": measured,
         "tolerance": 0.1, "effect": True},
        {**common, "quantity": "length", "unit": "samples", "claimed": 64000.0,
         "measured": 64000.0, "tolerance": 0.0, "effect": False},
    ]  # fmt: skip


def _stage(name: str, folder: Path, plan: RunPlan) -> str:
    if name == "recognise":
        missing = runner.missing(plan, Store(folder))
        return f"{missing.units} of {missing.units_planned} units to do"
    if name == "compact":
        done = compaction.compact(Store(folder))
        return f"{done.files_before} files, {done.bytes_before / 1e6:.0f} MB ->" + (
            f" {done.files_after} files, {done.bytes_after / 1e6:.0f} MB"
        )
    from benchmark.api import reporting
    from benchmark.runs.run_config import ReportConfig

    reporting.write(folder, ReportConfig(samples=0))
    return "all tables and the page"


def main() -> None:
    """Write the run, then measure every stage in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--utterances", type=int, default=700_000)
    parser.add_argument("--conditions", type=int, default=30)
    parser.add_argument("--detectors", type=int, default=4)
    parser.add_argument("--stage", choices=("write", *dict.fromkeys(STAGES)))
    given = parser.parse_args()
    size = given.utterances, given.conditions, given.detectors
    if given.stage is None:
        for stage in ("write", *STAGES):
            command = [sys.executable, "-m", __spec__.name, str(given.out), "--stage", stage]
            for name, value in zip(("utterances", "conditions", "detectors"), size, strict=True):
                command += [f"--{name}", str(value)]
            subprocess.run(command, check=True)
        return
    started = time.monotonic()
    plan = plan_of(*size)
    done = ""
    if given.stage == "write":
        write(given.out, plan)
    else:
        done = _stage(given.stage, given.out, plan)
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent, cpu = time.monotonic() - started, used.ru_utime + used.ru_stime
    count = f"{size[0]:,} x {size[1]} x {size[2]}"
    peak = used.ru_maxrss / 1e6
    print(
        f"| {count} | {given.stage} | {spent:.0f} s | {cpu:.0f} s | {peak:.2f} GB | {done} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
