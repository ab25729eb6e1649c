"""Clocks: what the law gives a company after a breach, and what its own policy gives it otherwise.

Decision: a legal clock starts only with a person's word: kind `personal_data_breach`, the moment of
awareness and a risk judgement. Until then the answer is "breach? undecided", never a date. Hours run
on through nights, weekends and changes of the clock; business days follow the country's national
holidays and the company's time zone, the day of awareness not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from wa_analytics.controls.calendar import business_day_after, countries, is_within
from wa_analytics.incidents.lifecycle import IncidentState

ClockState = Literal["running", "overdue", "undecided", "not_required", "stopped"]


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """One legal deadline: whom it protects, how long, who is told. `country` keeps the holidays."""

    key: str
    citation: str
    countries: tuple[str, ...]
    hours: int = 0
    business_days: int = 0
    holidays: str = ""
    time_zone: str = "UTC"
    addressee: str
    source: str


REGIMES: tuple[Regime, ...] = (
    Regime(
        key="GDPR",
        citation="GDPR Art. 33(1)",
        countries=("EEA",),
        hours=72,
        addressee="supervisory authority",
        source="Regulation (EU) 2016/679 Art. 33(1)",
    ),
    Regime(
        key="UK GDPR",
        citation="UK GDPR Art. 33(1)",
        countries=("GB",),
        hours=72,
        addressee="Information Commissioner",
        source="UK GDPR Art. 33(1)",
    ),
    Regime(
        key="LGPD",
        citation="LGPD Art. 48",
        countries=("BR",),
        business_days=3,
        holidays="BR",
        time_zone="America/Sao_Paulo",
        addressee="ANPD and the people concerned",
        source="Resolution CD/ANPD 15/2024",
    ),
)


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """One deadline of an incident at a moment; `margin` is negative once it has passed."""

    regime: str
    citation: str
    state: ClockState
    starts_at: datetime | None = None
    due_at: datetime | None = None
    margin: timedelta | None = None
    reason: str


def due_at(regime: Regime, aware_at: datetime, time_zone: str | None = None) -> datetime:
    """The end of the regime's period, in UTC.

    Hours are elapsed time. The last of n business days ends at local midnight, in `time_zone` or the
    regime's own.
    """
    if regime.hours:
        return aware_at.astimezone(UTC) + timedelta(hours=regime.hours)
    zone = ZoneInfo(time_zone or regime.time_zone)
    last = business_day_after(aware_at.astimezone(zone).date(), regime.business_days, regime.holidays)
    end = last + timedelta(days=1)
    return datetime(end.year, end.month, end.day, tzinfo=zone).astimezone(UTC)


def regimes_for(jurisdiction: str, affected: Iterable[str] = ()) -> tuple[Regime, ...]:
    """Regimes of the company's seat and of the countries of the people affected."""
    people = frozenset(affected)
    return tuple(
        regime
        for regime in REGIMES
        if is_within(jurisdiction, regime.countries) or people & countries(regime.countries)
    )


def clocks(
    state: IncidentState,
    as_of: datetime,
    *,
    jurisdiction: str = "",
    affected: Iterable[str] = (),
    time_zone: str | None = None,
) -> list[Clock]:
    """Every clock of the incident: the policy's, and the legal ones that may concern it.

    `affected`: ISO countries of the people concerned. `time_zone`: the company's, used for business
    days where the company sits in the regime's country.
    """
    found = [_policy(state, as_of)]
    for regime in regimes_for(jurisdiction, affected):
        zone = time_zone if is_within(jurisdiction, regime.countries) else None
        found.append(_legal(regime, state, as_of, zone))
    return found


def _policy(state: IncidentState, as_of: datetime) -> Clock:
    if state.policy_due_at is None:
        return Clock(
            regime="policy", citation="company policy", state="not_required", reason="the policy sets no date"
        )
    return _timed(
        "policy", "company policy", state.opened_at, state.policy_due_at, state, as_of, "deal with the cause"
    )


def _legal(regime: Regime, state: IncidentState, as_of: datetime, time_zone: str | None) -> Clock:
    def idle(code: ClockState, reason: str) -> Clock:
        return Clock(regime=regime.key, citation=regime.citation, state=code, reason=reason)

    if state.breach_code == "no":
        return idle("not_required", "a person decided that it is no personal-data breach")
    if state.kind_code != "personal_data_breach" or state.aware_at is None or state.risk_code is None:
        return idle("undecided", "breach? undecided: a person must say, with awareness and risk")
    if state.risk_code == "unlikely":
        return idle("not_required", "risk to people judged unlikely: record it in the register of breaches")
    due = due_at(regime, state.aware_at, time_zone)
    return _timed(
        regime.key, regime.citation, state.aware_at, due, state, as_of, f"notify the {regime.addressee}"
    )


def _timed(
    regime: str,
    citation: str,
    start: datetime,
    due: datetime,
    state: IncidentState,
    as_of: datetime,
    reason: str,
) -> Clock:
    until = state.closed_at if state.closed_at is not None else as_of
    code: ClockState = "overdue" if due <= until else "running" if state.closed_at is None else "stopped"
    return Clock(
        regime=regime,
        citation=citation,
        state=code,
        starts_at=start,
        due_at=due,
        margin=due - until,
        reason=reason,
    )
