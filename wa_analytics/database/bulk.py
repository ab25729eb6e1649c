"""Rows in and out in bulk: `executemany` on SQLite, COPY on PostgreSQL, Polars on the way out.

Instants travel as text in one form (`tables.column.instant_text`), which both databases read and
which sorts as time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Boolean, Column, Connection, Float, Integer, LargeBinary, String, TypeDecorator, text
from sqlmodel import SQLModel

import wa_analytics.tables  # noqa: F401  (registers every table in the metadata)
from wa_analytics.database.copying import blocks, blocks_of_columns
from wa_analytics.tables.column import Instant, instant_text

if TYPE_CHECKING:
    import sqlite3

    import polars as pl

INSTANT_FORMAT = "%Y-%m-%d %H:%M:%S%.6f"
JSON_ROWS = 10_000


@cache
def _declared() -> tuple[frozenset[str], frozenset[str]]:
    """Names of instant and of Boolean columns over all tables; one name, one type."""
    columns = [c for table in SQLModel.metadata.tables.values() for c in table.columns]
    return (
        frozenset(c.name for c in columns if isinstance(c.type, Instant)),
        frozenset(c.name for c in columns if isinstance(c.type, Boolean)),
    )


class Writer:
    """Writes inside one transaction."""

    def __init__(self, connection: Connection, dialect: str, prefix: str = "") -> None:
        self.connection = connection
        self.dialect = dialect
        self.prefix = prefix

    def execute(self, sql: str, params: dict[str, Any] | None = None) -> int:
        """Run one statement; returns the rows it touched."""
        return self.connection.execute(text(sql), bound(params or {}, self.dialect)).rowcount

    def rows(self, sql: str, params: dict[str, Any] | None = None) -> list[Any]:
        """Rows of a query inside the transaction."""
        return list(self.connection.execute(text(sql), bound(params or {}, self.dialect)).fetchall())

    def append(
        self,
        table: type[SQLModel],
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        skip_known: bool = False,
        earliest_by: Sequence[str] = (),
    ) -> None:
        """Insert many rows. Instants are text of `instant_text` or None.

        skip_known: leave rows whose primary key is there already as they are.
        earliest_by: of rows with one primary key, which must come once here, the one stays in which
            these columns are smallest.
        """
        name = f'"{self.prefix}{table.__tablename__}"'
        conflict = _settled(name, table, columns, earliest_by) if earliest_by else "ON CONFLICT DO NOTHING"
        quoted = ", ".join(f'"{column}"' for column in columns)
        cursor = self.connection.connection.cursor()
        try:
            if self.dialect == "sqlite":
                marks = ", ".join("?" * len(columns))
                ending = conflict if skip_known or earliest_by else ""
                cursor.executemany(f"INSERT INTO {name} ({quoted}) VALUES ({marks}) {ending}", rows)  # type: ignore[arg-type]
                return
            target = name
            if skip_known or earliest_by:
                target = '"incoming_rows"'
                cursor.execute(f"CREATE TEMP TABLE {target} (LIKE {name} INCLUDING DEFAULTS) ON COMMIT DROP")
            _copied(cursor, target, columns, blocks(table, columns, rows))
            if skip_known or earliest_by:
                # The condition only keeps ON CONFLICT from being read as the ON of a join.
                cursor.execute(
                    f"INSERT INTO {name} ({quoted}) SELECT {quoted} FROM {target} WHERE TRUE {conflict}"
                )
                cursor.execute(f"DROP TABLE {target}")
        finally:
            cursor.close()

    def append_columns(self, table: type[SQLModel], columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert many rows, given column by column. Instants are microseconds since 1970 UTC."""
        if self.dialect == "sqlite":
            instants = _declared()[0]
            cells = [
                [None if cell is None else instant_text(cell) for cell in column]
                if name in instants
                else column
                for name, column in columns.items()
            ]
            self.append(table, list(columns), zip(*cells, strict=True))
            return
        name = f'"{self.prefix}{table.__tablename__}"'
        cursor = self.connection.connection.cursor()
        try:
            _copied(cursor, name, columns, blocks_of_columns(table, list(columns), list(columns.values())))
        finally:
            cursor.close()

    def append_frame(self, table: type[SQLModel], frame: pl.DataFrame) -> None:
        """Insert a frame whose columns are the table's."""
        if frame.height:
            self.append(table, frame.columns, rows_of(frame))


def _copied(cursor: Any, target: str, columns: Iterable[str], written: Iterable[bytes]) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    with cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        for block in written:
            copy.write(block)


def _settled(name: str, table: type[SQLModel], columns: Sequence[str], by: Sequence[str]) -> str:
    """The ending of an INSERT that keeps the smaller of two rows with one primary key."""
    keys = [column.name for column in table.__table__.primary_key]  # type: ignore[attr-defined]
    new = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keys)
    smaller = f"({', '.join(f'excluded.{one}' for one in by)}) < ({', '.join(f'{name}.{one}' for one in by)})"
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {new} WHERE {smaller}"


def bound(params: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Parameters as the database compares them: on SQLite an instant is its text."""
    naive = [name for name, v in params.items() if isinstance(v, datetime) and v.tzinfo is None]
    if naive:
        raise ValueError(f"an instant needs a time zone; pass an aware datetime as {naive[0]}")
    if dialect != "sqlite":
        return params
    return {name: _written_instant(v) if isinstance(v, datetime) else v for name, v in params.items()}


def _written_instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def written(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with instants as text, ready for `append`."""
    import polars as pl

    instants = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(INSTANT_FORMAT) for name in instants)


def rows_of(frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The frame's rows, ready for `append`. The values are made at once, their tuples one by one as they
    are asked for, which is what costs least."""
    return zip(*(column.to_list() for column in written(frame).get_columns()), strict=True)


def frame_of(names: Sequence[str], rows: Sequence[Sequence[Any]], dialect: str) -> pl.DataFrame:
    """A query's rows as a frame, instants and Booleans typed by column name."""
    return _framed(names, list(zip(*rows, strict=True)) or [() for _ in names], dialect)


def can_come_as_json(table: type[SQLModel], names: Iterable[str]) -> bool:
    """Whether SQLite's JSON says exactly what stands in these columns: of a number with a fraction it
    rounds the last digits, and bytes it refuses."""
    columns = table.__table__.columns  # type: ignore[attr-defined]
    return not any(isinstance(columns[name].type, Float | LargeBinary) for name in names)


def sqlite_frame(cursor: sqlite3.Cursor, table: str, names: Sequence[str]) -> pl.DataFrame:
    """Every row of a table of SQLite, in the order of its rows; the caller's transaction makes it one state.

    A column of many rows comes as one JSON text, which takes two fifths of the time that the rows do as
    tuples.
    """
    import polars as pl

    quoted = [f'"{name}"' for name in names]
    sql = (
        f"SELECT max(rowid), {', '.join(f'json_group_array({name})' for name in quoted)} FROM "
        f"(SELECT rowid, {', '.join(quoted)} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {JSON_ROWS})"
    )
    last, frames = -1, []
    while True:
        reached, *texts = cursor.execute(sql, (last,)).fetchone()
        cells = [msgspec.json.decode(text) for text in texts]
        frames.append(_framed(names, cells, "sqlite"))
        if frames[-1].height < JSON_ROWS:
            return pl.concat(frames, how="vertical_relaxed")
        last = reached


def _framed(names: Sequence[str], cells: Sequence[Sequence[Any]], dialect: str) -> pl.DataFrame:
    import polars as pl

    instants, booleans = _declared()
    series = []
    for name, column in zip(names, cells, strict=True):
        if name in instants:
            series.append(_instants(name, column))
        elif name in booleans:
            series.append(
                pl.Series(name, column, dtype=pl.Int8 if dialect == "sqlite" else pl.Boolean).cast(pl.Boolean)
            )
        else:
            kind = _kinds().get(name)
            series.append(pl.Series(name, column, dtype=kind) if kind else pl.Series(name, column))
    return pl.DataFrame(series)


def _instants(name: str, column: Sequence[Any]) -> pl.Series:
    import polars as pl

    utc = pl.Datetime("us", "UTC")
    first = next((cell for cell in column if cell is not None), None)
    if first is None:
        return pl.Series(name, column, dtype=utc)
    if isinstance(first, str):
        return (
            pl.Series(name, column, dtype=pl.String)
            .str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
            .dt.replace_time_zone("UTC")
        )
    return pl.Series(name, column).dt.cast_time_unit("us").dt.convert_time_zone("UTC")


def _kind(column: Column[Any]) -> Any:
    """Polars type of a declared column."""
    import polars as pl

    plain = column.type
    if isinstance(plain, Instant):
        return pl.Datetime("us", "UTC")
    if isinstance(plain, TypeDecorator):
        plain = plain.impl_instance
    return next(
        kind
        for base, kind in (
            (Boolean, pl.Boolean),
            (Integer, pl.Int64),
            (Float, pl.Float64),
            (String, pl.String),
            (LargeBinary, pl.Binary),
        )
        if isinstance(plain, base)
    )


@cache
def _kinds() -> dict[str, Any]:
    """Polars type by name of column, so that empty and all-null columns keep theirs; a name that two
    tables type differently is left to what stands in it."""
    found: dict[str, set[Any]] = {}
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            found.setdefault(column.name, set()).add(_kind(column))
    return {name: kinds.pop() for name, kinds in found.items() if len(kinds) == 1}


def schema_of(table: type[SQLModel]) -> dict[str, Any]:
    """Polars types of a table's columns."""
    return {column.name: _kind(column) for column in table.__table__.columns}  # type: ignore[attr-defined]
