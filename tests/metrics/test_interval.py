"""Local days, weeks and months against zoneinfo, on Polars and on DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spec.drawn_table import ENGINES, on_engine
from wa_analytics.errors import InputRefused
from wa_analytics.metrics.interval import Grid

ZONES = {
    "ny": "America/New_York",
    "sp": "America/Sao_Paulo",
    "kolkata": "Asia/Kolkata",
    "chatham": "Pacific/Chatham",
    "berlin": "Europe/Berlin",
    "utc": "UTC",
}
AS_OF = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("interval", ["day", "week", "month"])
@settings(max_examples=8, deadline=None)
@given(
    moments=st.lists(
        st.tuples(
            st.sampled_from(sorted(ZONES)),
            st.datetimes(datetime(2012, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_moment_lies_in_its_local_interval(
    engine: str, interval: str, moments: list[tuple[str, datetime]]
) -> None:
    frame = pl.DataFrame(
        {"entity": [entity for entity, _ in moments], "at": [at for _, at in moments]},
        schema={"entity": pl.String, "at": pl.Datetime("us", "UTC")},
    )
    grid = Grid.of(ZONES, interval, AS_OF, is_by_entity=True)
    placed = grid.placed(nw.from_native(on_engine(frame, engine)).lazy()).collect("polars").to_native()
    for row in placed.to_dicts():
        zone = ZoneInfo(ZONES[row["entity"]])
        day = row["at"].astimezone(zone).date()
        first = {
            "day": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
        }[interval]
        assert row["local_start"].date() == first
        start, end = grid.bounds(row["local_start"], row["entity"])
        assert start <= row["at"] < end


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", datetime(2024, 3, 10), 23),
        ("America/New_York", datetime(2024, 11, 3), 25),
        ("Europe/Berlin", datetime(2024, 3, 31), 23),
        ("America/Sao_Paulo", datetime(2018, 11, 4), 23),
        ("Asia/Kolkata", datetime(2024, 3, 31), 24),
    ],
)
def test_days_on_which_clocks_change(zone: str, day: datetime, hours: int) -> None:
    grid = Grid.of({"x": zone}, "day", AS_OF, is_by_entity=True)
    start, end = grid.bounds(day, "x")
    assert end - start == timedelta(hours=hours)


def test_without_entity_differing_zones_fall_back_to_utc() -> None:
    mixed = Grid.of(ZONES, "day", AS_OF, is_by_entity=False)
    assert mixed.bounds(datetime(2024, 3, 10), None)[0] == datetime(2024, 3, 10, tzinfo=UTC)
    alone = Grid.of({"ny": "America/New_York"}, "day", AS_OF, is_by_entity=False)
    assert alone.bounds(datetime(2024, 3, 10), None)[0] == datetime(2024, 3, 10, 5, tzinfo=UTC)


def test_an_unknown_interval_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputRefused, match="day, week or month"):
        Grid.of(ZONES, "year", AS_OF, is_by_entity=True)
