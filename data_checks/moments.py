"""The instants that bound a run, as parameters of our statements and as literals for Great
Expectations (whose queries take no parameters)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, bindparam, text

from wa_analytics.tables.column import Instant

# A media id from a webhook can be fetched for so long (Meta, business phone numbers, media).
MEDIA_DAYS = 7
_NAMED = re.compile(r"(?<![:\w]):([a-z_]+)\b")


@dataclass(frozen=True, slots=True)
class Moments:
    """as_of and what the settings derive from it, all aware instants."""

    as_of: datetime
    settle_before: datetime
    media_before: datetime
    capture_after: datetime

    @classmethod
    def at(cls, as_of: datetime, *, settle_hours: int, capture_hours: int) -> Moments:
        if as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone; pass an aware datetime")
        as_of = as_of.astimezone(UTC)
        return cls(
            as_of=as_of,
            settle_before=as_of - timedelta(hours=settle_hours),
            media_before=as_of - timedelta(days=MEDIA_DAYS),
            capture_after=as_of - timedelta(hours=capture_hours),
        )

    def statement(self, sql: str, **given: Any) -> TextClause:
        """The SQL with every parameter bound, instants in the database's own form."""
        bound = []
        for name in dict.fromkeys(_NAMED.findall(sql)):
            value = given[name] if name in given else getattr(self, name)
            is_instant = isinstance(value, datetime)
            bound.append(bindparam(name, value, type_=Instant() if is_instant else None))
        return text(sql).bindparams(*bound)

    def written(self, sql: str, dialect: str) -> str:
        """The SQL with its instants written out as literals of the dialect."""

        def literal(match: re.Match[str]) -> str:
            moment: datetime = getattr(self, match.group(1))
            if dialect == "sqlite":
                return f"'{moment:%Y-%m-%d %H:%M:%S.%f}'"
            return f"TIMESTAMP WITH TIME ZONE '{moment:%Y-%m-%d %H:%M:%S.%f}+00:00'"

        return _NAMED.sub(literal, sql)
