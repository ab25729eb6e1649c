"""What somebody must decide today: three at most, each with an owner and a date.

Legal clocks first, then the worst open incidents, then what keeps the most controls from being
evaluated.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wa_analytics.controls.control import Verdict
from wa_analytics.incidents.deadlines import clocks
from wa_analytics.incidents.lifecycle import IncidentState
from wa_analytics.incidents.severity import SEVERITIES
from wa_analytics.reports.wording import last_day, several
from wa_analytics.settings import Settings

NO_OWNER = "no owner named"
CONNECT_WITHIN = timedelta(days=30)
CHECK_NAMED = re.compile(r"^check [a-z_.]+: ")

#: rule → the decision it asks for
ASKS: Mapping[str, str] = {
    "consent.withdrawn": "Stop sending to people who withdrew, and say why the stop was not applied",
    "consent.refused": "Take people who refused off every sending list",
    "consent.never_asked": "Stop sends without any record of consent, or bring the records",
    "consent.expired": "Renew expired consents or stop sending on them",
    "consent.wrong_purpose": "Ask consent for the purpose actually used, or stop",
    "consent.unconfirmed": "Wait for the confirmation before sending",
    "consent.recorded_late": "Record consent before the first send",
    "consent.incomplete_record": "Complete the consent records, or treat them as missing",
    "consent.asked_again": "Stop asking people who withdrew",
    "consent.purpose_mismatch": "Settle the purpose that the sources disagree on",
    "consent.unknown_business": "Say which company the consent was given to",
    "window.free_form_outside": "Close the way by which free text leaves after 24 hours",
    "capture.body_missing": "Bring the send log of the messages whose content is missing",
    "capture.conflicting": "Say which of two contradicting records is right",
    "capture.signature_invalid": "Find out who sent webhooks with a wrong signature",
    "capture.unreadable": "Have the unreadable captures looked at",
    "capture.volume_gap": "Find out which sends never reached the archive, or declare the gap",
    "capture.unknown_message": "Bring the messages that the platform knows, or declare the gap",
    "capture.status_missing": "Find out whether these sends left, or declare the gap",
    "capture.silence": "Find out why the number fell silent, or declare the gap",
    "capture.media_missing": "Fetch the media files while their ids live, or declare the gap",
    "capture.diverted": "Point the webhooks back at the archive, and say since when they were not",
    "capture.offboarded": "Reconnect the account, or declare that it has ended",
    "capture.unsupported": "Ask people not to send what the platform does not pass on, or declare the gap",
    "retention.overdue": "Dispose of what is overdue, or put it on legal hold",
    "retention.conflict": "Decide which of the contradicting retention rules prevails",
    "retention.unscheduled": "Give the messages without a rule a retention class",
    "retention.disposed_early": "Explain what was disposed of before its time",
}


@dataclass(frozen=True)
class Decision:
    """One thing to decide, by whom and by when (`due_text`: the last day, in the company's zone)."""

    text: str
    owner: str
    due_at: datetime | None
    due_text: str
    incident_id: str | None
    entity: str | None
    company: str
    severity: str
    is_overdue: bool


def decisions(
    incidents: Iterable[IncidentState],
    verdicts: Sequence[Verdict],
    settings: Settings,
    as_of: datetime,
    entity: str | None = None,
    most: int = 3,
) -> tuple[Decision, ...]:
    """The `most` pressing ones for one company, or for all: of equal severity and date, what is not asked yet
    before the same of another company, and the one with more findings first."""
    open_ones = [
        state
        for state in incidents
        if state.status_code != "closed"
        and state.opened_at <= as_of
        and (entity is None or state.entity == entity)
        and (state.finding_count or state.rule is None)
    ]
    legal = [found for state in open_ones for found in _legal(state, settings, as_of)]
    legal.sort(key=lambda found: (found.due_at is None, found.due_at, found.incident_id))
    with_clock = {found.incident_id for found in legal}
    far = as_of + timedelta(days=36_500)
    policy = [state for state in open_ones if state.incident_id not in with_clock]
    policy.sort(key=lambda state: (-state.finding_count, state.incident_id))
    nth = {  # among those of its rule: two companies' incidents of one rule ask the same
        state.incident_id: sum(other.rule == state.rule for other in policy[:index])
        for index, state in enumerate(policy)
    }
    policy.sort(
        key=lambda state: (
            -SEVERITIES.index(state.severity_code),
            state.policy_due_at or far,
            nth[state.incident_id],
        )
    )
    chosen = [*legal, *(_policy(state, settings, as_of) for state in policy)][:most]
    return (*chosen, *_to_connect(verdicts, settings, as_of, entity)[: most - len(chosen)])


def _zone(entity: str | None, settings: Settings) -> str:
    company = settings.entity_by_key(entity or "")
    return company.time_zone if company else "UTC"


def _company(entity: str | None, settings: Settings) -> str:
    company = settings.entity_by_key(entity or "")
    return (company.name or company.key) if company else entity or ""


def _owner(state: IncidentState, settings: Settings) -> str:
    company = settings.entity_by_key(state.entity or "")
    return state.owner or (company.owner if company else "") or NO_OWNER


def _legal(state: IncidentState, settings: Settings, as_of: datetime) -> list[Decision]:
    if state.kind_code != "personal_data_breach":
        return []
    company = settings.entity_by_key(state.entity or "")
    return [
        Decision(
            text=f"Decide: {clock.reason} of the breach, or record why not ({clock.citation})",
            owner=_owner(state, settings),
            due_at=clock.due_at,
            due_text=last_day(clock.due_at, _zone(state.entity, settings)),
            incident_id=state.incident_id,
            entity=state.entity,
            company=_company(state.entity, settings),
            severity="critical",
            is_overdue=clock.state == "overdue",
        )
        for clock in clocks(
            state,
            as_of,
            jurisdiction=company.jurisdiction if company else "",
            time_zone=company.time_zone if company else None,
        )
        if clock.regime != "policy" and clock.state in ("running", "overdue")
    ]


def _policy(state: IncidentState, settings: Settings, as_of: datetime) -> Decision:
    text = ASKS.get(state.rule or "", f"Say how to deal with: {state.title}")
    if state.finding_count:
        text += f" ({several(state.finding_count, 'finding')})"
    if state.breach_code == "undecided" and state.severity_code == "critical":
        text += "; is it a personal-data breach? undecided"
    return Decision(
        text=text,
        owner=_owner(state, settings),
        due_at=state.policy_due_at,
        due_text=last_day(state.policy_due_at, _zone(state.entity, settings)),
        incident_id=state.incident_id,
        entity=state.entity,
        company=_company(state.entity, settings),
        severity=state.severity_code,
        is_overdue=state.policy_due_at is not None and state.policy_due_at <= as_of,
    )


def _to_connect(
    verdicts: Sequence[Verdict], settings: Settings, as_of: datetime, entity: str | None
) -> list[Decision]:
    """What is missing for the most controls, as decisions to connect it."""
    missing: dict[str, set[str]] = defaultdict(set)
    for verdict in verdicts:
        if verdict.verdict == "not_evaluated" and (entity is None or verdict.entity == entity):
            for piece in verdict.evidence:
                if piece.outcome == "not_evaluated" and piece.numerator is None:
                    missing[_asked(piece.reason)].add(verdict.control)
    company = settings.entity_by_key(entity or "")
    owner = (company.owner if company else "") or NO_OWNER
    return [
        Decision(
            text=f"{words} ({', '.join(sorted(controls))})",
            owner=owner,
            due_at=as_of + CONNECT_WITHIN,
            due_text=last_day(as_of + CONNECT_WITHIN, _zone(entity, settings)),
            incident_id=None,
            entity=entity,
            company=_company(entity, settings),
            severity="low",
            is_overdue=False,
        )
        for words, controls in sorted(missing.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]


def _asked(reason: str) -> str:
    """What a control's missing evidence asks of a person. A check that never ran is one question for
    all of them, and which check could not judge is not the reader's question."""
    if reason.endswith("has not run"):
        return "Have the evidence captured and the checks run: nothing was ever evaluated"
    return f"Bring the missing evidence: {CHECK_NAMED.sub('', reason)}"
