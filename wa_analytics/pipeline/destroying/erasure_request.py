"""A person's request to be erased: every record of theirs, decided one by one. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.errors import InputRefused
from wa_analytics.pipeline.destroying.beside import NO_DIRECTION, beside_of, kept_until
from wa_analytics.pipeline.disposed import decided_by_people, parties_of
from wa_analytics.pipeline.holds import identifier_digests
from wa_analytics.pipeline.through import through
from wa_analytics.providers.chat_lines import plain
from wa_analytics.retention.erasure import (
    ERASE,
    Decision,
    ForeignDuty,
    Standing,
    message_decision,
    strictest,
)
from wa_analytics.retention.holds import with_hold
from wa_analytics.retention.schedule import ScheduleRow, scheduled
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

# Events of these sources go with a message, or have no evidence of their own.
NOT_RECORDS = ("opt_out_word", "platform_error", "suppression")


@dataclass(frozen=True)
class Request:
    """A person's request, decided record by record.

    people: digests of every identifier linked to the person. decisions: (subject, id) → decision.
    messages, events: rows of `message` and `consent_event` of the person.
    """

    party_ids: tuple[str, ...]
    people: tuple[str, ...]
    decisions: dict[tuple[str, str], Decision]
    messages: pl.DataFrame
    events: pl.DataFrame

    @property
    def frame(self) -> pl.DataFrame:
        """(subject, subject_id, decision, rule, keep_until), one row per record."""
        rows = [(*key, found.code, found.rule, found.keep_until) for key, found in self.decisions.items()]
        schema: dict[str, Any] = {
            "subject": pl.String,
            "subject_id": pl.String,
            "decision": pl.String,
            "rule": pl.String,
            "keep_until": pl.Datetime("us", "UTC"),
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def going(self, subject: str) -> list[str]:
        """Ids of the records of this subject (`message`, `consent_event`) that are to be erased."""
        return [
            id_ for (kind, id_), found in self.decisions.items() if kind == subject and found.code == ERASE
        ]


def erasure_request(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    person: str,
    at: datetime,
    foreign_duty: ForeignDuty = "ask",
    names: Sequence[str] = (),
) -> Request:
    """Decide on every record of the person; writes nothing. Refresh first. Raises InputRefused.

    names: by which exported chats call the person.
    """
    condition, params = database.matching("identifier_digest", identifier_digests(database, ring, person))
    parties = database.frame(f"SELECT DISTINCT party_id FROM identifier WHERE {condition}", **params)
    if parties.is_empty():
        raise InputRefused("Nobody is known under this identifier; `wa lookup` tells who is.")
    by_party, params = database.matching("party_id", parties["party_id"])
    people = database.frame(
        f"SELECT identifier_digest FROM identifier WHERE {by_party} UNION "
        "SELECT n.identifier_digest FROM number_epoch n JOIN identifier i "
        f"ON i.identifier_digest = n.epoch_digest WHERE {by_party}",
        **params,
    ).sort("identifier_digest")
    senders = [ring.digest("text", plain(name).strip()) for name in names]
    beside = beside_of(
        database, settings, schedule, parties["party_id"], people["identifier_digest"], senders
    )
    messages = pl.concat([database.table(t.Message, by_party, **params), beside], how="diagonal")
    messages = messages.sort("sent_at", "message_id")
    events = database.table(t.ConsentEvent, by_party, **params).sort("occurred_at", "event_id")
    decisions: dict[tuple[str, str], Decision] = {}
    sends: list[tuple[str | None, Decision]] = []
    judged: dict[str, list[Decision]] = defaultdict(list)
    for frame in _by_company(messages, settings, schedule):
        for row in _standings(database, settings, schedule, frame).iter_rows(named=True):
            standing = Standing(**{name: row[name] for name in Standing.__struct_fields__})
            found = message_decision(standing, at, foreign_duty)
            judged[row["message_id"]].append(found)
            if row["direction_code"] == "outbound":
                sends.append((row["entity"], found))
    decisions.update((("message", id_), strictest(found)) for id_, found in judged.items())
    for row in events.filter(~pl.col("source_code").is_in(NOT_RECORDS)).iter_rows(named=True):
        theirs = [found for entity, found in sends if row["entity"] is None or entity == row["entity"]]
        decisions["consent_event", row["event_id"]] = strictest(theirs)
    return Request(
        tuple(parties["party_id"]), tuple(people["identifier_digest"]), decisions, messages, events
    )


def _by_company(
    messages: pl.DataFrame, settings: Settings, schedule: tuple[ScheduleRow, ...]
) -> Iterator[pl.DataFrame]:
    """The records; then those that name no company once as each company's, since they may be any's."""
    is_anyones = pl.col("entity").is_null() & (pl.col("direction_code") == NO_DIRECTION)
    anyones = messages.filter(is_anyones)
    if anyones.is_empty() or not settings.entities:
        yield messages
        return
    yield messages.filter(~is_anyones)
    told = ("message_id", "channel_id", "direction_code", "sent_at", "party_id", "purpose_code",
            "template_name", "custodian_id")  # fmt: skip
    for entity in settings.entities:
        theirs = anyones.select(*told, entity=pl.lit(entity.key))
        yield kept_until(theirs, settings, schedule)


def _standings(
    database: Database, settings: Settings, schedule: tuple[ScheduleRow, ...], messages: pl.DataFrame
) -> pl.DataFrame:
    """The messages with hold_id, union_until and union_rule."""
    union = [row for row in schedule if row.is_union_law]
    floors = through(lambda rows: scheduled(rows, union, settings.entities), messages).select(
        "message_id", pl.col("retain_until").alias("union_until"), pl.col("retain_rule").alias("union_rule")
    )
    # All of the person's conversations are here, so that this says what `messages_held` says.
    decided = decided_by_people(database)
    holds = decided.holds_in_force(parties_of(database, decided.holds["identifier_digest"].drop_nulls()))
    held = through(lambda rows: with_hold(rows, holds), messages)
    return held.join(floors, on="message_id", how="left")
