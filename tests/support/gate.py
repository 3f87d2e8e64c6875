"""Record all results that a refactoring must leave bit-identical, and compare two records.

    python tests/support/gate.py record  OUT [--root CHECKOUT]   # a few minutes on two cores
    python tests/support/gate.py reopen  OUT [--root CHECKOUT]   # the checkout continues OUT
    python tests/support/gate.py compare BEFORE AFTER            # 0: identical, 1: differences

A record holds the identities of attacks, detectors and formats; checkpoints of every detector that
trains cheaply; the parts, tables and plan of a small run over two splits; and laundered files of
the suite `full`. The embedded data set must be built. The script uses only the command line, the
public modules and files, so that it also works for versions with another internal layout. Tables
are compared under today's names, by the reader of this checkout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pyarrow.parquet as pq
import soundfile

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # run as a script, it finds the reader of this checkout

from benchmark.core.errors import InputError  # noqa: E402
from benchmark.leaderboard import read_tables  # noqa: E402

DETECTORS = (  # trained in seconds on two cores
    "attention-cnn", "cnn-bilstm", "constant", "cqt-lcnn", "gap-cnn", "image-cnn", "lfcc-gmm",
    "lfcc-lcnn", "mel-cnn", "mfcc-gmm", "random", "raw-cnn", "resnet18", "shortcut", "softmax-cnn",
    "vit", "filtered-cnn(low=300, high=3400, threshold=40)",
)  # fmt: skip
SUITE = """description = "the gate"
include = ["smoke"]
conditions = ["noise(kind=cafe, snr=5) | mp3(kbps=32)", "reverberation(rt60=0.3) | g711 | opus"]
"""
CACHED = ("embedded", "noises", "rirs", "wheels", "weights")
TIMED = ("origin", "written", "commit", "machine", "seconds", "code", "when", "data_root")
PROBE = """
import dataclasses, json
import launderbench
from attacks.contract.base import registry as attacks
from attacks.contract.condition import Condition
from benchmark.inference.checkpoints import FORMAT
from benchmark.scores.plan_files import FORMAT as PART_FORMAT
from benchmark.scores.unit_keys import KEY_FORMAT, SHARD
from benchmark.training.training_config import PROCEDURE
from detectors.contract.base import registry as detectors

found = {"formats": [FORMAT, PART_FORMAT, KEY_FORMAT, SHARD, PROCEDURE], "attacks": {}}
for name in attacks.names():
    item = attacks.get(name)()
    try:
        identity = Condition((item,)).identity()
    except Exception as error:
        identity = type(error).__name__
    found["attacks"][name] = [identity, item.version, item.family, item.stream, repr(item.severity)]
found["detectors"] = {
    name: [cls.version, repr(getattr(cls, "input", "waves")), repr(getattr(cls, "recipe", ""))]
    for name in detectors.names() for cls in [detectors.get(name)]
}
print(json.dumps(found, indent=1, sort_keys=True))
"""


def main(arguments: list[str] | None = None) -> int:
    """Run `record`, `reopen` or `compare`; return exit code 0 on success and no difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("record", "reopen"):
        sub = commands.add_parser(name)
        sub.add_argument("out", type=Path)
        sub.add_argument("--root", type=Path, default=ROOT, help="checkout whose code runs")
    compare = commands.add_parser("compare")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "record":
        record(options.out.resolve(), options.root.resolve())
        return 0
    if options.command == "reopen":
        return reopen(options.out.resolve(), options.root.resolve())
    return report(differences(options.before, options.after))


def record(out: Path, root: Path) -> None:
    """Record the results of the code in `root` in the new folder `out`."""
    out.mkdir(parents=True)
    link_cache(out / "cache")
    (out / "identities.json").write_text(python(out, root, "-c", PROBE))
    (out / "suite.toml").write_text(SUITE)
    launderbench(out, root, "train", *DETECTORS, "--epochs", "1", "--subset", "32")
    run(out, root)
    for seed, name in enumerate(("voice", "speech")):
        (out / "in").mkdir(exist_ok=True)
        soundfile.write(out / "in" / f"{name}.wav", signal(seed), 16000, subtype="PCM_16")
    # exit code 1: some attacks may fail verification on the synthetic signal
    launderbench(out, root, "attack", "full", "in", "laundered", allowed=(0, 1))


def reopen(out: Path, root: Path) -> int:
    """Continue a copy of the recorded run with the code in `root`; nothing may be left to do.

    The report is then written from it. Returns 0 if its tables equal the recorded ones.
    """
    again = out.parent / f"{out.name}-reopened"
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(out, again, symlinks=True)
    output = run(again, root)
    if "; 0 of" not in output:
        print(f"the old run was not recognised: {output}")
        return 1
    return report(differences(out, again))


def run(out: Path, root: Path) -> str:
    """Run the small matrix in `out`; return what the command printed."""
    given = [w for f in sorted((out / "cache/checkpoints").glob("*.safetensors"))
             for w in ("--checkpoint", str(f.relative_to(out)))]  # fmt: skip
    return launderbench(
        out, root, "run", "--suite", "suite.toml", "--limit", "60", "--run", "./run", *given
    )


def signal(seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return two seconds of a gliding harmonic tone with syllables and breath noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(32000) / 16000
    phase = 2 * np.pi * np.cumsum(110 + 20 * seed + 10 * np.sin(3 * time)) / 16000
    wave = sum(np.sin(k * phase) / k for k in range(1, 50)) + 0.2 * rng.standard_normal(32000)
    wave = wave * (0.02 + np.clip(np.sin(2 * np.pi * 3 * time), 0, 1))
    return np.asarray(0.5 * wave / np.abs(wave).max())


def link_cache(cache: Path) -> None:
    """Create a cache with its own checkpoints and links to the user's data sets and wheels."""
    cache.mkdir()
    moved = os.environ.get("LAUNDERBENCH_CACHE")
    users = Path(moved) if moved else Path(platformdirs.user_cache_dir("launderbench"))
    for name in CACHED:
        if (users / name).exists():
            (cache / name).symlink_to(users / name)


def launderbench(out: Path, root: Path, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
    """Run a command of the code in `root` with `out` as the working folder."""
    print("launderbench", *arguments[:4], "...", flush=True)
    words = ("-m", "benchmark", *arguments)
    return python(out, root, *words, allowed=allowed, errors=subprocess.STDOUT)


def python(
    out: Path,
    root: Path,
    *arguments: str,
    allowed: tuple[int, ...] = (0,),
    errors: int | None = None,
) -> str:
    """Run Python on the code in `root` and return its standard output; exit if it fails.

    errors : `subprocess.STDOUT` to return what it says on standard error too
    """
    environment = os.environ | {"PYTHONPATH": str(root), "LAUNDERBENCH_CACHE": str(out / "cache")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=out, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=errors,
    )  # fmt: skip
    if done.returncode not in allowed:
        raise SystemExit(f"failed with {done.returncode}: {' '.join(arguments)[:200]}")
    return done.stdout


def differences(before: Path, after: Path) -> Iterator[str]:
    """Yield one line per difference of two records; at the end print what was compared."""
    counted: dict[str, int] = {}
    for kind, pattern in (
        ("identities", "identities.json"),
        ("checkpoints", "cache/checkpoints/*.safetensors"),
        ("laundered files", "laundered/**/*.wav"),
        ("effects", "laundered/*.csv"),
        ("LaTeX", "run/*.tex"),
        ("parts", "run/parts/**/*.parquet"),
        ("plan", "run/plan.json"),
    ):
        old, new = ({p.relative_to(r): p for p in r.glob(pattern)} for r in (before, after))
        for name in sorted(old.keys() ^ new.keys()):
            yield f"{kind}: {name} is only in {'BEFORE' if name in old else 'AFTER'}"
        for name in sorted(old.keys() & new.keys()):
            if content(old[name]) != content(new[name]):
                yield f"{kind}: {name} differs"
        if not old:
            yield f"{kind}: BEFORE has none"
        counted[kind] = len(old.keys() & new.keys())
    yield from table_differences(before / "run", after / "run")
    counted["tables"] = len([*(before / "run").glob("*.csv")])
    print("compared", ", ".join(f"{count} {kind}" for kind, count in counted.items()))


def table_differences(before: Path, after: Path) -> Iterator[str]:
    """Yield one line per table that differs; the columns may have other names or another order."""
    old, new = ({p.name: content(p) for p in folder.glob("*.csv")} for folder in (before, after))
    if not old:
        yield "tables: BEFORE has none"
    if old == new:
        return
    try:
        frames = [read_tables.read(folder) for folder in (before, after)]
    except InputError as error:
        yield f"tables: not the same, and not to be compared by column ({error})"
        return
    for name, table in frames[0].items():
        if not table.equals(frames[1][name]):
            yield f"tables: {name} differs"


def content(path: Path) -> Any:
    """Return what must be equal: a file's bytes, or a part or plan without time and machine."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        meta = json.loads(file.metadata.metadata[b"launderbench"])
        return untimed(meta), hashlib.sha256(repr(file.read().to_pydict()).encode()).hexdigest()
    if path.name == "plan.json":
        return untimed(json.loads(path.read_text()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def untimed(value: Any) -> Any:
    """Return the value without the keys that depend on time and machine, at any depth."""
    if isinstance(value, dict):
        return {key: untimed(inner) for key, inner in value.items() if key not in TIMED}
    return [untimed(inner) for inner in value] if isinstance(value, list) else value


def report(found: Iterator[str]) -> int:
    """Print the differences; return 1 if there are any."""
    lines = list(found)
    for line in lines[:50]:
        print(line)
    print("identical" if not lines else f"{len(lines)} differences")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
