"""A frame of a table through a pure room, which takes and gives lazy frames of any engine."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw
import polars as pl

from wa_analytics.metrics.frames import Lazy, collected


def lazy(frame: pl.DataFrame) -> Lazy:
    """The frame as pure rooms take it."""
    return nw.from_native(frame.lazy())


def through(room: Callable[[Lazy], Lazy], frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as the room leaves it."""
    return collected(room(lazy(frame)))
