"""Start a worker process: one thread, the parent's plugins, and no life after the parent's."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import torch

from benchmark.workers import plugins


def start_process(plugin_files: Iterable[Path]) -> None:
    """The initializer of every spawned process: one thread, plugins loaded, tied to the parent."""
    _die_with_parent()
    torch.set_num_threads(1)
    plugins.load(plugin_files)


def _die_with_parent() -> None:
    """A worker whose parent was killed must not linger with the run folder half used."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
