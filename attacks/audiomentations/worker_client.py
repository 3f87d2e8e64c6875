"""Parent side of the audiomentations worker: one worker per process, started on demand."""

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
    """The child of this process; `attacks.audiomentations.worker` describes the protocol."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
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
        """False after the worker's death, and in a forked child, which must start its own."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, request: dict[str, Any], wave: Wave) -> tuple[Wave, dict[str, Any]]:
        """Send a request; return the samples and the answer.

        Raises `AttackError` with the last line of the worker's errors where it dies.
        """
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
            raise AttackError(f"its worker process died ({self._last_error()}); a new one starts")
        return np.frombuffer(data, dtype=np.float32).copy(), answer

    def close(self) -> None:
        """End the process by closing its input; kill it if it still runs 5 s later."""
        if self.owner != os.getpid():
            return
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:  # data not yet sent to a dead worker
                continue
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _last_error(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self.process.returncode}"


_lock = threading.Lock()
_worker: _Worker | None = None


def ask(request: dict[str, Any], wave: Wave) -> tuple[Wave, dict[str, Any]]:
    """Return the transformed wave and the drawn parameters.

    Raises `AttackError` with the cause where the transform fails or the worker dies.
    """
    global _worker
    with _lock:
        if _worker is None or not _worker.usable:
            stop_worker()
            _worker = _Worker()
        output, answer = _worker.ask(request, wave)
    if "error" in answer:
        raise AttackError(answer["error"])
    return output, answer["drawn"]


@atexit.register
def stop_worker() -> None:
    """End this process's worker, if there is one; the next utterance starts a new one."""
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None
