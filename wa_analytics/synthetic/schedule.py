"""The demo's retention schedule, the calendar, and the retention answers.

The answers come from the generator's own list of what it wrote and the few rules below, by calendar
arithmetic of its own: nothing here calls the product's retention room.
"""

from __future__ import annotations

import calendar
import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

COLUMNS = (
    "record_class", "entity_kind", "jurisdiction", "authority", "floor", "ceiling", "is_fallback",
    "trigger", "effective_from", "effective_to",
)  # fmt: skip


class ScheduleRow(NamedTuple):
    record_class: str
    entity_kind: str
    jurisdiction: str
    authority: str
    floor: str = ""
    ceiling: str = ""
    is_fallback: bool = False
    trigger: str = "sent_at"


class ClassRule(NamedTuple):
    """Assigns a record class; in the demo no two rules of a company match one message."""

    record_class: str
    entity: str
    channel: str = ""
    purpose: str = ""
    template: str = ""


class Kept(NamedTuple):
    """One message as the generator knows it, for the retention answers."""

    outside_id: str
    sent_at: int
    channel_id: str
    purpose: str
    template: str
    has_body: bool


SCHEDULE = (
    ScheduleRow("correspondence", "broker_dealer", "US", "SEC-01", floor="P3Y"),
    ScheduleRow("", "broker_dealer", "US", "FIN-01", floor="P6Y", is_fallback=True),
    ScheduleRow("correspondence", "broker_dealer", "US", "POLICY-US-LETTERS", ceiling="P7Y"),
    ScheduleRow("account_notice", "broker_dealer", "US", "POLICY-US-NOTICES", ceiling="P7Y"),
    ScheduleRow("marketing_archive", "broker_dealer", "US", "SEC-01", floor="P3Y"),
    ScheduleRow("marketing_archive", "broker_dealer", "US", "POLICY-US-MARKETING", ceiling="P1Y"),
    ScheduleRow("correspondence", "airline", "IE", "GDP-02", ceiling="P90D"),
    ScheduleRow("customer_notice", "airline", "IE", "POLICY-EU-NOTICES", ceiling="P2Y"),
    ScheduleRow("correspondence", "clinic", "BR", "LGP-01", ceiling="P5Y"),
    ScheduleRow("medical_record", "clinic", "BR", "Lei 13.787 art. 6", floor="P20Y", trigger="last_entry_at"),
    ScheduleRow("exam_result", "clinic", "BR", "Lei 13.787 art. 6", floor="P20Y"),
    ScheduleRow("exam_result", "clinic", "BR", "POLICY-BR-EXAMS", ceiling="P5Y"),
)


def schedule_csv() -> str:
    """The schedule as the workspace's `retention.csv`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in SCHEDULE:
        writer.writerow([*row[:6], "true" if row.is_fallback else "false", row.trigger, "", ""])
    return text.getvalue()


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and time `months` later; 31 January + 1 month is the last of February."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def later(moment: datetime, duration: str) -> datetime:
    """`moment` + an ISO 8601 duration of years, or of days."""
    number, unit = int(duration[1:-1]), duration[-1]
    return moment + timedelta(days=number) if unit == "D" else months_later(moment, 12 * number)


def retention_answers(
    entity: str, kind: str, jurisdiction: str, rules: Iterable[ClassRule], kept: Iterable[Kept], end: datetime
) -> list[dict[str, str]]:
    """Answer rows of retention.overdue, .unscheduled and .conflict for one company's messages."""
    own = [rule for rule in rules if rule.entity == entity]
    rows = [row for row in SCHEDULE if row.entity_kind == kind and row.jurisdiction == jurisdiction]
    terms = {name: _terms(rows, name) for name in {"correspondence", *(rule.record_class for rule in own)}}
    answers = []
    conflicts: dict[str, int] = {}
    for message in kept:
        record_class = _class_of(own, message)
        floor, ceiling = terms[record_class]
        if floor is None and ceiling is None:
            answers.append(_message("retention.unscheduled", message, entity))
            continue
        if ceiling is None:
            continue
        sent = datetime.fromtimestamp(message.sent_at, UTC)
        dispose_by = later(sent, ceiling.ceiling)
        if floor is not None and dispose_by < later(sent, floor.floor):
            pair = f"{floor.authority}|{ceiling.authority}"
            conflicts[pair] = min(message.sent_at, conflicts.get(pair, message.sent_at))
        elif message.has_body and end >= dispose_by:
            answers.append(_message("retention.overdue", message, entity))
    for pair, first in sorted(conflicts.items()):
        answers.append(_row("retention.conflict", "retention_pair", pair, entity, first))
    return answers


def _class_of(rules: list[ClassRule], message: Kept) -> str:
    for rule in rules:
        if (
            rule.channel in ("", message.channel_id)
            and rule.purpose in ("", message.purpose)
            and rule.template in ("", message.template)
        ):
            return rule.record_class
    return "correspondence"


def _terms(rows: list[ScheduleRow], record_class: str) -> tuple[ScheduleRow | None, ScheduleRow | None]:
    """The one floor and the one ceiling of a class; a fallback counts where no floor is given."""
    floors = [r for r in rows if r.floor and not r.is_fallback and r.record_class == record_class]
    fallbacks = [r for r in rows if r.floor and r.is_fallback]
    ceilings = [r for r in rows if r.ceiling and r.record_class == record_class]
    floor = next(iter(floors or fallbacks), None)
    return floor, next(iter(ceilings), None)


def _message(rule: str, message: Kept, entity: str) -> dict[str, str]:
    return _row(rule, "message", message.outside_id, entity, message.sent_at)


def _row(rule: str, subject: str, outside_id: str, entity: str, occurred_at: int) -> dict[str, str]:
    return {
        "rule": rule,
        "subject": subject,
        "outside_id": outside_id,
        "entity": entity,
        "occurred_at": datetime.fromtimestamp(occurred_at, UTC).isoformat(),
    }
