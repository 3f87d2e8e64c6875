"""The worker in which audiomentations runs, as its parent sees it: one per process, on demand."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np

from attacks.audiomentations.worker import send
from attacks.contract.base import AttackError, Wave

ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class _Worker:
    """The child process of this process; see `worker` for what goes over the pipes."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "attacks.audiomentations.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=os.environ | dict.fromkeys(ENVIRONMENT, "1") | {"PYTHONPATH": path},
        )

    @property
    def usable(self) -> bool:
        """False in a forked child, whose parent's worker it is, and after its death."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, request: dict[str, Any], wave: Wave) -> tuple[Wave, dict[str, Any]]:
        """Samples and answer; `AttackError` with the last words where the worker dies."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            send(self.process.stdin, request, np.ascontiguousarray(wave))
            line = self.process.stdout.readline()
            answer = json.loads(line) if line else None
            data = self.process.stdout.read(4 * answer["size"]) if answer else b""
        except OSError:
            answer = None
        if answer is None:
            self.close()
            raise AttackError(f"its worker process died ({self._last_words()}); a new one starts")
        return np.frombuffer(data, dtype=np.float32).copy(), answer

    def close(self) -> None:
        """End the process: by the end of its input, or else by force."""
        if self.owner != os.getpid():
            return
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:  # what was still to be sent to a dead worker
                continue
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _last_words(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self.process.returncode}"


_lock = threading.Lock()
_worker: _Worker | None = None


def ask(request: dict[str, Any], wave: Wave) -> tuple[Wave, dict[str, Any]]:
    """The transformed wave and the drawn parameters; `AttackError` with the cause where none."""
    global _worker
    with _lock:
        if _worker is None or not _worker.usable:
            stop_worker()
            _worker = _Worker()
        made, answer = _worker.ask(request, wave)
    if "error" in answer:
        raise AttackError(answer["error"])
    return made, answer["drawn"]


@atexit.register
def stop_worker() -> None:
    """End this process's worker, if it has one; the next utterance starts another."""
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None
