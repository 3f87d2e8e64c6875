"""Time every stage of `make bench` from a fresh clone, with nothing cached.

    python tests/perf/cold_run.py            # test split alone, shipped detectors
    python tests/perf/cold_run.py --train    # trains them
    python tests/perf/cold_run.py --cores 1  # on one core

The clone, the environment and the cache lie in a temporary folder, which is removed at the end.
Packages are fetched again too. The numbers are seconds on the clock.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGE = re.compile(r"(\w+) (\d+) s")


def main() -> int:
    """Run the stages and print a table; the exit code is that of the first command that fails."""
    parser = argparse.ArgumentParser(description="Time the stages of a first run.")
    parser.add_argument("--train", action="store_true", help="train the detectors")
    parser.add_argument("--cores", type=int, help="use so many of this machine's cores")
    parser.add_argument("arguments", nargs="*", help="of make bench, such as SUITE=smoke LIMIT=60")
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    arguments = [*options.arguments, *(["TRAIN=1"] if options.train else [])]
    with tempfile.TemporaryDirectory(prefix="cold-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        print(f"processor: {_processor()}, {len(os.sched_getaffinity(0))} cores", flush=True)
        for name, targets in (
            ("set-up", ["setup"]), ("bench", ["bench", *arguments]),
            ("second call", ["bench", *arguments]),
        ):  # fmt: skip
            code, seconds, output = _timed(targets, clone, Path(folder) / "cache")
            if code:
                print(output[-2000:])
                return code
            print(f"{name:12} {seconds:6.0f} s", flush=True)
            (spent,) = re.findall(r"^time spent: (.*)$", output, re.MULTILINE) or [""]
            for stage, value in STAGE.findall(spent):
                print(f"  {stage:10} {int(value):6} s", flush=True)
    return 0


def _timed(targets: Sequence[str], clone: Path, cache: Path) -> tuple[int, float, str]:
    """Run make in the clone; return exit code, seconds on the clock, and output."""
    environment = {
        **os.environ,
        "LAUNDERBENCH_CACHE": str(cache),
        "PIP_NO_CACHE_DIR": "1",
        "PYTHON": sys.executable,
    }
    for name in ("VIRTUAL_ENV", "PYTHONPATH"):
        environment.pop(name, None)
    started = time.monotonic()
    done = subprocess.run(
        ["make", *targets], cwd=clone, env=environment, capture_output=True, text=True
    )
    return done.returncode, time.monotonic() - started, done.stdout + done.stderr


def _processor() -> str:
    """Return name and vector instructions of the processor."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.is_file() else ""
    name = re.search(r"model name\s*: (.*)", text)
    flags = set((re.search(r"flags\s*: (.*)", text) or [""])[0].split())
    vectors = [v for v in ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_tile") if v in flags]
    return f"{name[1] if name else 'unknown'} ({', '.join(vectors) or 'no AVX2'})"


if __name__ == "__main__":
    sys.exit(main())
