"""Business days as rules count them, against days looked up in a calendar."""

from __future__ import annotations

from datetime import date

import pytest

from wa_analytics.controls.calendar import EEA, business_day_after, countries, is_within


@pytest.mark.parametrize(
    ("country", "day", "count", "expected"),
    [
        ("US", date(2024, 7, 1), 10, date(2024, 7, 16)),  # Independence Day within
        ("US", date(2024, 6, 28), 1, date(2024, 7, 1)),  # from a Friday over the weekend
        ("US", date(2024, 6, 30), 1, date(2024, 7, 1)),  # from a Sunday
        ("US", date(2025, 12, 24), 1, date(2025, 12, 26)),  # over Christmas Day
        ("BR", date(2024, 12, 24), 3, date(2024, 12, 30)),  # Natal, then a weekend
        ("BR", date(2025, 4, 17), 3, date(2025, 4, 24)),  # Good Friday, weekend, Tiradentes
        ("BR", date(2024, 11, 14), 1, date(2024, 11, 18)),  # Proclamation of the Republic, a Friday
    ],
)
def test_business_days(country: str, day: date, count: int, expected: date) -> None:
    assert business_day_after(day, count, country) == expected


@pytest.mark.parametrize(
    ("jurisdiction", "seats", "expected"),
    [
        ("DE", ("EEA",), True),
        ("EU", ("EEA",), True),
        ("NO", ("EEA",), True),
        ("GB", ("EEA",), False),
        ("UK", ("GB",), True),
        ("US-NY", ("US",), True),
        ("", ("EEA", "GB", "BR"), False),
        ("BR", (), False),
    ],
)
def test_seats(jurisdiction: str, seats: tuple[str, ...], expected: bool) -> None:
    assert is_within(jurisdiction, seats) is expected


def test_the_economic_area_has_thirty_countries() -> None:
    assert len(EEA) == 30
    assert countries(("EEA", "GB")) == EEA | {"GB"}
