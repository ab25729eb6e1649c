"""Rows as PostgreSQL's COPY reads them in binary.

Column by column and a block at a time: psycopg writes row by row, which costs twice as much, and its
text form makes two hex digits of every byte, which PostgreSQL then reads.
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

Cells = Callable[[Sequence[Any]], Iterable[bytes]]
"""One column's values to its fields: length, then bytes."""

BLOCK_ROWS = 500
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_length = struct.Struct("!i").pack
_fields = struct.Struct("!h").pack
_instant = struct.Struct("!iq").pack
_YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution


def blocks(table: type[SQLModel], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """What to send for `COPY … FROM STDIN (FORMAT BINARY)`, some hundred rows at a time: PostgreSQL stores
    them while the next are written.

    Instants are text of `instant_text`. Raises struct.error or TypeError where a value is of another
    type than its column.
    """
    packers = _packers(table, tuple(columns))
    count = _fields(len(packers))
    left = iter(rows)
    yield _HEAD
    while some := list(islice(left, BLOCK_ROWS)):
        cells = [pack(column) for pack, column in zip(packers, zip(*some, strict=True), strict=True)]
        yield b"".join(chain.from_iterable(zip(repeat(count, len(some)), *cells, strict=True)))
    yield _TAIL


@lru_cache(maxsize=128)
def _packers(table: type[SQLModel], columns: tuple[str, ...]) -> tuple[Cells, ...]:
    return tuple(_packer(table.__table__.columns[name]) for name in columns)  # type: ignore[attr-defined]


def _packer(column: Column[Any]) -> Cells:
    plain = column.type
    if isinstance(plain, Instant):
        return _once_each(_instant_field)
    if isinstance(plain, TypeDecorator):
        plain = plain.impl_instance
    if isinstance(plain, Integer):
        return _numbers("q" if plain is WHOLE else "i")
    return next(
        cells
        for kind, cells in (
            (Boolean, _once_each(_boolean_field)),
            (Float, _numbers("d")),
            (String, _once_each(_text_field)),
            (LargeBinary, _bytes),
        )
        if isinstance(plain, kind)
    )


def _once_each(field: Callable[[Any], bytes]) -> Cells:
    """Codes, channels and instants stand in many rows."""

    def cells(values: Sequence[Any]) -> Iterable[bytes]:
        known = {value: field(value) for value in set(values) - {None}}
        known[None] = _NULL
        return map(known.__getitem__, values)

    return cells


def _numbers(code: str) -> Cells:
    form = struct.Struct(f"!i{code}")
    pack, size = form.pack, form.size - 4

    def cells(values: Sequence[Any]) -> Iterable[bytes]:
        if None in values:
            return [_NULL if value is None else pack(size, value) for value in values]
        return map(pack, repeat(size), values)

    return cells


def _bytes(values: Sequence[Any]) -> Iterable[bytes]:
    return [_NULL if value is None else _length(len(value)) + value for value in values]


def _text_field(value: str) -> bytes:
    text = value.encode()
    return _length(len(text)) + text


def _boolean_field(value: Any) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def _instant_field(text: str) -> bytes:
    """Microseconds since 2000."""
    return _instant(8, _minute(text[:16]) + int(text[17:19]) * 1_000_000 + int(text[20:]))


@lru_cache(maxsize=4_096)
def _minute(text: str) -> int:
    return (datetime.fromisoformat(f"{text}Z") - _YEAR_2000) // _MICROSECOND
