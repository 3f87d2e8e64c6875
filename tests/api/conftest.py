"""The run that tests of verification falsify."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import tampering
from tests.support.tampering import Scene


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A run, another one of the same trials, and the checkpoint; read-only."""
    root = tmp_path_factory.mktemp("scene")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(root / "cache"))
        yield tampering.scene(root)
