"""Programs with a deadline: it holds whatever they start, write or leave unread."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from detectors.external import bounded_process
from detectors.external.bounded_process import BoundedRun, bounded_run


def python(code: str, given: bytes = b"", timeout: float = 60.0) -> BoundedRun:
    return bounded_run([sys.executable, "-c", code], given, timeout)


def test_input_and_both_outputs_are_whole() -> None:
    given = os.urandom(3_000_000)
    code = (
        "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data);"
        " print('done', file=sys.stderr); sys.exit(3)"
    )
    done = python(code, given)
    assert done == BoundedRun(3, given, b"done\n")


def test_a_program_may_leave_its_input_unread() -> None:
    assert python("print(1)", b"x" * 3_000_000) == BoundedRun(0, b"1\n", b"")


@pytest.mark.parametrize("session", [False, True])
def test_the_deadline_holds_although_a_child_keeps_the_pipes(session: bool, tmp_path: Path) -> None:
    number = tmp_path / "pid"
    code = (
        "import subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        f" start_new_session={session}); open({str(number)!r}, 'w').write(str(child.pid))"
    )
    begun = time.monotonic()
    done = python(code, timeout=4.0)
    assert done.code is None and time.monotonic() - begun < 15.0
    pid = int(number.read_text())
    if session:  # it left the session of the program, and is not ours to kill
        os.kill(pid, signal.SIGKILL)
    else:
        time.sleep(0.5)
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_program_that_stops_reading_and_hangs_is_ended() -> None:
    begun = time.monotonic()
    done = python("import time; time.sleep(60)", b"x" * 3_000_000, timeout=2.0)
    assert done.code is None and not done.flooded and time.monotonic() - begun < 15.0


def test_a_flood_ends_the_program_and_memory_stays_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_process, "MOST_OUTPUT", 1_000_000)
    done = python("while True: print('x' * 1000)")
    assert done.flooded and done.code is None and len(done.output) < 1_200_000
    done = python("import sys\nfor n in range(3000): print('y' * 1000, file=sys.stderr)\nprint(1)")
    assert done.code == 0 and len(done.errors) == bounded_process.MOST_ERRORS
