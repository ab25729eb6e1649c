"""How a column says what it is and whether it may show a person.

Every column is declared by one of these, with its meaning in words; a test refuses a table that
has an undeclared one. `clear` may be shown to anyone; `digest` is a keyed digest of an outside
identifier; `sealed` is ciphertext or key material.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import LargeBinary, String, TypeDecorator
from sqlmodel import Field

# SQLite knows a rowid alias only by the word INTEGER.
WHOLE = BigInteger().with_variant(Integer(), "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: timestamptz on PostgreSQL, text `YYYY-MM-DD HH:MM:SS.ffffff` on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone; pass an aware datetime")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _field(privacy: str, meaning: str, sa_type: Any, options: dict[str, Any]) -> Any:
    sa_kwargs = options.pop("sa_column_kwargs", {})
    sa_kwargs["info"] = {"privacy": privacy, "meaning": meaning}
    if sa_type is not None:
        options["sa_type"] = sa_type
    return Field(description=meaning, sa_column_kwargs=sa_kwargs, **options)


def clear(meaning: str, *, sa_type: Any = None, **options: Any) -> Any:
    """A column that names nobody and may stand in any output; `meaning` is its documentation."""
    return _field("clear", meaning, sa_type, options)


def digest(meaning: str, **options: Any) -> Any:
    """A keyed digest of an outside identifier, 32 hex digits."""
    return _field("digest", meaning, String(32), options)


def sealed(meaning: str, **options: Any) -> Any:
    """Ciphertext or a wrapped key: bytes that say nothing by themselves."""
    return _field("sealed", meaning, LargeBinary, options)


def instant(meaning: str, **options: Any) -> Any:
    """An aware UTC instant, in clear."""
    return _field("clear", meaning, Instant, options)


_DAY_MINUTES = 1_440
_day_text: dict[int, str] = {}
_minute_text = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(_DAY_MINUTES)]
_second_text = [f"{second:02}" for second in range(60)]


def instant_text(microseconds: int) -> str:
    """The one written form of an instant (`YYYY-MM-DD HH:MM:SS.ffffff`, UTC) that both databases
    take in bulk and that sorts as time. `microseconds`: since 1970 UTC."""
    minutes, rest = divmod(microseconds, 60_000_000)
    day, minute = divmod(minutes, _DAY_MINUTES)
    text = _day_text.get(day)
    if text is None:
        text = _day_text[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    second, rest = divmod(rest, 1_000_000)
    return f"{text} {_minute_text[minute]}:{_second_text[second]}.{rest:06}"
