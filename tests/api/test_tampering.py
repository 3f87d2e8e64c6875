"""Every falsification of a run is found by the step that can find it, and by no luck."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import tampering
from tests.support.places import ROOT
from tests.support.tampering import TAMPERS, Restored, Scene, Tamper


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.name)
def test_what_was_changed_is_found(tamper: Tamper, original: Scene, tmp_path: Path) -> None:
    mine = tampering.copied(original, tmp_path)
    with Restored(original):
        tamper.act(mine)
        seen = tampering.look(mine.verify())
    print(tampering.row(tamper, seen))  # pytest -s shows the table
    assert seen.steps == tamper.steps
    assert bool(seen.digest) == tamper.digest
    assert bool(seen.rescore) == tamper.rescore


def test_the_page_on_the_format_has_the_table() -> None:
    page = (ROOT / "docs" / "results-format.md").read_text(encoding="utf-8")
    assert tampering.expected() in page
