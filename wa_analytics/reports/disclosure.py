"""Small numbers are not published: a cell about fewer than five people could name one.

A total published beside its cells gives a single hidden one away by subtraction, so the next
smallest is hidden with it.
"""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST_SHOWN = 5
HIDDEN = "< 5"
ALSO_HIDDEN = "hidden"


def suppressed(count: int) -> str:
    """The count of people as it may be published; 1 to 4 become `< 5`, nobody stays 0."""
    return HIDDEN if 0 < count < SMALLEST_SHOWN else f"{count:,}"


def published(people: Sequence[int], counts: Sequence[int] | None = None) -> list[str]:
    """Cells of one breakdown whose total is shown too; `counts` (default: people) is what is printed.

    A cell is hidden when it speaks of 1 to 4 people; when that hides exactly one, the next smallest
    non-empty one goes too.
    """
    shown = people if counts is None else counts
    hidden = {index for index, count in enumerate(people) if 0 < count < SMALLEST_SHOWN}
    texts = [HIDDEN if index in hidden else f"{count:,}" for index, count in enumerate(shown)]
    if len(hidden) == 1:
        others = [index for index, count in enumerate(people) if count and index not in hidden]
        if others:
            texts[min(others, key=lambda index: people[index])] = ALSO_HIDDEN
    return texts
