"""Reads a table drawn in a test: the first line names the columns, cells stand between bars.

    message_id | sent_at          | consent_code
    m1         | 2024-03-30 22:00 | granted

An empty cell is null; `yes` and `no` are booleans where the model says so; instants are UTC.
Columns of the table model that are not drawn get a harmless default of their type.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl
from sqlalchemy import Boolean, Integer
from sqlmodel import SQLModel

from wa_analytics.tables.column import Instant

ENGINES = ("polars", "duckdb")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)


def drawn_rows(text: str) -> list[dict[str, str | None]]:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    names = [name.strip() for name in lines[0].split("|")]
    rows = []
    for line in lines[1:]:
        cells = [cell.strip() or None for cell in line.split("|")]
        assert len(cells) == len(names), f"{len(cells)} cells for {len(names)} columns: {line}"
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def schema_of(model: type[SQLModel]) -> dict[str, Any]:
    """Polars types of a table model's columns."""
    kinds: dict[str, Any] = {}
    for column in model.__table__.columns:  # type: ignore[attr-defined]
        if isinstance(column.type, Instant):
            kinds[column.name] = pl.Datetime("us", "UTC")
        elif isinstance(column.type, Boolean):
            kinds[column.name] = pl.Boolean
        elif isinstance(column.type, Integer):
            kinds[column.name] = pl.Int64
        else:
            kinds[column.name] = pl.String
    return kinds


def _value(cell: str | None, kind: Any) -> Any:
    if cell is None:
        return None
    if kind == pl.Boolean:
        return {"yes": True, "no": False}[cell]
    if kind == pl.Int64:
        return int(cell)
    if isinstance(kind, pl.Datetime):
        return instant(cell)
    return cell


def drawn(model: type[SQLModel], text: str = "", **fixed: Any) -> pl.DataFrame:
    """The drawn rows as a frame with every column of `model`; `fixed` fills whole columns."""
    kinds = schema_of(model)
    rows = []
    for number, row in enumerate(drawn_rows(text) if text.strip() else []):
        unknown = set(row) - set(kinds)
        assert not unknown, f"{model.__name__} has no column {unknown}"
        full: dict[str, Any] = {}
        for name, kind in kinds.items():
            if name in row:
                full[name] = _value(row[name], kind)
            elif name in fixed:
                full[name] = fixed[name]
            elif name in ("message_id", "event_id", "finding_id"):
                full[name] = f"{name[0]}{number}"
            else:
                full[name] = False if kind == pl.Boolean else None
        rows.append(full)
    return pl.DataFrame(rows, schema=kinds)


def on_engine(frame: pl.DataFrame, engine: str) -> Any:
    """The frame as Polars or as a DuckDB relation (whose connection it keeps alive)."""
    if engine == "polars":
        return frame
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.from_arrow(frame.to_arrow())


def on_engines(engine: str, *frames: pl.DataFrame) -> list[Any]:
    """Several frames on one engine and, for DuckDB, one connection."""
    if engine == "polars":
        return list(frames)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return [connection.from_arrow(frame.to_arrow()) for frame in frames]
