"""Pure functions on drawn tables: drawn in Polars, run on either engine, read back as Polars."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl

from tests.spec.drawn_table import on_engines


def lifted(engine: str, *frames: pl.DataFrame) -> list[nw.LazyFrame[Any]]:
    """The frames as Narwhals lazy frames of one engine."""
    return [nw.from_native(native).lazy() for native in on_engines(engine, *frames)]


def rows(frame: nw.LazyFrame[Any], *columns: str) -> list[tuple[Any, ...]]:
    """The rows of some columns, sorted, as an engine computed them."""
    return by_key(frame.select(*columns).collect("polars").to_native())


def by_key(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(frame.rows(), key=lambda row: tuple(map(str, row)))


def computed(frame: nw.LazyFrame[Any]) -> pl.DataFrame:
    """The frame as an engine computed it; text and instants typed alike on every engine."""
    found: pl.DataFrame = frame.collect("polars").to_native()
    instants = [name for name, kind in found.schema.items() if isinstance(kind, pl.Datetime)]
    return found.with_columns(pl.col(instants).cast(pl.Datetime("us", "UTC")))
