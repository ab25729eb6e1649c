"""Disposal of the workbench's own records, by the same schedule as the messages.

Rows of findings, check results and incidents are deleted, journal entries lose their keys by a disposal
entry, consent records go as evidence does; each class is counted in the journal. What is not over yet
stays: open findings, incidents that are not closed, the latest check run. A hold on everything keeps
them all, a hold on a person that person's consent records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.evidence.disposal import destroyed_within, keyed
from wa_analytics.evidence.log import CHUNK_ROWS, journal
from wa_analytics.metrics.frames import collected
from wa_analytics.pipeline.destroying.destruction import Destroyed, destroyed
from wa_analytics.pipeline.destroying.target import Target
from wa_analytics.pipeline.disposed import decided_by_people
from wa_analytics.pipeline.through import lazy
from wa_analytics.retention.own import own_due
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

SCHEDULE = "schedule"
OWN = {
    "finding": (
        "SELECT finding_id AS record_id, entity, resolved_at AS triggered_at FROM finding"
        " WHERE status_code = 'resolved'"
    ),
    "check_result": (
        "SELECT check_run_id AS record_id, NULL AS entity, started_at AS triggered_at FROM check_run"
        " WHERE finished_at < (SELECT max(finished_at) FROM check_run)"
    ),
    "incident": (
        "SELECT incident_id AS record_id, entity, closed_at AS triggered_at FROM incident"
        " WHERE status_code = 'closed'"
    ),
    "suppression": ("SELECT suppression_id AS record_id, entity, made_at AS triggered_at FROM suppression"),
    "journal": (
        "SELECT e.sequence AS record_id, NULL AS entity, e.received_at AS triggered_at FROM entry e"
        " JOIN entry_key k ON k.sequence = e.sequence WHERE e.kind = 'journal' AND e.kind <> 'capture'"
    ),
}
TABLES = {
    "finding": (("finding", "finding_id"),),
    "check_result": (("check_result", "check_run_id"), ("check_run", "check_run_id")),
    "suppression": (("suppression", "suppression_id"),),
    "incident": (("incident_event", "incident_id"), ("incident", "incident_id")),
}


def own_records_due(
    database: Database, settings: Settings, schedule: Sequence[ScheduleRow], as_of: datetime
) -> dict[str, list[str]]:
    """class → ids of what is past its ceiling: finding, check run, incident, journal entry (sequence),
    consent event."""
    holds = decided_by_people(database).holds
    conditions = ("identifier_digest", "custodian_id", "channel_id", "sent_from", "sent_to")
    if holds.filter(pl.all_horizontal(pl.col(name).is_null() for name in conditions)).height:
        return {}
    with_ceiling = {row.record_class for row in schedule if row.ceiling}
    found = {}
    for name, sql in {**OWN, "consent_record": ""}.items():
        if name not in with_ceiling:
            continue
        records = database.frame(sql) if sql else _consent_records(database)
        records = records.select(
            pl.col("record_id").cast(pl.String), pl.col("entity").cast(pl.String), "triggered_at"
        ).drop_nulls("triggered_at")
        records = records.with_columns(_utc(records))
        due = collected(own_due(lazy(records), schedule, name, settings.entities, as_of))
        if due.height:
            found[name] = sorted(due["record_id"])
    return found


def _utc(records: pl.DataFrame) -> pl.Expr:
    column = pl.col("triggered_at")
    if records.schema["triggered_at"] == pl.String:
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us").dt.replace_time_zone("UTC")
    return column.cast(pl.Datetime("us", "UTC"))


def _consent_records(database: Database) -> pl.DataFrame:
    """Register events with the last entry of their person: event or message, whichever is later."""
    events = database.table(
        t.ConsentEvent,
        columns=("event_id", "party_id", "entity", "is_any_entity", "occurred_at", "source_code"),
    )
    messages = database.frame("SELECT party_id, max(sent_at) AS sent_at FROM message GROUP BY party_id")
    last = events.group_by("party_id").agg(last_event_at=pl.col("occurred_at").max())
    people = dict(database.frame("SELECT identifier_digest, party_id FROM identifier").iter_rows())
    holds = decided_by_people(database).holds_in_force(people)
    held = {hold.party_id for hold in holds if hold.is_personal}
    return (
        events.filter(
            (pl.col("source_code") == "register") & ~pl.col("party_id").is_in(list(held)).fill_null(False)
        )
        .join(last, on="party_id", how="left", nulls_equal=True)
        .join(messages, on="party_id", how="left")
        .select(
            record_id="event_id",
            entity=pl.when(pl.col("is_any_entity")).then(None).otherwise(pl.col("entity")),
            triggered_at=pl.max_horizontal("last_event_at", "sent_at"),
        )
    )


def own_records_disposed(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: Sequence[ScheduleRow],
    *,
    as_of: datetime,
    at: datetime,
    actor: str,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Dispose of what `own_records_due` names; returns class → records gone. The caller holds the
    refresh lock and settles afterwards. A kill leaves each record whole or gone."""
    due = own_records_due(database, settings, schedule, as_of)
    counts: dict[str, int] = {}
    for name, ids in due.items():
        if name == "journal":
            counts[name] = _journal_disposed(database, [int(number) for number in ids], at, actor)
        elif name == "consent_record":
            outcome = _consent_disposed(database, ring, settings, ids, at, actor, progress)
            counts[name] = outcome.events
        else:
            counts[name] = _deleted(database, name, ids)
    if counts:
        journal(
            database,
            ring,
            actor=actor,
            action="dispose.own_records",
            reason="retention schedule",
            outcome="done",
            at=at,
            detail=counts,
        )
    return counts


def _deleted(database: Database, name: str, ids: Sequence[str]) -> int:
    for start in range(0, len(ids), CHUNK_ROWS):
        with database.writing() as writer:
            for table, column in TABLES[name]:
                condition, params = database.matching(column, ids[start : start + CHUNK_ROWS])
                writer.execute(f"DELETE FROM {table} WHERE {condition}", params)
    return len(ids)


def _journal_disposed(database: Database, sequences: Sequence[int], at: datetime, actor: str) -> int:
    count = 0
    for start in range(0, len(sequences), CHUNK_ROWS):
        rows = keyed(database, sequences[start : start + CHUNK_ROWS])
        said: dict[str, Any] = {
            "actor": actor,
            "decision": SCHEDULE,
            "record_class": "journal",
            "entries": [row.capture_id.hex() for row in rows],
        }
        with database.writing() as writer:
            destroyed_within(writer, [row.sequence for row in rows], said, at)
        count += len(rows)
    return count


def _consent_disposed(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    ids: Sequence[str],
    at: datetime,
    actor: str,
    progress: Callable[[int, int], None] | None,
) -> Destroyed:
    nothing = database.table(t.Message, "1 = 0").with_columns(rule=pl.lit(None, dtype=pl.String))
    target = Target(messages=nothing, decision=SCHEDULE, actor=actor, events=frozenset(ids))
    return destroyed(database, ring, settings, target, at, progress=progress)
