"""Clocks across nights, weekends, holidays and changes of the clock; and that none starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.incidents.deadlines import REGIMES, clocks, due_at, regimes_for
from wa_analytics.incidents.lifecycle import IncidentState

GDPR, UK, LGPD = REGIMES
BERLIN, SAO_PAULO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")
OPENED = datetime(2024, 3, 1, 9, tzinfo=UTC)


def incident(**facts: object) -> IncidentState:
    given = {
        "incident_id": "INC-0001",
        "cause": "x",
        "title": "t",
        "opened_at": OPENED,
        "policy_due_at": OPENED + timedelta(days=5),
    }
    return IncidentState(**(given | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("aware", "due"),
    [
        # over a weekend: hours run on
        (datetime(2024, 3, 8, 17, 0, tzinfo=BERLIN), datetime(2024, 3, 11, 17, 0, tzinfo=BERLIN)),
        # the clock is put forward on 31 March: 72 elapsed hours end an hour later by the wall
        (datetime(2024, 3, 29, 12, 0, tzinfo=BERLIN), datetime(2024, 4, 1, 13, 0, tzinfo=BERLIN)),
        # the clock is put back on 27 October
        (datetime(2024, 10, 25, 12, 0, tzinfo=BERLIN), datetime(2024, 10, 28, 11, 0, tzinfo=BERLIN)),
    ],
)
def test_72_hours_are_elapsed_hours(aware: datetime, due: datetime) -> None:
    assert due_at(GDPR, aware) == due.astimezone(UTC)
    assert due_at(UK, aware) - aware.astimezone(UTC) == timedelta(hours=72)


@pytest.mark.parametrize(
    ("aware", "last_day_over"),
    [
        (datetime(2024, 6, 3, 10, tzinfo=SAO_PAULO), datetime(2024, 6, 7, tzinfo=SAO_PAULO)),
        # Thursday before Good Friday 2025; Tiradentes on the Monday
        (datetime(2025, 4, 17, 10, tzinfo=SAO_PAULO), datetime(2025, 4, 25, tzinfo=SAO_PAULO)),
        # late on a Friday in São Paulo, already Saturday in UTC
        (datetime(2024, 6, 7, 23, 30, tzinfo=SAO_PAULO), datetime(2024, 6, 13, tzinfo=SAO_PAULO)),
        # before Christmas
        (datetime(2024, 12, 24, 10, tzinfo=SAO_PAULO), datetime(2024, 12, 31, tzinfo=SAO_PAULO)),
        # on a Sunday
        (datetime(2024, 6, 9, 10, tzinfo=SAO_PAULO), datetime(2024, 6, 13, tzinfo=SAO_PAULO)),
    ],
)
def test_three_business_days_in_brazil(aware: datetime, last_day_over: datetime) -> None:
    assert due_at(LGPD, aware) == last_day_over.astimezone(UTC)


def test_business_days_follow_the_company_s_zone() -> None:
    aware = datetime(2024, 6, 8, 2, 30, tzinfo=UTC)  # Friday evening in Manaus
    assert due_at(LGPD, aware, "America/Manaus") == datetime(2024, 6, 13, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("jurisdiction", "affected", "keys"),
    [
        ("IE", [], ["GDPR"]),
        ("IE", ["GB", "FR"], ["GDPR", "UK GDPR"]),
        ("BR", [], ["LGPD"]),
        ("US-NY", [], []),
        ("US", ["BR"], ["LGPD"]),
    ],
)
def test_which_regimes(jurisdiction: str, affected: list[str], keys: list[str]) -> None:
    assert [regime.key for regime in regimes_for(jurisdiction, affected)] == keys


@given(
    st.sampled_from(["undecided", "no"]),
    st.datetimes(datetime(2024, 3, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_no_legal_clock_without_a_person_s_yes(answer: str, as_of: datetime) -> None:
    state = incident(breach_code=answer, severity_code="critical", finding_count=9999)
    policy, *legal = clocks(state, as_of, jurisdiction="IE", affected=["BR", "GB"])
    assert policy.due_at == OPENED + timedelta(days=5)
    assert len(legal) == 3
    for clock in legal:
        assert clock.due_at is None
        assert clock.state == ("undecided" if answer == "undecided" else "not_required")
    if answer == "undecided":
        assert "breach? undecided" in legal[0].reason


def test_a_breach_runs_then_is_overdue() -> None:
    aware = datetime(2024, 3, 2, 9, tzinfo=UTC)
    state = incident(kind_code="personal_data_breach", breach_code="yes", aware_at=aware, risk_code="risk")
    due = aware + timedelta(hours=72)
    for as_of, expected in ((due - timedelta(seconds=1), "running"), (due, "overdue")):
        _, legal = clocks(state, as_of, jurisdiction="IE")
        assert (legal.state, legal.due_at, legal.margin) == (expected, due, due - as_of)


def test_an_unlikely_risk_needs_no_notice_but_a_register() -> None:
    state = incident(
        kind_code="personal_data_breach", breach_code="yes", aware_at=OPENED, risk_code="unlikely"
    )
    _, legal = clocks(state, OPENED, jurisdiction="IE")
    assert legal.state == "not_required"
    assert "register" in legal.reason


def test_closing_late_does_not_hide_that_it_was_late() -> None:
    closed_at = OPENED + timedelta(days=6)
    state = incident(status_code="closed", closed_at=closed_at)
    (policy,) = clocks(state, closed_at + timedelta(days=50))
    assert (policy.state, policy.margin) == ("overdue", timedelta(days=-1))
    (in_time,) = clocks(incident(status_code="closed", closed_at=OPENED), closed_at)
    assert in_time.state == "stopped"
