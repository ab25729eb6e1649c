"""A small made-up group with half a year of traffic, as the frames that reports are made from."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from tests.spec.drawn_table import schema_of
from wa_analytics.controls.assess import assess
from wa_analytics.controls.control import Verdict
from wa_analytics.incidents.detect import detected
from wa_analytics.incidents.lifecycle import IncidentState, Step, breach_decided, opened
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.reports.overview import Freshness, Overview, overview
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Entity, Settings
from wa_analytics.tables import ConsentEvent, Custodian, Finding, Message

AS_OF = datetime(2026, 6, 30, 12, tzinfo=UTC)
COMPANIES = (
    Entity(
        key="harbour",
        name="Harbour Securities",
        kind="broker_dealer",
        jurisdiction="US",
        time_zone="America/New_York",
        owner="Chief Compliance Officer",
    ),
    Entity(
        key="nordwind",
        name="Nordwind Air",
        kind="airline",
        jurisdiction="DE",
        time_zone="Europe/Berlin",
        owner="Data Protection Officer",
    ),
    Entity(key="vita", name="Clínica Vita", kind="clinic", jurisdiction="BR", time_zone="America/Sao_Paulo"),
)
SETTINGS = Settings(entity=COMPANIES)
COUNTRIES = {"harbour": ["US"], "nordwind": ["DE", "FR", "GB"], "vita": ["BR"]}
SCHEDULE = (
    ScheduleRow(record_class="correspondence", entity_kind="broker_dealer", authority="SEC-01", floor="P3Y"),
    ScheduleRow(entity_kind="broker_dealer", authority="FIN-01", floor="P6Y", is_fallback=True),
    ScheduleRow(record_class="correspondence", entity_kind="airline", authority="policy", ceiling="P90D"),
    ScheduleRow(record_class="correspondence", entity_kind="clinic", authority="policy", ceiling="P5Y"),
)
RULES = {
    "withdrawn": ("consent.withdrawn", "critical"),
    "never_asked": ("consent.never_asked", "high"),
    "expired": ("consent.expired", "high"),
    "outside": ("window.free_form_outside", "high"),
    "overdue": ("retention.overdue", "high"),
}


def _messages(size: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    blank = dict.fromkeys(schema_of(Message))
    rows = []
    for number in range(size):
        company = COMPANIES[draw.randrange(3)].key
        sent_at = AS_OF - timedelta(minutes=draw.randrange(1, 180 * 24 * 60))
        is_inbound = draw.random() < 0.3
        is_free = not is_inbound and draw.random() < 0.3
        share = 0.012 if sent_at > AS_OF - timedelta(days=60) else 0.004
        state = (
            "granted" if draw.random() > share * 3 else draw.choice(["withdrawn", "never_asked", "expired"])
        )
        purpose = draw.choice(["utility", "service"] if company == "harbour" else ["utility", "marketing"])
        airline = company == "nordwind"
        dispose_by = sent_at + timedelta(days=165) if airline else None
        rows.append(
            blank
            | {
                "message_id": f"m{number:06d}",
                "entity": company,
                "channel_id": f"channel-{company}",
                "party_id": f"p{company}{draw.randrange(size // 12)}",
                "direction_code": "inbound" if is_inbound else "outbound",
                "kind_code": None if is_inbound else "free_form" if is_free else "template",
                "template_name": None
                if is_inbound or is_free
                else draw.choice(["booking", "reminder", "offer"]),
                "country_code": draw.choice(COUNTRIES[company]),
                "sent_at": sent_at,
                "has_send_log": not is_inbound,
                "has_echo": False,
                "has_body": True,
                "is_conflicting": False,
                "first_status_at": None if is_inbound else sent_at,
                "delivered_at": None
                if is_inbound or draw.random() < 0.03
                else sent_at + timedelta(seconds=9),
                "purpose_code": None if is_inbound else "service" if is_free else purpose,
                "has_purpose_mismatch": False,
                "consent_code": "not_judged" if is_inbound or is_free else state,
                "withdrawn_at": sent_at - timedelta(days=3) if state == "withdrawn" else None,
                "window_code": ("outside" if draw.random() < 0.01 else "inside") if is_free else "not_judged",
                "body_code": "held",
                "record_class": "correspondence",
                "retain_until": sent_at + timedelta(days=6 * 366) if company == "harbour" else None,
                "dispose_by": dispose_by,
                "retention_code": "scheduled",
            }
        )
    for row in rows:
        if row["delivered_at"] is None and row["direction_code"] == "outbound":
            row["failed_at"] = row["sent_at"] + timedelta(seconds=5)
    return rows


def _findings(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    blank = dict.fromkeys(schema_of(Finding))
    rows = []
    for message in messages:
        is_overdue = message["dispose_by"] is not None and message["dispose_by"] <= AS_OF
        for code in (message["consent_code"], message["window_code"], "overdue" if is_overdue else ""):
            if code not in RULES:
                continue
            rule, severity = RULES[code]
            rows.append(
                blank
                | {
                    "finding_id": f"{rule}|{message['message_id']}",
                    "rule": rule,
                    "subject": "message",
                    "subject_id": message["message_id"],
                    "severity_code": severity,
                    "status_code": "open",
                    **{
                        name: message[name]
                        for name in ("entity", "channel_id", "purpose_code", "country_code")
                    },
                    "template_name": message["template_name"],
                    "outcome_code": "delivered" if message["delivered_at"] else "failed",
                    "was_known": code == "withdrawn",
                    "occurred_at": message["dispose_by"] if code == "overdue" else message["sent_at"],
                    "first_seen_at": AS_OF - timedelta(days=1),
                    "last_seen_at": AS_OF,
                    "check_run_id": "run-1",
                }
            )
    return rows


def frames_of(size: int = 4000, seed: int = 7) -> MetricFrames:
    messages = _messages(size, seed)
    events = [
        dict.fromkeys(schema_of(ConsentEvent))
        | {
            "event_id": f"e-{party}",
            "source_code": "register",
            "party_id": party,
            "entity": entity,
            "country_code": COUNTRIES[entity][0],
            "is_any_entity": False,
            "has_unknown_business": False,
            "purpose_code": "all",
            "action_code": "withdrawn" if number % 23 == 0 else "granted",
            "occurred_at": AS_OF - timedelta(days=number % 170),
            "is_incomplete": number % 61 == 0 and entity == "vita",
            "is_conflicting": False,
            "is_asked_again": False,
        }
        for number, (party, entity) in enumerate(sorted({(m["party_id"], m["entity"]) for m in messages}))
    ]
    return MetricFrames(
        pl.DataFrame(messages, schema=schema_of(Message)),
        pl.DataFrame(events, schema=schema_of(ConsentEvent)),
        pl.DataFrame(schema=schema_of(Custodian)),
        pl.DataFrame(_findings(messages), schema=schema_of(Finding)),
        zones={company.key: company.time_zone for company in COMPANIES},
    )


def check_results(crashed: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    from wa_analytics.reports.checklist import QUESTIONS

    return [
        {
            "check_key": rule,
            "outcome_code": "error" if rule in crashed else "pass",
            "reason": "it crashed" if rule in crashed else None,
        }
        for question in QUESTIONS
        for rule in question.checks
    ]


class World:
    """Frames, verdicts and incidents of the made-up group, one breach recorded by hand."""

    def __init__(self, size: int = 4000) -> None:
        self.frames = frames_of(size)
        self.verdicts: list[Verdict] = assess(self.frames, SETTINGS, SCHEDULE, check_results(), AS_OF)
        owners = {company.key: company.owner for company in COMPANIES}
        names = {company.key: company.name for company in COMPANIES}
        changes = detected(
            self.frames.findings, [], AS_OF - timedelta(days=1), owners=owners, entity_names=names
        )
        self.incidents: list[IncidentState] = [state for state, _ in changes]
        self.steps: dict[str, list[Step]] = {step.incident_id: [step] for _, step in changes}
        at = AS_OF - timedelta(hours=20)
        breach, first = opened(
            "INC-0100",
            title="Exported send log found on an open file share",
            at=at,
            actor="analyst",
            entity="vita",
            severity="critical",
        )
        breach, second = breach_decided(
            breach,
            is_breach=True,
            at=at + timedelta(hours=2),
            actor="analyst",
            note="the file held identifiers of patients",
            aware_at=at,
            risk="high_risk",
        )
        self.incidents.append(breach)
        self.steps[breach.incident_id] = [first, second]
        self.freshness = Freshness(AS_OF - timedelta(hours=3), AS_OF - timedelta(hours=1))

    def overview(self, entity: str | None = None) -> Overview:
        return overview(
            self.frames,
            SETTINGS,
            self.verdicts,
            self.incidents,
            check_results(),
            self.freshness,
            AS_OF,
            entity,
        )
