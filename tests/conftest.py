"""Fixtures that several test files share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import builders


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
