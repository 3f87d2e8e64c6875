"""Runs Python on a pseudo-terminal, and shows what is left on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from tests.support.places import ROOT


def on_terminal(code: str, columns: int = 70, **variables: str) -> bytes:
    """Run Python code with all streams on a terminal, and return what that gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 * (columns > 0), columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT), **variables}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    got = b""
    try:
        while piece := os.read(ours, 65536):
            got += piece
    except OSError:  # the terminal is gone with the process
        pass
    os.close(ours)
    assert process.wait() == 0, got
    return got


def screen(got: bytes) -> list[str]:
    """Return the lines that stay on the screen of a terminal that got these bytes."""
    lines, row, column = [""], 0, 0
    for char in re.sub(rb"\x1b\[A", b"\x01", got).decode():
        if char == "\r":
            column = 0
        elif char == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif char == "\x01":
            row -= 1
        else:
            lines[row] = lines[row][:column].ljust(column) + char + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines if line.strip()]
