"""Connection to a Ray cluster, or to one that is started on this machine for a run."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmark.core.errors import InputError, one_line

AUTO = "auto"
CONNECT_S = 5.0
LEAST_STORE = 80 * 2**20  # bytes; Ray asks for 75 MB at least
STORE_A_WORKER = 128 * 2**20  # bytes: some units of 64 utterances of 4 s, 16 MB each
MISSING = "--executor ray needs Ray: pip install 'launderbench[ray]'"


def module() -> Any:
    """Return the module `ray`; `InputError` with the extra if it is not installed.

    It sends nobody statistics of its use.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray reads it as it starts
    try:
        import ray
    except ImportError as error:
        raise InputError(MISSING) from error
    return ray


@contextmanager
def connected(address: str, workers: int) -> Iterator[Any]:
    """Connect to the cluster at `address`, and yield the module `ray`; then leave it.

    address : HOST:PORT of its head, `auto` for the cluster of which this machine is a node, or ''
              to start Ray on this machine with `workers` CPUs, and to end it afterwards

    Where the program is connected already, that connection is used and stays. Raises `InputError`
    if there is no such cluster.
    """
    ray = module()
    if ray.is_initialized():
        yield ray
        return
    if address not in ("", AUTO):
        _require_listener(address)
    with _own_sigterm():
        _connect(ray, address, workers)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str, workers: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            store = LEAST_STORE + STORE_A_WORKER * workers
            ray.init(
                address="local", num_cpus=workers, object_store_memory=store,
                include_dashboard=False, **quiet,
            )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError, OSError, SystemExit) as error:
        where = f"the Ray cluster at {address}" if address else "Ray on this machine"
        advice = "; is Ray started here (ray start --address HEAD:PORT)?" if address else ""
        raise InputError(f"cannot reach {where} ({_first(error)}){advice}") from error


def _first(error: BaseException) -> str:
    """Return the first sentence of an error of Ray, which writes many lines."""
    return one_line(error).partition(". ")[0] or type(error).__name__


def _require_listener(address: str) -> None:
    """Raise `InputError` if nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if "://" in address or not colon or not port.isdigit():
        raise InputError(
            f"--address {address}: give HOST:PORT of the head, as `ray start --head` prints it, or"
            f" {AUTO}; run LaunderBench on a node of the cluster"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or one_line(error)
        raise InputError(f"--address {address}: no Ray cluster answers there ({cause})") from error


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep this program's answer to SIGTERM, which Ray replaces by an exit of its own."""
    if threading.current_thread() is not threading.main_thread():  # which alone has handlers
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def names(ray: Any) -> dict[str, str]:
    """Return the name of each node that can work, by its id; `InputError` if there is none."""
    found = {
        node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"
        for node in ray.nodes()
        if node["Alive"] and {"CPU", "GPU"} & node["Resources"].keys()
    }
    if not found:
        raise InputError("the Ray cluster has no node with a CPU")
    return found
