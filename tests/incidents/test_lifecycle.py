"""What each command does to an incident, and the sentence with which it is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wa_analytics.errors import InputRefused
from wa_analytics.incidents.lifecycle import (
    IncidentState,
    breach_decided,
    closed,
    contained,
    next_id,
    opened,
    updated,
)
from wa_analytics.tables import Incident, IncidentEvent

AT = datetime(2024, 3, 1, 9, tzinfo=UTC)
LATER = AT + timedelta(hours=5)


def fresh(**facts: object) -> IncidentState:
    state, _ = opened("INC-0001", title="Send log on an open share", at=AT, actor="ana", severity="critical")
    return IncidentState.of(state.row() | facts, state.step_count)


def test_the_whole_life() -> None:
    state, first = opened("INC-0001", title="Found", at=AT, actor="ana", severity="high", note="seen")
    assert (state.kind_code, state.breach_code, state.status_code) == (
        "compliance_failure",
        "undecided",
        "open",
    )
    assert state.policy_due_at == AT + timedelta(days=10)
    assert state.aware_at is None
    state, second = breach_decided(
        state, is_breach=True, at=LATER, actor="bo", note="identifiers left", aware_at=AT, risk="risk"
    )
    assert (state.kind_code, state.breach_code) == ("personal_data_breach", "yes")
    assert (state.aware_at, state.risk_code) == (AT, "risk")
    state, third = contained(state, at=LATER, actor="bo", note="share closed")
    state, fourth = closed(state, at=LATER, actor="bo", note="lesson: review shares weekly")
    assert (state.status_code, state.closed_at) == ("closed", LATER)
    steps = [first, second, third, fourth]
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert [step.action_code for step in steps] == ["opened", "decided", "advanced", "closed"]
    assert state.step_count == 4


def test_rows_fit_their_tables() -> None:
    state, step = opened("INC-0001", title="Found", at=AT, actor="ana")
    assert set(state.row()) == set(Incident.__table__.columns.keys())  # type: ignore[attr-defined]
    assert set(step.row()) == set(IncidentEvent.__table__.columns.keys())  # type: ignore[attr-defined]
    assert IncidentState.of(state.row(), 1) == state


def test_a_no_takes_the_breach_back() -> None:
    yes, _ = breach_decided(fresh(), is_breach=True, at=LATER, actor="b", note="n", aware_at=AT, risk="risk")
    no, step = breach_decided(yes, is_breach=False, at=LATER, actor="b", note="test numbers only")
    assert (no.kind_code, no.breach_code, no.aware_at, no.risk_code) == (
        "compliance_failure",
        "no",
        None,
        None,
    )
    assert step.note == "test numbers only"


@pytest.mark.parametrize(
    ("aware_at", "risk", "sentence"),
    [
        (None, "risk", "moment of awareness"),
        (AT, None, "risk judgement"),
        (LATER + timedelta(seconds=1), "risk", "after the decision"),
        (AT.replace(tzinfo=None), "risk", "no UTC offset"),
        (AT, "some", "unlikely, risk or high_risk"),
    ],
)
def test_a_breach_needs_awareness_and_risk(
    aware_at: datetime | None, risk: str | None, sentence: str
) -> None:
    with pytest.raises(InputRefused, match=sentence):
        breach_decided(
            fresh(), is_breach=True, at=LATER, actor="b", note="n", aware_at=aware_at, risk=risk  # type: ignore[arg-type]
        )  # fmt: skip


def test_what_is_refused() -> None:
    breach, _ = breach_decided(
        fresh(), is_breach=True, at=LATER, actor="b", note="n", aware_at=AT, risk="risk"
    )
    with pytest.raises(InputRefused, match="not contained"):
        closed(breach, at=LATER, actor="b", note="n")
    done, _ = closed(fresh(), at=LATER, actor="b", note="mended")
    for refused in (
        lambda: closed(done, at=LATER, actor="b", note="again"),
        lambda: updated(done, at=LATER, actor="b", note="more"),
        lambda: breach_decided(done, is_breach=False, at=LATER, actor="b", note="n"),
        lambda: contained(done, at=LATER, actor="b", note="n"),
    ):
        with pytest.raises(InputRefused, match="INC-0001"):
            refused()
    held, _ = contained(fresh(), at=LATER, actor="b", note="n")
    with pytest.raises(InputRefused, match="only an open incident"):
        contained(held, at=LATER, actor="b", note="n")
    with pytest.raises(InputRefused, match="note is empty"):
        closed(fresh(), at=LATER, actor="b", note="  ")
    with pytest.raises(InputRefused, match="UTC offset"):
        closed(fresh(), at=LATER.replace(tzinfo=None), actor="b", note="n")


@pytest.mark.parametrize(
    "note", ["called +12025550123 twice", "wrote to ana@example.com", "customer 12025550123 complained"]
)
def test_notes_name_no_person(note: str) -> None:
    with pytest.raises(InputRefused, match="name no person") as refused:
        closed(fresh(), at=LATER, actor="b", note=note)
    assert "2025550123" not in str(refused.value)
    assert "example" not in str(refused.value)


def test_owners_are_roles_not_numbers() -> None:
    with pytest.raises(InputRefused, match="The owner seems to hold a phone number"):
        opened("INC-0001", title="Found", at=AT, actor="ana", owner="+12025550101")


def test_dates_and_counts_in_notes_are_fine() -> None:
    note = "since 2024-03-01T09:00:00+01:00, 1,204 messages, mended on 2024-03-05"
    assert closed(fresh(), at=LATER, actor="b", note=note)[1].note == note


def test_numbers_go_on() -> None:
    assert next_id([]) == "INC-0001"
    assert next_id(["INC-0009", "INC-0100", "other"]) == "INC-0101"
