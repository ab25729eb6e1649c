"""Countries and their working days, as rules count them."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from wa_analytics.retention.schedule import EUROPEAN_UNION
from wa_analytics.settings import country_of

#: The European Economic Area: the 27 member states with Iceland, Liechtenstein and Norway.
EEA = EUROPEAN_UNION | {"IS", "LI", "NO"}


def countries(codes: tuple[str, ...]) -> frozenset[str]:
    """ISO codes with the group `EEA` spelled out."""
    named: set[str] = set()
    for code in codes:
        named |= EEA if code == "EEA" else {code}
    return frozenset(named)


def is_within(jurisdiction: str, codes: tuple[str, ...]) -> bool:
    """Whether a company of that jurisdiction is seated in one of the countries or groups."""
    country = country_of(jurisdiction)
    return country in countries(codes) or (country == "EU" and "EEA" in codes)


@lru_cache(maxsize=16)
def _holidays(country: str) -> Any:
    import holidays

    return holidays.country_holidays(country)


def is_business_day(day: date, country: str) -> bool:
    """Monday to Friday and no national holiday of the country."""
    return day.weekday() < 5 and day not in _holidays(country)


@lru_cache(maxsize=8192)
def business_day_after(day: date, count: int, country: str) -> date:
    """The `count`-th business day after `day`; the day itself never counts."""
    left = count
    while left > 0:
        day += timedelta(days=1)
        if is_business_day(day, country):
            left -= 1
    return day
