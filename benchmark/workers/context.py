"""The context that the processes of a command share: plugin files, noise bank, progress bars."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import noises
from benchmark.core import progress, trust
from benchmark.workers import plugins


@dataclass(frozen=True)
class ProcessContext:
    """The plugin files and the noise bank of a command, as a value that workers receive.

    noises : folder of the noise bank; None for the built one, or the one in `LAUNDERBENCH_NOISES`
    quiet  : show no progress bars
    allow  : spellings that are accepted from files, though they run a program or open a file
    """

    plugins: tuple[Path, ...] = ()
    noises: Path | None = None
    quiet: bool = False
    allow: tuple[str, ...] = ()

    def enter(self) -> None:
        """Load the plugins, use the noise bank and show or hide bars in this process.

        Raises `InputError` if a plugin fails or the folder is absent.
        """
        progress.hide(self.quiet)
        trust.allow(self.allow)
        plugins.load(self.plugins)
        noises.use(self.noises)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Enter for the time of a block, then use the noise bank of before; plugins stay."""
        hidden = progress.hide(self.quiet)
        try:
            with noises.using(self.noises), trust.allowing(*self.allow):
                plugins.load(self.plugins)
                yield
        finally:
            progress.hide(hidden)


ALONE = ProcessContext()
