"""The life of an incident: a state and a command give a new state and the step to record.

    open ── contain ──> contained ── close ──> closed
      └──────────────── close (compliance failure only) ──┘

Beside it stands one question, asked until a person answers: is it a personal-data breach? Only the
answer "yes", with the moment of awareness and a risk judgement, turns the kind and starts a legal
clock. Nothing here reads a clock or writes a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from wa_analytics.errors import InputRefused
from wa_analytics.incidents.severity import POLICY_DAYS, policy_due_at

Risk = Literal["unlikely", "risk", "high_risk"]
_A_PERSON = re.compile(r"@|\+?\d[\d ().-]{6,}\d")
_A_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:[+-]\d{2}:\d{2}|Z)?)?")


class IncidentState(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it stands: the columns of table `incident`, and how many steps it has."""

    incident_id: str
    cause: str
    kind_code: str = "compliance_failure"
    breach_code: str = "undecided"
    title: str
    entity: str | None = None
    rule: str | None = None
    severity_code: str = "medium"
    status_code: str = "open"
    owner: str | None = None
    opened_at: datetime
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    finding_count: int = 0
    policy_due_at: datetime | None = None
    aware_at: datetime | None = None
    risk_code: str | None = None
    closed_at: datetime | None = None
    step_count: int = 0

    def row(self) -> dict[str, Any]:
        """The row of table `incident`."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "step_count"}

    @classmethod
    def of(cls, row: Mapping[str, Any], step_count: int = 0) -> IncidentState:
        """The state of a row of table `incident` that has `step_count` recorded steps."""
        known = {name: row[name] for name in cls.__struct_fields__ if name in row}
        return cls(**{**known, "step_count": step_count})


class Step(msgspec.Struct, frozen=True):
    """One line of the incident's history: a row of table `incident_event`."""

    incident_id: str
    number: int
    at: datetime
    actor: str
    action_code: str
    note: str | None

    def row(self) -> dict[str, Any]:
        """The row of table `incident_event`."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


Change = tuple[IncidentState, Step]


def next_id(existing: list[str]) -> str:
    """`INC-` and the number after the highest one in use."""
    numbers = [int(found.group(1)) for one in existing if (found := re.fullmatch(r"INC-(\d+)", one))]
    return f"INC-{max(numbers, default=0) + 1:04d}"


def opened(
    incident_id: str,
    *,
    title: str,
    at: datetime,
    actor: str,
    cause: str = "",
    severity: str = "medium",
    entity: str | None = None,
    owner: str | None = None,
    note: str | None = None,
    policy_days: Mapping[str, int] = POLICY_DAYS,
    **facts: Any,
) -> Change:
    """A new incident; without `cause` it is one that a person reports by hand."""
    state = IncidentState(
        incident_id=incident_id,
        cause=cause or f"by hand|{incident_id}",
        title=_without_person(title, "title"),
        entity=entity,
        severity_code=severity,
        owner=_without_person(owner, "owner") if owner else owner,
        opened_at=at,
        policy_due_at=policy_due_at(severity, at, policy_days),
        **facts,
    )
    return _stepped(state, at, actor, "opened", note)


def updated(state: IncidentState, *, at: datetime, actor: str, note: str, **facts: Any) -> Change:
    """The incident with new facts (count, dates, severity, owner, title)."""
    _refuse_closed(state, "update")
    return _stepped(msgspec.structs.replace(state, **facts), at, actor, "updated", note)


def breach_decided(
    state: IncidentState,
    *,
    is_breach: bool,
    at: datetime,
    actor: str,
    note: str,
    aware_at: datetime | None = None,
    risk: Risk | None = None,
) -> Change:
    """A person's answer to "breach?". Yes needs the moment of awareness and a risk judgement.

    Raises InputRefused for a breach without either, or one the company was aware of in the future; for a
    no with one of them.
    """
    _refuse_closed(state, "decide on")
    if not is_breach:
        if aware_at is not None or risk is not None:
            raise InputRefused(
                f"{state.incident_id}: the moment of awareness and the risk belong to a breach; leave "
                "them out of a no, or decide that it is one."
            )
        answered = msgspec.structs.replace(
            state, kind_code="compliance_failure", breach_code="no", aware_at=None, risk_code=None
        )
        return _stepped(answered, at, actor, "decided", _asked(note, state))
    if aware_at is None or risk is None:
        raise InputRefused(
            f"{state.incident_id}: a personal-data breach needs the moment of awareness and a risk "
            "judgement (unlikely, risk or high_risk); give both."
        )
    if aware_at.tzinfo is None:
        raise InputRefused(
            f"{state.incident_id}: the moment of awareness has no UTC offset; write it as "
            "2026-01-31T09:00:00+01:00."
        )
    if risk not in ("unlikely", "risk", "high_risk"):
        raise InputRefused(f"{state.incident_id}: risk is unlikely, risk or high_risk; choose one.")
    if aware_at > at:
        raise InputRefused(
            f"{state.incident_id}: the company cannot have become aware after the decision; correct the time."
        )
    answered = msgspec.structs.replace(
        state, kind_code="personal_data_breach", breach_code="yes", aware_at=aware_at, risk_code=risk
    )
    return _stepped(answered, at, actor, "decided", _asked(note, state))


def contained(state: IncidentState, *, at: datetime, actor: str, note: str) -> Change:
    """The cause is stopped. Raises InputRefused unless the incident is open."""
    if state.status_code != "open":
        raise InputRefused(
            f"{state.incident_id} is {state.status_code}; only an open incident can be advanced to contained."
        )
    moved = msgspec.structs.replace(state, status_code="contained")
    return _stepped(moved, at, actor, "advanced", _asked(note, state))


def closed(state: IncidentState, *, at: datetime, actor: str, note: str) -> Change:
    """The incident is over. A breach must have been contained first."""
    _refuse_closed(state, "close")
    if state.kind_code == "personal_data_breach" and state.status_code != "contained":
        raise InputRefused(
            f"{state.incident_id} is a personal-data breach that is not contained; advance it first."
        )
    ended = msgspec.structs.replace(state, status_code="closed", closed_at=at)
    return _stepped(ended, at, actor, "closed", _asked(note, state))


def _stepped(state: IncidentState, at: datetime, actor: str, action: str, note: str | None) -> Change:
    if at.tzinfo is None:
        raise InputRefused(f"{state.incident_id}: the time of a step needs a UTC offset.")
    number = state.step_count + 1
    text = _without_person(note, "note") if note else None
    return (
        msgspec.structs.replace(state, step_count=number),
        Step(state.incident_id, number, at, actor, action, text),
    )


def _refuse_closed(state: IncidentState, what: str) -> None:
    if state.status_code == "closed":
        raise InputRefused(f"{state.incident_id} is closed; you cannot {what} it: open a new one.")


def _asked(note: str, state: IncidentState) -> str:
    if not note.strip():
        raise InputRefused(f"{state.incident_id}: say in one sentence why; the note is empty.")
    return note.strip()


def _without_person(text: str, what: str) -> str:
    """Refuses what looks like a phone number or an address: incidents and reports name nobody."""
    if _A_PERSON.search(_A_DATE.sub("", text)):
        raise InputRefused(
            f"The {what} seems to hold a phone number or an e-mail address; incidents name no person: "
            "write it without."
        )
    return text
