"""Which executor a run is given."""

from __future__ import annotations

import torch

from benchmark.core.errors import InputError
from benchmark.core.parallel import cores
from benchmark.runs.executor import Executor, Processes
from benchmark.runs.run_config import RAY, ExecutionConfig


def workers_of(execution: ExecutionConfig) -> int:
    """Return the number of worker processes: by default one per core."""
    return cores() if execution.workers is None else execution.workers


def chosen(execution: ExecutionConfig, asked: str, devices: tuple[torch.device, ...]) -> Executor:
    """Return the executor of a run.

    asked   : the device that the user named: `auto`, `cpu`, `cuda`, `cuda:N` or several
    devices : what it is on this machine

    Raises `InputError` if Ray is asked for and absent, or cannot do what is asked for.
    """
    if execution.executor != RAY:
        if execution.here and len(devices) > 1:
            raise InputError(f"--device {asked}: a function of this program scores on one device")
        here = execution.here or devices[0].type == "cuda"
        return Processes(workers_of(execution), here, tuple(map(str, devices)))
    from benchmark.runs import ray_cluster
    from benchmark.runs.ray_executor import Ray

    ray_cluster.module()
    if len(devices) > 1:
        raise InputError("--executor ray scores on all GPUs of its cluster: leave out --device")
    if execution.here:
        raise InputError("--executor ray: a function of this program cannot score on other nodes")
    if execution.workers == 0:
        raise InputError("--executor ray needs --workers 1 at least")
    return Ray(execution.address, execution.workers, execution.scorers, asked != "cpu")
