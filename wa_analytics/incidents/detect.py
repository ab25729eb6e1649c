"""Groups open findings into incidents by cause: one rule, one company.

Decision: an incident follows its findings. New ones raise its count and may raise its severity; when
none is left that is noted, and a person closes it. After a person closed it, only findings seen anew
open another. These are compliance failures; whether one is a personal-data breach is not detected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from wa_analytics.incidents.lifecycle import Change, IncidentState, next_id, opened, updated
from wa_analytics.incidents.severity import POLICY_DAYS, policy_due_at, worst

#: rule → what happened, in words for people; `{count}` findings, `{entity}` company
TITLES: Mapping[str, str] = {
    "consent.withdrawn": "Messages sent to people who had withdrawn",
    "consent.refused": "Messages sent to people who had refused",
    "consent.never_asked": "Messages sent without any record of consent",
    "consent.expired": "Messages sent after consent had expired",
    "consent.wrong_purpose": "Messages sent for a purpose nobody agreed to",
    "consent.unconfirmed": "Messages sent before consent was confirmed",
    "consent.recorded_late": "Consent recorded only after the message was sent",
    "consent.incomplete_record": "Consent records without method, wording or business name",
    "consent.asked_again": "People asked again after they had withdrawn",
    "consent.purpose_mismatch": "Sources disagree on the purpose of messages",
    "consent.unknown_business": "Consent given to a business nobody knows",
    "window.free_form_outside": "Free-form messages outside the 24-hour window",
    "capture.body_missing": "Messages sent whose content is not held",
    "capture.conflicting": "Sources tell the same message differently",
    "capture.signature_invalid": "Webhooks whose signature does not match",
    "capture.unreadable": "Captures that could not be read",
    "capture.volume_gap": "Days with fewer messages held than the platform sent",
    "capture.unknown_message": "Messages the platform knows and the archive lacks",
    "capture.status_missing": "Sends of which no status ever came",
    "capture.silence": "Numbers silent against their own pattern",
    "capture.media_missing": "Media files that are not held",
    "capture.diverted": "Webhooks delivered to another address",
    "capture.offboarded": "Accounts that no longer deliver",
    "capture.unsupported": "Messages the platform could not pass on",
    "freshness.capture": "Companies of which nothing new was captured",
    "identity.ambiguous": "Numbers that changed hands, and nobody decided whose is whose",
    "retention.overdue": "Message contents held past their date of disposal",
    "retention.conflict": "Retention rules that contradict each other",
    "retention.unscheduled": "Messages that no retention rule covers",
    "retention.disposed_early": "Messages disposed of before their time",
}


def title_of(rule: str, entity_name: str | None = None) -> str:
    """The title of an incident of that rule; rules not listed are named by their key."""
    title = TITLES.get(rule, f"Findings of rule {rule}")
    return f"{title} – {entity_name}" if entity_name else title


def cause_of(rule: str, entity: str | None) -> str:
    """What gathers findings into one incident."""
    return f"{rule}|{entity or ''}"


def detected(
    findings: pl.DataFrame,
    incidents: Iterable[IncidentState],
    at: datetime,
    *,
    actor: str = "wa run",
    entity_names: Mapping[str, str] | None = None,
    owners: Mapping[str, str] | None = None,
    policy_days: Mapping[str, int] = POLICY_DAYS,
) -> list[Change]:
    """Incidents opened or updated by the findings, in the order of their causes; empty if nothing moved.

    `findings`: table `finding` (all of them; the open ones count). `incidents`: the recorded ones,
    closed ones too. Running it again on its own outcome changes nothing.
    """
    recorded = list(incidents)
    ids = [state.incident_id for state in recorded]
    running = {state.cause: state for state in recorded if state.status_code != "closed"}
    ended: dict[str, datetime] = {}
    for past in recorded:
        if past.closed_at is not None:
            ended[past.cause] = max(past.closed_at, ended.get(past.cause, past.closed_at))
    changes: list[Change] = []
    groups = _grouped(findings)
    for cause, facts in sorted(groups.items()):
        state = running.get(cause)
        if state is None:
            if cause in ended and facts["seen_at"] <= ended[cause]:
                continue
            entity = facts["entity"]
            incident_id = next_id(ids)
            ids.append(incident_id)
            count = facts["finding_count"]
            changes.append(
                opened(
                    incident_id,
                    title=title_of(facts["rule"], (entity_names or {}).get(entity or "", entity)),
                    at=at,
                    actor=actor,
                    cause=cause,
                    severity=facts["severity_code"],
                    entity=entity,
                    owner=(owners or {}).get(entity or "") or None,
                    note=f"{count:,} open finding{'' if count == 1 else 's'} of {facts['rule']}",
                    policy_days=policy_days,
                    rule=facts["rule"],
                    **_extent(facts),
                )
            )
        else:
            changes.extend(_followed(state, facts, at, actor, policy_days))
    for cause, still in sorted(running.items()):
        if cause not in groups and still.rule is not None and still.finding_count:
            note = "no open finding is left"
            changes.append(updated(still, at=at, actor=actor, note=note, finding_count=0))
    return changes


def _followed(
    state: IncidentState,
    facts: Mapping[str, Any],
    at: datetime,
    actor: str,
    policy_days: Mapping[str, int],
) -> list[Change]:
    new = _extent(facts)
    severity = worst([state.severity_code, facts["severity_code"]])
    if all(getattr(state, name) == value for name, value in new.items()) and severity == state.severity_code:
        return []
    if severity != state.severity_code:
        new |= {
            "severity_code": severity,
            "policy_due_at": policy_due_at(severity, state.opened_at, policy_days),
        }
    note = f"{state.finding_count:,} → {facts['finding_count']:,} open findings"
    return [updated(state, at=at, actor=actor, note=note, **new)]


def _extent(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("occurred_from", "occurred_to", "finding_count")}


def _grouped(findings: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Open findings by cause: count, extent in time, worst severity, when last seen anew."""
    grouped = (
        findings.lazy()
        .filter(pl.col("status_code") == "open")
        .group_by("rule", "entity")
        .agg(
            pl.len().alias("finding_count"),
            pl.col("occurred_at").min().alias("occurred_from"),
            pl.col("occurred_at").max().alias("occurred_to"),
            pl.col("severity_code").unique().alias("severities"),
            # Closing is told by the clock, so is this: `as_of` may be long past.
            pl.coalesce("noticed_at", pl.max_horizontal("first_seen_at", "reopened_at"))
            .max()
            .alias("seen_at"),
        )
        .collect()
    )
    return {
        cause_of(row["rule"], row["entity"]): {**row, "severity_code": worst(row["severities"])}
        for row in grouped.to_dicts()
    }
