"""Findings become incidents by cause; the same findings again change nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tests.spec.drawn_table import drawn
from wa_analytics.incidents.detect import TITLES, detected
from wa_analytics.incidents.lifecycle import Change, IncidentState, closed, contained
from wa_analytics.incidents.severity import POLICY_DAYS, policy_due_at, worst
from wa_analytics.tables import Finding

AT = datetime(2024, 7, 1, tzinfo=UTC)
NEXT = AT + timedelta(days=1)

FINDINGS = """
rule               | entity | severity_code | status_code | occurred_at      | first_seen_at    | reopened_at
consent.withdrawn  | air    | critical      | open        | 2024-06-02 10:00 | 2024-06-30 00:00 |
consent.withdrawn  | air    | critical      | open        | 2024-06-01 10:00 | 2024-06-30 00:00 |
consent.withdrawn  | air    | critical      | resolved    | 2024-05-01 10:00 | 2024-06-30 00:00 |
consent.withdrawn  | bank   | critical      | open        | 2024-06-03 10:00 | 2024-06-30 00:00 |
retention.overdue  | air    | high          | open        | 2024-06-03 10:00 | 2024-06-30 00:00 |
capture.unreadable |        | high          | open        |                  | 2024-06-30 00:00 |
retention.conflict | air    | medium        | resolved    | 2024-06-03 10:00 | 2024-06-30 00:00 |
"""


def after(changes: list[Change], states: list[IncidentState]) -> list[IncidentState]:
    by_id = {state.incident_id: state for state in states} | {new.incident_id: new for new, _ in changes}
    return list(by_id.values())


def test_one_incident_per_rule_and_company() -> None:
    changes = detected(
        drawn(Finding, FINDINGS), [], AT, owners={"air": "DPO"}, entity_names={"air": "Nordwind Air"}
    )
    states = [state for state, _ in changes]
    assert [(s.incident_id, s.cause, s.finding_count, s.severity_code) for s in states] == [
        ("INC-0001", "capture.unreadable|", 1, "high"),
        ("INC-0002", "consent.withdrawn|air", 2, "critical"),
        ("INC-0003", "consent.withdrawn|bank", 1, "critical"),
        ("INC-0004", "retention.overdue|air", 1, "high"),
    ]
    notes = [step.note for _, step in changes]
    assert notes[0] == "1 open finding of capture.unreadable"
    assert notes[1] == "2 open findings of consent.withdrawn"
    air = states[1]
    assert air.title == "Messages sent to people who had withdrawn – Nordwind Air"
    assert (air.owner, states[2].owner) == ("DPO", None)
    assert air.occurred_from == datetime(2024, 6, 1, 10, tzinfo=UTC)
    assert air.occurred_to == datetime(2024, 6, 2, 10, tzinfo=UTC)
    assert air.policy_due_at == AT + timedelta(days=5)
    for state in states:
        assert (state.kind_code, state.breach_code, state.aware_at) == (
            "compliance_failure",
            "undecided",
            None,
        )


def test_the_same_findings_again_change_nothing() -> None:
    findings = drawn(Finding, FINDINGS)
    states = after(detected(findings, [], AT), [])
    assert detected(findings.reverse(), states, NEXT) == []


def test_incidents_follow_their_findings() -> None:
    findings = drawn(Finding, FINDINGS)
    states = after(detected(findings, [], AT), [])
    more = pl.concat([findings, findings.head(1)])
    ((grown, step),) = detected(more, states, NEXT)
    assert (grown.incident_id, grown.finding_count, step.number) == ("INC-0002", 3, 2)
    assert step.note == "2 → 3 open findings"
    fewer = findings.filter(pl.col("rule") != "retention.overdue")
    ((empty, _),) = detected(fewer, states, NEXT)
    assert (empty.cause, empty.finding_count, empty.status_code) == ("retention.overdue|air", 0, "open")
    assert detected(fewer, after([(empty, step)], states), NEXT) == []


def test_worse_findings_raise_severity_and_move_the_date() -> None:
    findings = drawn(Finding, FINDINGS).filter(pl.col("rule") == "retention.overdue")
    states = after(detected(findings, [], AT), [])
    worse = findings.with_columns(severity_code=pl.lit("critical"))
    ((raised, _),) = detected(worse, states, NEXT)
    assert raised.severity_code == "critical"
    assert raised.policy_due_at == AT + timedelta(days=5)
    assert detected(findings, after([(raised, _)], states), NEXT) == []


def test_after_closing_only_findings_seen_anew_open_another() -> None:
    findings = drawn(Finding, FINDINGS).filter(pl.col("rule") == "retention.overdue")
    ((state, _),) = detected(findings, [], AT)
    held, _ = contained(state, at=AT, actor="a", note="stopped")
    done, _ = closed(held, at=AT, actor="a", note="accepted")
    assert detected(findings, [done], NEXT) == []
    for column in ("first_seen_at", "reopened_at"):
        anew = findings.with_columns(pl.lit(NEXT).cast(pl.Datetime("us", "UTC")).alias(column))
        ((again, step),) = detected(anew, [done], NEXT)
        assert (again.incident_id, again.status_code, step.action_code) == ("INC-0002", "open", "opened")


def test_a_finding_noticed_after_the_closing_opens_another_however_old_its_as_of() -> None:
    findings = drawn(Finding, FINDINGS).filter(pl.col("rule") == "retention.overdue")
    ((state, _),) = detected(findings, [], AT)
    done, _ = closed(contained(state, at=AT, actor="a", note="stopped")[0], at=AT, actor="a", note="accepted")
    moment = pl.Datetime("us", "UTC")
    before = findings.with_columns(
        noticed_at=pl.lit(AT).cast(moment), first_seen_at=pl.lit(NEXT).cast(moment)
    )
    assert detected(before, [done], NEXT) == [], "an as_of ahead of the clock is nothing new"
    after_it = findings.with_columns(noticed_at=pl.lit(NEXT).cast(moment))
    ((again, _),) = detected(after_it, [done], NEXT)
    assert again.incident_id == "INC-0002"


def test_no_findings_no_incidents() -> None:
    assert detected(drawn(Finding), [], AT) == []


def test_severities() -> None:
    assert worst(["low", "critical", "high"]) == "critical"
    assert worst([]) == "low"
    assert policy_due_at("low", AT) is None
    assert {name: (policy_due_at(name, AT) or AT) - AT for name in POLICY_DAYS} == {
        "critical": timedelta(days=5),
        "high": timedelta(days=10),
        "medium": timedelta(days=30),
    }


@pytest.mark.parametrize("title", TITLES.values())
def test_titles_are_plain_sentences(title: str) -> None:
    assert title[0].isupper()
    assert not title.endswith(".")
