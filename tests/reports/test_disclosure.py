"""Small cells are hidden, and not given away by their total."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.reports.disclosure import ALSO_HIDDEN, HIDDEN, published, suppressed


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (1, "< 5"), (4, "< 5"), (5, "5"), (1204, "1,204")])
def test_single_counts(count: int, text: str) -> None:
    assert suppressed(count) == text


@pytest.mark.parametrize(
    ("people", "counts", "texts"),
    [
        ([10, 3, 7], None, ["10", HIDDEN, ALSO_HIDDEN]),
        ([10, 3, 2], None, ["10", HIDDEN, HIDDEN]),
        ([3], None, [HIDDEN]),
        ([9, 0], None, ["9", "0"]),
        ([3, 0, 8, 6], [30, 0, 80, 60], [HIDDEN, "0", "80", ALSO_HIDDEN]),
        ([], None, []),
    ],
)
def test_breakdowns(people: list[int], counts: list[int] | None, texts: list[str]) -> None:
    assert published(people, counts) == texts


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12))
def test_a_hidden_cell_cannot_be_found_by_subtraction(people: list[int]) -> None:
    texts = published(people)
    hidden = [text for text in texts if text in (HIDDEN, ALSO_HIDDEN)]
    if hidden and sum(1 for count in people if count) > 1:
        assert len(hidden) >= 2
    for count, text in zip(people, texts, strict=True):
        assert not (0 < count < 5 and text != HIDDEN)
