"""What is written in PostgreSQL's own binary form is what the text form would have written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.errors import NotNullViolation
from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.database import Database
from wa_analytics.database.copying import BLOCK_ROWS, blocks
from wa_analytics.tables.column import instant_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BOUNDS: dict[type, tuple[Any, ...]] = {
    datetime: tuple(
        instant_text((moment - EPOCH) // datetime.resolution)
        for moment in (
            EPOCH.replace(year=1),
            EPOCH,
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        )
    ),
    bool: (True, False),
    int: (0, -1, 2**31 - 1, -(2**31)),
    float: (0.0, -0.1, 1e300, float("inf")),
    bytes: (b"", b"\0\xff", b"\\x00\t\n", bytes(range(256)) * 40),
    str: ("", "\\N", "\t\n\r", "Ü€😀"),
}


def _drawn(table: type[SQLModel], columns: list[str], count: int) -> list[tuple[Any, ...]]:
    """Rows with the bounds of every column's type, nulls where they may stand, and keys of their own."""
    rows = []
    for number in range(count):
        row: list[Any] = []
        for place, name in enumerate(columns):
            column = table.__table__.columns[name]  # type: ignore[attr-defined]
            kind = getattr(column.type, "impl_instance", column.type).python_type
            values = BOUNDS[kind] + ((None,) if column.nullable else ())
            value = values[(number + place) % len(values)]
            if column.primary_key or column.unique:
                value = {
                    datetime: instant_text(number),
                    bool: True,
                    int: number,
                    str: f"é{number}",
                    bytes: b"%d" % number,
                }[kind]
            row.append(value)
        rows.append(tuple(row))
    return rows


@pytest.mark.parametrize("count", [0, 1, 2 * BLOCK_ROWS + 1])
@pytest.mark.parametrize("table", [t.Entry, t.EntryKey, t.WrappingKey, t.ChannelDay, t.ImportCount])
def test_both_forms_are_read_alike(table: type[SQLModel], count: int, postgresql_url: str) -> None:
    database = Database(postgresql_url)
    columns = [column.name for column in table.__table__.columns]  # type: ignore[attr-defined]
    rows, name = _drawn(table, columns, count), str(table.__tablename__)
    with database.writing() as writer:
        writer.append(table, columns, rows)
    with database.writing() as writer:
        writer.execute(f"CREATE TABLE as_text (LIKE {name})")
        with writer.connection.connection.cursor() as cursor, cursor.copy("COPY as_text FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    unlike = database.scalar(
        f"SELECT count(*) FROM ((TABLE {name} EXCEPT ALL TABLE as_text)"
        f" UNION ALL (TABLE as_text EXCEPT ALL TABLE {name})) AS unlike"
    )
    assert (unlike, database.scalar(f"SELECT count(*) FROM {name}")) == (0, count)
    database.close()


def test_every_column_has_a_form(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.writing() as writer:
        for table in t.TABLES:
            columns = [column.name for column in table.__table__.columns]  # type: ignore[attr-defined]
            writer.append(table, columns, _drawn(table, columns, 3))
    assert database.scalar("SELECT count(*) FROM message") == 3
    database.close()


def test_a_null_where_none_may_stand_is_refused(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with pytest.raises(NotNullViolation), database.writing() as writer:
        writer.append(t.Channel, ("channel_id", "has_inbound"), [("c1", None)])
    assert database.scalar("SELECT count(*) FROM channel") == 0
    database.close()


def test_blocks_are_bounded_and_rows_are_taken_as_they_are_needed() -> None:
    taken = 0

    def rows() -> Any:
        nonlocal taken
        for number in range(3 * BLOCK_ROWS):
            taken += 1
            yield f"c{number}", True

    written = blocks(t.Channel, ("channel_id", "has_inbound"), rows())
    assert taken == 0
    next(written)
    next(written)
    assert taken == BLOCK_ROWS


def test_what_is_encrypted_is_not_tried_to_be_compressed(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    stored = database.scalar(
        "SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'entry'::regclass"
        " AND attname = 'ciphertext'"
    )
    database.close()
    assert stored == "e"
