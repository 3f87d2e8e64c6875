"""CSV cells run nothing in a spreadsheet, and come back as they were."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.core.spreadsheet import STARTS, guarded, plain


@given(st.text(alphabet="'=+-@\t\nA0", max_size=5))
@example("''=")
@example("'-")
@example("\t=1")
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    cell = guarded(text)
    assert cell == "-" or cell[:1] not in STARTS
    assert plain(cell) == text
