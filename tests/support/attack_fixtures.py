"""Fixtures of the attack tests: a small noise bank and a cache of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import noises
from tests.support.attack_support import room_tone, talkers

BANK_SECONDS = 14.0


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noise bank built from synthetic inputs; read-only."""
    folder = tmp_path_factory.mktemp("noises")
    noises.build(folder, babble=talkers(), cafe=room_tone(), seconds=BANK_SECONDS)
    return folder


@pytest.fixture(scope="session")
def rir_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attack_cache")


@pytest.fixture(scope="module")
def world(bank: Path, rir_cache: Path) -> Iterator[None]:
    """Point attacks to the noise bank and the RIR cache by environment variables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_NOISES", str(bank))
        patch.setenv("LAUNDERBENCH_CACHE", str(rir_cache))
        yield
