"""Fixtures that several test files share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from attacks.contract import base as attacks
from benchmark.core.registry import FILES
from detectors.contract import base as detectors
from tests.support import builders

# The suite draws the same examples everywhere, so that a commit passes or fails for its own sake.
# `make soak` draws new ones; `make test ARGS=--hypothesis-profile=new` does so for the suite.
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **UNTIMED)
settings.register_profile("new", derandomize=False, **UNTIMED)
settings.load_profile("same")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def pytest_configure(config: pytest.Config) -> None:
    """Give one compute thread to each of several processes of tests, which inherit this.

    Threads that wait for one another on cores that have other work take half of a training's time.
    """
    if config.getoption("numprocesses", None):
        for name in THREADS:
            os.environ.setdefault(name, "1")


@contextmanager
def forgetting_plugins() -> Iterator[None]:
    """Forget the attacks and detectors that are registered in this block."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for registry in (attacks.registry, detectors.registry):
            registry.names()
            patch.setattr(registry, "_items", dict(registry._items))
        yield
    for name in set(sys.modules) - before:
        if name.startswith(FILES):
            del sys.modules[name]


@pytest.fixture(autouse=True, scope="module")
def plugins_of_the_module_alone() -> Iterator[None]:
    """Keep what fixtures of one module register from every other module."""
    with forgetting_plugins():
        yield


@pytest.fixture(autouse=True)
def plugins_of_the_test_alone(plugins_of_the_module_alone: None) -> Iterator[None]:
    """Keep what one test registers from every other test."""
    with forgetting_plugins():
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus with train, dev and test; read-only."""
    return builders.corpus(tmp_path_factory.mktemp("toy") / "toy", train=24)
