"""Declared gaps: what we know we lack, since when, until when, why, and who says so.

A declaration takes findings of its subject, company, channel and time out of the open ones; they are
counted as declared. Proposals are stretches that open findings show; only a person declares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from wa_analytics.completeness.diversion import Stretch


class Subject(NamedTuple):
    """What is lacking, and the rules whose findings a declaration of it takes out."""

    meaning: str
    rules: tuple[str, ...]


SUBJECTS = {
    "messages": Subject(
        "messages that were not captured",
        ("capture.volume_gap", "capture.unknown_message", "capture.silence"),
    ),
    "inbound": Subject("inbound messages", ("capture.silence",)),
    "bodies": Subject(
        "contents of messages", ("capture.body_missing", "capture.volume_gap", "capture.unsupported")
    ),
    "statuses": Subject("delivery statuses", ("capture.status_missing",)),
    "media": Subject("media files", ("capture.media_missing",)),
    "everything": Subject("all of it", ("capture.diverted", "capture.offboarded")),
}
# Rules whose findings stand at a moment, the subject they point to, and how far two of one stretch may
# lie apart.
CHAINED = {
    "capture.unknown_message": ("messages", timedelta(days=1)),
    "capture.body_missing": ("bodies", timedelta(days=1)),
    "capture.status_missing": ("statuses", timedelta(days=1)),
    "capture.media_missing": ("media", timedelta(days=1)),
}
DAY = timedelta(days=1)
WHY = {
    "capture.silence": "no inbound although the number's pattern expects it",
    "capture.volume_gap": "fewer messages held than the platform sent",
    "capture.unknown_message": "the platform knows messages that are not held",
    "capture.body_missing": "sends without their content",
    "capture.status_missing": "sends without any status",
    "capture.media_missing": "media files not held",
    "capture.diverted": "deliveries went to another address",
    "capture.offboarded": "the account did not deliver",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap that could be declared. gap_to: exclusive; None while it lasts. finding_count: open findings
    it would take out; None where it is told by events."""

    proposal_id: str
    rule: str
    subject_code: str
    entity: str | None
    channel_id: str | None
    gap_from: datetime
    gap_to: datetime | None
    why: str
    finding_count: int | None


def proposals(
    findings: Iterable[Mapping[str, Any]],
    silent_days: Iterable[Mapping[str, Any]],
    stretches: Iterable[Stretch],
    declared: Iterable[Mapping[str, Any]],
) -> list[Gap]:
    """Stretches that could be declared, in the order of time; what a declaration covers already is left
    out.

    findings: open ones of the rules above: `rule, subject_id, entity, channel_id, occurred_at`.
    silent_days: `channel_id, entity, day_from, day_to, silent_on, is_open` of silent days; is_open: the
    day is the newest of its number. declared: rows of declared_gap in force.
    """
    found: list[Gap] = []
    by_place: dict[tuple[str, str, str], list[datetime]] = {}
    stretches_found: set[str] = set()
    for row in findings:
        rule = row["rule"]
        if rule == "capture.silence":
            stretches_found.add(row["subject_id"])
        elif row["occurred_at"] is not None and (row["channel_id"] or row["entity"]):
            key = (rule, row["entity"] or "", row["channel_id"] or "")
            by_place.setdefault(key, []).append(row["occurred_at"])
    for (rule, entity, channel), moments in by_place.items():
        if rule == "capture.volume_gap":
            found += [
                _gap(rule, "messages", entity, channel, run[0], run[-1] + DAY, len(run))
                for run in _runs(moments, DAY)
            ]
        elif rule in CHAINED:
            subject, apart = CHAINED[rule]
            found += [
                _gap(rule, subject, entity, channel, run[0], run[-1] + timedelta(seconds=1), len(run))
                for run in _runs(moments, apart)
                if len(run) > 1
            ]
    days: dict[str, list[Mapping[str, Any]]] = {}
    for day in silent_days:
        key_of = f"{day['channel_id']}|{day['silent_on']}"
        if key_of in stretches_found:
            days.setdefault(key_of, []).append(day)
    for spent in days.values():
        last = max(spent, key=lambda day: day["day_to"])
        start = min(day["day_from"] for day in spent)
        end_or_none = None if last["is_open"] else last["day_to"]
        found.append(
            _gap("capture.silence", "inbound", last["entity"], last["channel_id"], start, end_or_none, 1)
        )
    found += [
        _gap(one.rule, "everything", one.entity, one.channel_id, one.start, one.end, None)
        for one in stretches
        if one.channel_id or one.entity
    ]
    known = list(declared)
    open_ones = [gap for gap in found if not any(covers(row, gap) for row in known)]
    return sorted(open_ones, key=lambda gap: (gap.gap_from, gap.rule, gap.channel_id or "", gap.proposal_id))


def covers(declared: Mapping[str, Any], gap: Gap) -> bool:
    """Whether a declaration says all that the proposal would."""
    return (
        (declared["subject_code"] == "everything" or gap.rule in SUBJECTS[declared["subject_code"]].rules)
        and declared["entity"] in (None, gap.entity)
        and declared["channel_id"] in (None, gap.channel_id)
        and declared["gap_from"] <= gap.gap_from
        and (declared["gap_to"] is None or (gap.gap_to is not None and declared["gap_to"] >= gap.gap_to))
    )


def touches(
    declared: Mapping[str, Any], entity: str | None, channel_id: str | None, start: datetime, end: datetime
) -> bool:
    """Whether a declaration concerns the company and channel at some time from `start` to `end`."""
    return (
        declared["entity"] in (None, entity)
        and declared["channel_id"] in (None, channel_id)
        and declared["gap_from"] <= end
        and (declared["gap_to"] is None or declared["gap_to"] > start)
    )


def _gap(
    rule: str,
    subject: str,
    entity: str | None,
    channel: str | None,
    start: datetime,
    end: datetime | None,
    count: int | None,
) -> Gap:
    # Named by where it begins, so that one that grows keeps its name.
    named = hashlib.sha256(f"{rule}|{entity or ''}|{channel or ''}|{start.isoformat()}".encode()).hexdigest()
    return Gap(named[:12], rule, subject, entity or None, channel or None, start, end, WHY[rule], count)


def _runs(moments: Iterable[datetime], apart: timedelta) -> list[list[datetime]]:
    """Moments in stretches whose neighbours are at most `apart`."""
    runs: list[list[datetime]] = []
    for moment in sorted(moments):
        if runs and moment - runs[-1][-1] <= apart:
            runs[-1].append(moment)
        else:
            runs.append([moment])
    return runs
