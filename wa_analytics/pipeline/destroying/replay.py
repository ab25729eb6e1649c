"""Disposals done again on a database that was put back to an older copy (`put_back` sees that it was).

What was disposed of since the copy is disposed of again before anyone reads: by its ids, so that
captures are carved and a "no" lives on as a suppression, as they were the first time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.errors import EvidenceBroken, PlaceUnavailable
from wa_analytics.evidence.checkpoint import seal_pending
from wa_analytics.evidence.disposal import (
    compacted,
    destroyed_again,
    destroyed_within,
    still_keyed,
    swept,
)
from wa_analytics.evidence.disposal_notes import DisposalFact, lacking
from wa_analytics.evidence.log import journal
from wa_analytics.evidence.places import places_of
from wa_analytics.pipeline.destroying.destruction import destroyed
from wa_analytics.pipeline.destroying.put_back import keys_of, marked, unknown
from wa_analytics.pipeline.destroying.target import Target
from wa_analytics.pipeline.disposed import disposed_ids, unneeded_links_forgotten, written
from wa_analytics.pipeline.refreshing.refresh import refresh
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

ERASURE = "erasure"


@dataclass(frozen=True)
class Replay:
    """statements: disposal entries that the log had lost; keys: keys destroyed again; refused:
    records left because a capture cannot be carved."""

    statements: int
    keys: int
    refused: int

    @property
    def sentence(self) -> str:
        left = f" {self.refused:,} records stand in captures that cannot be carved." if self.refused else ""
        return (
            f"The database was put back to an older copy: {self.keys:,} keys that had been destroyed since "
            f"were destroyed again ({self.statements:,} disposals).{left} Run `wa verify` to see what the "
            "copy lacks."
        )


def replayed(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    *,
    at: datetime,
    actor: str,
) -> Replay:
    """Do again what was undone. The caller holds the refresh lock. A kill leaves part of it done; the
    same call again does the rest."""
    newest = unknown(database, ring, settings)
    keys = destroyed_again(database, at)
    facts: list[DisposalFact] = []
    refused = 0
    if newest is not None:
        facts = lacking(database, places_of(ring.home, settings), keys_of(ring, settings))
        refresh(database, ring, settings, schedule)
        for (decision, who), group in _by_decision(facts).items():
            target = _target(database, group, decision, who)
            outcome = destroyed(database, ring, settings, target, at)
            keys, refused = keys + outcome.keys, refused + outcome.refused
        keys += _rest_said(database, facts, at)
    compacted(database, ring, at)
    refresh(database, ring, settings, schedule)
    unneeded_links_forgotten(database)
    journal(
        database,
        ring,
        actor=actor,
        action="disposal.replay",
        reason="the database was put back to an older copy",
        outcome="done",
        at=at,
        detail={"statement_count": len(facts), "key_count": keys, "refused_count": refused},
    )
    if newest is not None:
        marked(database, newest)
    # A log that lost its tail gets no new head; `wa verify` says what it lacks.
    with suppress(EvidenceBroken, PlaceUnavailable):
        seal_pending(database, ring, at)
    swept(database)
    return Replay(len(facts), keys, refused)


def _by_decision(facts: Sequence[DisposalFact]) -> dict[tuple[str, str], list[DisposalFact]]:
    found: dict[tuple[str, str], list[DisposalFact]] = defaultdict(list)
    for fact in facts:
        said = fact.statement
        found[said.get("decision", ""), said.get("actor", "")].append(fact)
    return found


def _target(database: Database, facts: list[DisposalFact], decision: str, actor: str) -> Target:
    """The records these facts speak of, as the older copy knows them."""
    said = {row["message_id"]: row for fact in facts for row in fact.statement.get("messages", ())}
    events = frozenset(event for fact in facts for event in fact.statement.get("events", ()))
    by_id, params = database.matching("message_id", said)
    known = database.table(
        t.Message, by_id, columns=("message_id", "entity", "party_id", "sent_at"), **params
    ).to_dicts()
    standing = {row["message_id"]: row for row in known}
    rows = [_row(row, standing.get(message_id, {})) for message_id, row in said.items()]
    return Target(
        messages=pl.DataFrame(rows, schema=_SCHEMA),
        decision=decision,
        actor=actor,
        events=events,
        people=_people(database, said, events) if decision == ERASURE else frozenset(),
    )


_SCHEMA: dict[str, Any] = {
    "message_id": pl.String,
    "record_class": pl.String,
    "direction_code": pl.String,
    "channel_id": pl.String,
    "rule": pl.String,
    "entity": pl.String,
    "party_id": pl.String,
    "retain_until": pl.Datetime("us", "UTC"),
    "sent_at": pl.Datetime("us", "UTC"),
}


def _row(said: dict[str, Any], standing: dict[str, Any]) -> dict[str, Any]:
    day = datetime.combine(datetime.fromisoformat(said["sent_on"]).date(), time(), UTC)
    until = said["retain_until"]
    return {
        "message_id": said["message_id"],
        "record_class": said["record_class"],
        "direction_code": said["direction"],
        "channel_id": said["channel_id"],
        "rule": said["rule"],
        "entity": standing.get("entity"),
        "party_id": standing.get("party_id"),
        "retain_until": datetime.fromisoformat(until) if until else None,
        "sent_at": standing.get("sent_at") or day,
    }


def _people(database: Database, records: Iterable[str], events: frozenset[str]) -> frozenset[str]:
    """Identifiers of the people whose records an erasure took."""
    by_event, of_event = database.matching("event_id", events, "events")
    by_id, of_record = database.matching("message_id", records, "records")
    by_line, _ = database.matching("content_digest", (), "records")
    named = (
        "SELECT party_id FROM identifier i JOIN {} f ON f.identifier_digest = i.identifier_digest WHERE f.{}"
    )
    parties = database.frame(
        f"SELECT party_id FROM consent_event WHERE {by_event} "
        f"UNION SELECT party_id FROM message WHERE {by_id} "
        f"UNION {named.format('channel_event', by_id)} "
        f"UNION {named.format('supplementary_message', by_line)}",
        **of_event,
        **of_record,
    )["party_id"].drop_nulls()
    by_party, params = database.matching("party_id", parties)
    people = database.frame(f"SELECT identifier_digest FROM identifier WHERE {by_party}", **params)
    return frozenset(people["identifier_digest"])


def _rest_said(database: Database, facts: Sequence[DisposalFact], at: datetime) -> int:
    """Ids of which the older copy holds nothing stay disposed of all the same, and entries that were
    disposed of as such lose their keys; returns how many."""
    done = disposed_ids(database)
    messages, events = set(done.messages), set(done.events)
    count = 0
    for fact in facts:
        said = fact.statement
        rest = {
            **said,
            "messages": [row for row in said.get("messages", ()) if row["message_id"] not in messages],
            "events": [event for event in said.get("events", ()) if event not in events],
        }
        again = still_keyed(database, said.get("sequences", ()), said.get("entries", ()))
        rest["entries"] = list(again.values())
        del rest["sequences"]
        if not (rest["messages"] or rest["events"] or again):
            continue
        with database.writing() as writer:
            written(writer, destroyed_within(writer, again, rest, at), at, rest)
        messages.update(row["message_id"] for row in rest["messages"])
        events.update(rest["events"])
        count += len(again)
    return count
