"""Initialise worker processes: one thread, the parent's context, and an end with the parent."""

from __future__ import annotations

import multiprocessing
import os
import threading

import torch

from benchmark.workers.context import ProcessContext


def start_process(context: ProcessContext) -> None:
    """Set up a spawned process: one thread, the parent's context, and an end with the parent."""
    _die_with_parent()
    torch.set_num_threads(1)
    context.enter()


def _die_with_parent() -> None:
    """End this process as soon as its parent ends, so that no worker keeps writing to a run."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
