from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.errors import SettingsInvalid
from wa_analytics.providers.instants import instant, micros_of
from wa_analytics.tables.column import instant_text

NEW_YEAR_2026 = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR_2026),
        ("2026-01-01T00:00:00z", NEW_YEAR_2026),
        ("2025-12-31T19:00:00-05:00", NEW_YEAR_2026),
        (" 2026-01-01 00:00:00.000001+00:00 ", NEW_YEAR_2026 + 1),
        ("1767225600", NEW_YEAR_2026),
        (1767225600, NEW_YEAR_2026),
    ],
)
def test_times_with_offset(text: str | int, micros: int) -> None:
    assert micros_of(text, "Asia/Tokyo") == (micros, False)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-01-01T00:00:00"),
        ("America/New_York", "2025-12-31 19:00:00"),
        ("Asia/Tokyo", "2026-01-01T09:00"),
        ("UTC", "2026-01-01"),
    ],
)
def test_a_time_without_offset_is_read_in_the_settings_zone_and_told(zone: str, text: str) -> None:
    assert micros_of(text, zone) == (NEW_YEAR_2026, True)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "20260101", "1767225600000", "01/02/2026", "2026-13-01T00:00:00Z", True, -5]
)
def test_what_is_no_time(text: str | int) -> None:
    with pytest.raises(ValueError):
        micros_of(text, "UTC")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("end", ["9999-12-31T23:59:59", "0001-01-01T00:00:00"])
@pytest.mark.parametrize("offset", ["", "Z", "-14:00", "+14:00"])
def test_what_is_a_time_is_an_instant_that_a_database_can_hold(end: str, offset: str, zone: str) -> None:
    """An offset reaches beyond the calendar; a body with such a time would stop every refresh."""
    with suppress(ValueError):
        micros, _ = micros_of(end + offset, zone)
        assert datetime.fromisoformat(instant_text(micros)).isoformat()[:4] in {"9999", "0001"}


@pytest.mark.parametrize("value", ["", "12.5", "-1", "١٢", 10**15, 1.5, None, "9" * 12])
def test_what_is_no_unix_time(value: object) -> None:
    assert instant(value) is None


def test_an_unknown_zone_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsInvalid, match="time_zone"):
        micros_of("2026-01-01T00:00:00", "Mars/Olympus")


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9999, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_every_instant_comes_back(moment: datetime, offset_minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    micros, is_zoneless = micros_of(aware.isoformat(), "UTC")
    since = timedelta(microseconds=micros)
    assert datetime(1970, 1, 1, tzinfo=UTC) + since == aware
    assert not is_zoneless
