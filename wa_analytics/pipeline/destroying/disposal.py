"""`wa dispose`: what the schedule says must go, goes; what a hold keeps, is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from wa_analytics import tables as t
from wa_analytics.evidence.checkpoint import seal_pending
from wa_analytics.evidence.disposal import compacted, destroyed_again, swept
from wa_analytics.pipeline.destroying.beside import beside_messages
from wa_analytics.pipeline.destroying.destruction import Destroyed, destroyed
from wa_analytics.pipeline.destroying.own_records import own_records_disposed, own_records_due
from wa_analytics.pipeline.destroying.target import Target
from wa_analytics.pipeline.disposed import decided_by_people, parties_of, unneeded_links_forgotten
from wa_analytics.pipeline.refreshing.refresh import refresh
from wa_analytics.pipeline.refreshing.spans import Progress
from wa_analytics.pipeline.through import through
from wa_analytics.retention.due import disposal_due, suspended
from wa_analytics.retention.holds import with_hold
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

SCHEDULE = "schedule"


@dataclass(frozen=True)
class Plan:
    """due: messages, and what stands beside them, to dispose of: columns of `message` and `rule`; held:
    those whose ceiling has passed but that a legal hold keeps, with `hold_id`; own: class → ids of the
    workbench's own records that are due."""

    due: pl.DataFrame
    held: pl.DataFrame
    own: dict[str, list[str]]


@dataclass(frozen=True)
class Disposal:
    """What a disposal did; wrapping_keys: destroyed after what survived under them moved away."""

    destroyed: Destroyed
    wrapping_keys: int
    held: int
    own: dict[str, int]


def disposal_plan(
    database: Database, settings: Settings, schedule: tuple[ScheduleRow, ...], as_of: datetime
) -> Plan:
    """What would go at `as_of`. Reads the state tables, so refresh first."""
    spoken = _beside_suspended(database, settings, schedule)
    messages = database.table(t.Message, "dispose_by <= :as_of", as_of=as_of)
    messages = pl.concat([messages, spoken], how="diagonal")
    due = _due(messages, as_of, "scheduled").with_columns(rule=pl.col("dispose_rule"))
    held = _due(messages, as_of, "held")
    held = (
        held.join(messages_held(database, spoken), on="message_id", how="left")
        if held.height
        else (held.with_columns(hold_id=pl.lit(None, dtype=pl.String), matter=pl.lit(None, dtype=pl.String)))
    )
    return Plan(due, held, own_records_due(database, settings, schedule, as_of))


def _beside_suspended(
    database: Database, settings: Settings, schedule: tuple[ScheduleRow, ...]
) -> pl.DataFrame:
    """What stands beside the messages, with its retention, under a legal hold as held."""
    spoken = beside_messages(database, settings, schedule)
    held = messages_held(database, spoken).select("message_id", "hold_id")
    return through(suspended, spoken.join(held, on="message_id", how="left")).drop("hold_id")


def messages_held(database: Database, spoken: pl.DataFrame | None = None) -> pl.DataFrame:
    """(message_id, hold_id, matter) of every message, and of what is `spoken` beside them, that a hold
    in force covers, whatever its retention."""
    decided = decided_by_people(database)
    people = parties_of(database, decided.holds["identifier_digest"].drop_nulls())
    # Who took part in a conversation is told by all of its messages.
    columns = ("message_id", "party_id", "custodian_id", "channel_id", "sent_at")
    known = database.table(t.Message, columns=columns)
    if spoken is not None:
        known = pl.concat([known, spoken.select(columns)])
    holds = decided.holds_in_force(people)
    found = through(lambda rows: with_hold(rows, holds).select("message_id", "hold_id"), known).drop_nulls()
    return found.join(decided.holds.select("hold_id", "matter"), on="hold_id", how="left")


def _due(messages: pl.DataFrame, as_of: datetime, code: str) -> pl.DataFrame:
    due = through(lambda rows: disposal_due(rows, as_of, code, with_bodiless=True), messages)
    return due.sort("dispose_by", "message_id")


def disposed(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    *,
    as_of: datetime,
    at: datetime,
    actor: str,
    progress: Callable[[str], Progress] | None = None,
) -> Disposal:
    """Dispose of what is due at `as_of`. The caller holds the refresh lock, so that no hold is set
    meanwhile. A kill leaves each record whole or gone; the same call again goes on."""
    destroyed_again(database, at)
    refresh(database, ring, settings, schedule, progress=progress)
    plan = disposal_plan(database, settings, schedule, as_of)
    target = Target(messages=plan.due, decision=SCHEDULE, actor=actor)
    outcome = destroyed(
        database, ring, settings, target, at, progress=progress("destroy") if progress else None
    )
    own = own_records_disposed(database, ring, settings, schedule, as_of=as_of, at=at, actor=actor)
    wrapping_keys = settled(database, ring, settings, schedule, at, progress=progress)
    return Disposal(outcome, wrapping_keys, plan.held.height, own)


def settled(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    at: datetime,
    *,
    progress: Callable[[str], Progress] | None = None,
) -> int:
    """After keys were destroyed: survivors move to new wrapping keys, the derived tables forget,
    the log is sealed, and the database's files keep nothing. Returns the wrapping keys destroyed."""
    count = compacted(database, ring, at)
    refresh(database, ring, settings, schedule, progress=progress)
    unneeded_links_forgotten(database)
    swept(database)
    seal_pending(database, ring, at)
    return count
