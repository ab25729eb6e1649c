"""Rows as PostgreSQL's COPY reads them in binary.

Column by column and a block at a time: psycopg writes row by row, which costs several times as much, and
its text form makes two hex digits of every byte, which PostgreSQL then reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice, repeat
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, TypeDecorator
from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, Instant

Parts = tuple[Iterable[bytes], ...]
Fields = Callable[[Sequence[Any]], Parts]
"""One column's values to what stands in each row: its length and its bytes, in one part or two."""

BLOCK_ROWS = 500
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_length = struct.Struct("!i").pack
_count = struct.Struct("!h").pack
_instant = struct.Struct("!iq").pack
_YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
_YEAR_2000_MICROSECONDS = 946_684_800_000_000
_MICROSECOND = datetime.resolution


def blocks(table: type[SQLModel], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """What to send for `COPY … FROM STDIN (FORMAT BINARY)`, some hundred rows at a time: PostgreSQL stores
    them while the next are written.

    Instants are text of `instant_text` or microseconds since 1970. Raises struct.error or TypeError
    where a value is of another type than its column.
    """
    left = iter(rows)
    some = iter(lambda: list(islice(left, BLOCK_ROWS)), [])
    return _blocks(table, names, (list(zip(*block, strict=True)) for block in some))


def blocks_of_columns(
    table: type[SQLModel], names: Sequence[str], columns: Sequence[Sequence[Any]]
) -> Iterator[bytes]:
    """The same from whole columns."""
    starts = range(0, len(columns[0]), BLOCK_ROWS)
    return _blocks(table, names, ([cells[at : at + BLOCK_ROWS] for cells in columns] for at in starts))


def _blocks(
    table: type[SQLModel], names: Sequence[str], blocks: Iterable[Sequence[Sequence[Any]]]
) -> Iterator[bytes]:
    fields = _fields(table, tuple(names))
    count = _count(len(fields))
    yield _HEAD
    for columns in blocks:
        parts: list[Iterable[bytes]] = [repeat(count, len(columns[0]))]
        for of_column, cells in zip(fields, columns, strict=True):
            parts += of_column(cells)
        yield b"".join(chain.from_iterable(zip(*parts, strict=True)))
    yield _TAIL


@lru_cache(maxsize=128)
def _fields(table: type[SQLModel], names: tuple[str, ...]) -> tuple[Fields, ...]:
    return tuple(_fields_of(table.__table__.columns[name]) for name in names)  # type: ignore[attr-defined]


def _fields_of(column: Column[Any]) -> Fields:
    plain = column.type
    if isinstance(plain, Instant):
        return _instants
    if isinstance(plain, TypeDecorator):
        plain = plain.impl_instance
    if isinstance(plain, Integer):
        return _numbers("q" if plain is WHOLE else "i")
    return next(
        fields
        for kind, fields in (
            (Boolean, _once_each(_boolean)),
            (Float, _numbers("d")),
            (String, _once_each(_text)),
            (LargeBinary, _bytes),
        )
        if isinstance(plain, kind)
    )


def _once_each(field: Callable[[Any], bytes]) -> Fields:
    """Codes, channels and times stand in many rows."""

    def fields(cells: Sequence[Any]) -> Parts:
        known = {cell: field(cell) for cell in set(cells) - {None}}
        known[None] = _NULL
        return (map(known.__getitem__, cells),)

    return fields


def _numbers(code: str) -> Fields:
    form = struct.Struct(f"!i{code}")
    pack, size = form.pack, form.size - 4

    def fields(cells: Sequence[Any]) -> Parts:
        if None in cells:
            return ([_NULL if cell is None else pack(size, cell) for cell in cells],)
        return (map(pack, repeat(size, len(cells)), cells),)

    return fields


def _bytes(cells: Sequence[Any]) -> Parts:
    if None in cells:
        return ([_NULL if cell is None else _length(len(cell)) + cell for cell in cells],)
    return map(_length, map(len, cells)), cells


def _instants(cells: Sequence[Any]) -> Parts:
    if type(cells[0]) is int and None not in cells:
        return ([_instant(8, cell - _YEAR_2000_MICROSECONDS) for cell in cells],)
    return _stated(cells)


def _instant_of(stated: str | int) -> bytes:
    if isinstance(stated, int):
        return _instant(8, stated - _YEAR_2000_MICROSECONDS)
    return _instant(8, _minute(stated[:16]) + int(stated[17:19]) * 1_000_000 + int(stated[20:]))


@lru_cache(maxsize=4_096)
def _minute(text: str) -> int:
    return (datetime.fromisoformat(f"{text}Z") - _YEAR_2000) // _MICROSECOND


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _boolean(value: Any) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


_stated = _once_each(_instant_of)
