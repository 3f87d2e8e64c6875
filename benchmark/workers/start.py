"""Initialise worker processes: one thread, the parent's plugins, and an end with the parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import torch

from benchmark.workers import plugins


def start_process(plugin_files: Iterable[Path]) -> None:
    """Set up a spawned process: one thread, loaded plugins, and an end with the parent."""
    _die_with_parent()
    torch.set_num_threads(1)
    plugins.load(plugin_files)


def _die_with_parent() -> None:
    """End this process as soon as its parent ends, so that no worker keeps writing to a run."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
