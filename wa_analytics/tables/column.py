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


class _Days(dict[int, str]):
    """Days since 1970 → their dates."""

    def __missing__(self, day: int) -> str:
        text = self[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
        return text


class _Seconds(dict[int, str]):
    """Seconds of a day → its time, behind a space and before a full stop."""

    def __missing__(self, second: int) -> str:
        minutes = second // 60
        text = self[second] = f" {minutes // 60:02}:{minutes % 60:02}:{second % 60:02}."
        return text


_days, _seconds = _Days(), _Seconds()


def instant_text(microseconds: int) -> str:
    """The one written form of an instant (`YYYY-MM-DD HH:MM:SS.ffffff`, UTC) that both databases
    take in bulk and that sorts as time. `microseconds`: since 1970 UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    day, second = divmod(seconds, 86_400)
    if rest:
        return f"{_days[day]}{_seconds[second]}{rest:06}"
    return f"{_days[day]}{_seconds[second]}000000"
