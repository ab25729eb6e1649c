"""Days, weeks and months in a time zone, on engines that know none.

Spark and DuckDB cannot convert a column to a zone that differs by row, so the zone's offsets are
spelled out: one branch per UTC offset that a zone had since 2009 (the year WhatsApp began). The
local start of an interval is computed in the engine, its true instants here, on the few distinct
ones. Engines number Sunday 0 or 7; the remainder by seven is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import narwhals as nw

from wa_analytics.errors import InputRefused

Interval = Literal["day", "week", "month"]
_EPOCH = datetime(2009, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def offset_spans(zone_name: str, until: int) -> tuple[tuple[datetime, int], ...]:
    """(from instant, UTC offset in minutes) of a zone, from 2009 to the end of year `until`."""
    zone = ZoneInfo(zone_name)

    def offset(at: datetime) -> int:
        shift = at.astimezone(zone).utcoffset() or timedelta()
        return int(shift.total_seconds() // 60)

    spans = [(_EPOCH, offset(_EPOCH))]
    day = _EPOCH
    end = datetime(until + 1, 1, 1, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=1)
        if offset(following) != spans[-1][1]:
            low, high = day, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (low, middle) if offset(middle) != spans[-1][1] else (middle, high)
            spans.append((high.replace(microsecond=0), offset(following)))
        day = following
    return tuple(spans)


@dataclass(frozen=True)
class Grid:
    """Intervals of a kind over entities that may keep different zones."""

    interval: Interval | None
    zones: tuple[tuple[str, str], ...]
    shared_zone: str
    until: int

    @classmethod
    def of(
        cls, zones: Mapping[str, str], interval: str | None, as_of: datetime, *, is_by_entity: bool
    ) -> Grid:
        """A grid over `zones`; without grouping by entity, differing zones fall back to UTC."""
        if interval is not None and interval not in get_args(Interval):
            raise InputRefused(f"Metrics have no interval {interval!r}; use day, week or month.")
        names = set(zones.values())
        shared = names.pop() if len(names) == 1 and not is_by_entity else "UTC"
        known = tuple(sorted(zones.items())) if is_by_entity else ()
        return cls(interval, known, shared, as_of.year)  # type: ignore[arg-type]

    def local_at(self, column: str = "at") -> nw.Expr:
        """The wall-clock time of the entity, as an instant that only looks like UTC."""
        at = nw.col(column)
        everyone: tuple[tuple[str | None, str], ...] = self.zones or ((None, self.shared_zone),)
        branches: dict[int, nw.Expr] = {}
        for entity, zone_name in everyone:
            spans = offset_spans(zone_name, self.until)
            for index, (start, minutes) in enumerate(spans):
                if minutes == 0:
                    continue
                condition = ~at.is_null() if entity is None else nw.col("entity") == entity
                if index:
                    condition = condition & (at >= start)
                if index + 1 < len(spans):
                    condition = condition & (at < spans[index + 1][0])
                branches[minutes] = branches[minutes] | condition if minutes in branches else condition
        local = at
        for minutes, condition in sorted(branches.items()):
            local = nw.when(condition).then(at.dt.offset_by(f"{minutes}m")).otherwise(local)
        return local

    def placed(self, cases: nw.LazyFrame[Any], column: str = "at") -> nw.LazyFrame[Any]:
        """Adds `local_start`, the local beginning of the interval that `column` falls in."""
        if self.interval is None:
            return cases
        frame = cases.with_columns(_local=self.local_at(column))
        if self.interval == "month":
            return frame.with_columns(local_start=nw.col("_local").dt.truncate("1mo")).drop("_local")
        frame = frame.with_columns(_day=nw.col("_local").dt.truncate("1d"))
        if self.interval == "day":
            return frame.with_columns(local_start=nw.col("_day")).drop("_local", "_day")
        since_monday = (nw.col("_day").dt.weekday() % 7 + 6) % 7
        monday = nw.col("_day")
        for days in range(1, 7):
            monday = (
                nw.when(since_monday == days).then(nw.col("_day").dt.offset_by(f"-{days}d")).otherwise(monday)
            )
        return frame.with_columns(local_start=monday).drop("_local", "_day")

    def bounds(self, local_start: datetime, entity: str | None) -> tuple[datetime, datetime]:
        """The half-open interval [start, end) in UTC that begins at that local time."""
        zone = self._zone(entity)
        first = local_start.date()
        return _midnight(first, zone), _midnight(self.following(first), zone)

    def following(self, first: date) -> date:
        """First day of the interval after the one that begins on `first`."""
        if self.interval == "month":
            return (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        return first + timedelta(days=7 if self.interval == "week" else 1)

    def _zone(self, entity: str | None) -> ZoneInfo:
        return ZoneInfo(dict(self.zones).get(entity or "", self.shared_zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day; where midnight is skipped, the moment of the change."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
