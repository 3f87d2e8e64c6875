"""The table of the speed targets, printed at the end of the session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

ROWS: list[tuple[str, str, str, str]] = []
Target = Callable[[str, str, float, bool, str], None]


@pytest.fixture
def target(benchmark) -> Target:
    """Return a function that records a target: number, text, value, reached, words.

    A target that is not reached does not fail the test.
    """

    def note(number: str, what: str, measured: float, reached: bool, words: str) -> None:
        benchmark.extra_info[number] = {"what": what, "measured": measured, "reached": reached}
        ROWS.append((number, what, words, "reached" if reached else "NOT reached"))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    terminalreporter.section("targets")
    head = ("", "target", "measured", "")
    widths = [max(len(row[place]) for row in (head, *ROWS)) for place in range(4)]
    for row in (head, *sorted(ROWS)):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
