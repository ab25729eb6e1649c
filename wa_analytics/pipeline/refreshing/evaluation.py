"""The state of what facts touch, evaluated and stored: over everything, or over what new facts name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.normalise.identity import parties
from wa_analytics.pipeline.disposed import Decided, decided_by_people, parties_of
from wa_analytics.pipeline.refreshing.days import COUNTED
from wa_analytics.pipeline.refreshing.number_holders import NumberHolders, holders_settled
from wa_analytics.pipeline.refreshing.project import rules_digest
from wa_analytics.pipeline.refreshing.reading import read_beside
from wa_analytics.pipeline.refreshing.same_messages import same_messages_linked
from wa_analytics.pipeline.refreshing.spans import Progress
from wa_analytics.pipeline.refreshing.state import Facts, Whole, states_of
from wa_analytics.pipeline.refreshing.state_tables import replaced, summed
from wa_analytics.pipeline.workers import pay
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database

PARTY_CHUNK = 12_000
WHOLE_SHARE = 0.2
LARGEST = (t.StatusFact, t.MessageFact)


def state_rules(settings: Settings, schedule: tuple[ScheduleRow, ...], decided: Decided) -> str:
    """Digest of the rules behind the state."""
    stated = {
        "facts": rules_digest(settings),
        "schedule": [repr(row) for row in schedule],
        "classes": [rule.model_dump() for rule in settings.retention.record_class],
        "decided": decided.digest(),
        "false_alarms": settings.completeness.false_alarms_per_year,
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


class Evaluation:
    """One evaluation over one set of tables."""

    def __init__(
        self, database: Database, settings: Settings, schedule: tuple[ScheduleRow, ...], prefix: str = ""
    ) -> None:
        self.database = database
        self.settings = settings
        self.schedule = schedule
        self.prefix = prefix
        self.decided = decided_by_people(database)
        self.rules = state_rules(settings, schedule, self.decided)
        self.holders = NumberHolders()

    def evaluated(self, done: int, end: int, progress: Progress | None) -> tuple[int, int, bool]:
        """State of what the facts from entry `done` on touch; (messages, events, was whole)."""
        touched = None if done == 0 else self._touched_ids(done)
        # The largest tables are read beside what else comes before the facts.
        beside: AbstractContextManager[Any] = (
            read_beside(self.database, {table: _told_columns(table) for table in LARGEST}, self.prefix)
            if done == 0 and pay(end)
            else nullcontext({})
        )
        with beside as ahead:
            is_taken_back = same_messages_linked(self.database, self.prefix, touched)
            # Where a link went, any number may have several holders now.
            moved = self._parties_settled(0 if is_taken_back else done)
            registered, inbound = self._of_the_whole(done)
            whole_changed = done == 0 or self._whole_changed(done, registered, inbound)
            affected = None if whole_changed or touched is None else self._affected(done, touched, moved)
            if progress:
                progress(1, 4)
            facts = self._facts(affected, ahead)
        whole = Whole(
            self.settings.entities,
            self.schedule,
            self.settings.retention.record_class,
            registered,
            inbound,
            self.decided.holds_in_force(self._held_parties()),
            self.decided.decisions,
        )
        message_frame, event_frame = states_of(facts, whole)
        messages = message_frame.collect("polars").to_native()
        events = event_frame.collect("polars").to_native()
        if progress:
            progress(2, 4)
        written = replaced(
            self.database,
            self.prefix,
            t.Message,
            "message_id",
            messages,
            affected.messages if affected else None,
        )
        if progress:
            progress(3, 4)
        written_events = replaced(
            self.database,
            self.prefix,
            t.ConsentEvent,
            "event_id",
            events,
            affected.events if affected else None,
        )
        if affected is not None:
            messages = self.database.table(t.Message, columns=COUNTED, prefix=self.prefix)
        summed(self.database, self.prefix, self._frame, self.settings, messages, registered, inbound)
        if not self.prefix:
            self.marked("state", end, self.rules)
        if progress:
            progress(4, 4)
        return written, written_events, affected is None

    def _held_parties(self) -> dict[str, tuple[str, ...]]:
        people = self.decided.holds["identifier_digest"].drop_nulls()
        return parties_of(self.database, people, self.prefix)

    def marked(self, name: str, sequence: int, rules: str) -> None:
        with self.database.writing() as writer:
            writer.execute("DELETE FROM watermark WHERE name = :name", {"name": name})
            writer.append(t.Watermark, ("name", "sequence", "rules_digest"), [(name, sequence, rules)])

    def _frame(self, sql: str, **params: Any) -> pl.DataFrame:
        """A query whose table names are written {like_this}, with this run's prefix."""
        names = {str(table.__tablename__): f'"{self.prefix}{table.__tablename__}"' for table in t.TABLES}
        return self.database.frame(sql.format(**names), **params)

    def _touched_ids(self, done: int) -> list[str]:
        return self._frame(
            "SELECT message_id FROM {message_fact} WHERE sequence >= :done "
            "UNION SELECT message_id FROM {status_fact} WHERE sequence >= :done",
            done=done,
        )["message_id"].to_list()

    def _parties_settled(self, done: int) -> set[str]:
        """Write the party of every identifier; returns old and new parties of those that moved."""
        stored = self._frame(
            "SELECT identifier_digest, party_id FROM {identifier} WHERE identifier_digest NOT IN "
            "(SELECT epoch_digest FROM {number_epoch})"
        )
        links = self._frame("SELECT left_digest, right_digest FROM {identifier_link}")
        found = parties(links.iter_rows(), stored["identifier_digest"])
        self.holders = holders_settled(self.database, self.prefix, done, found, links, self.decided)
        moved = [(found[digest], digest, old) for digest, old in stored.iter_rows() if found[digest] != old]
        for at in range(0, len(moved), PARTY_CHUNK):
            with self.database.writing(self.prefix, is_derived=True) as writer:
                for new, digest, _ in moved[at : at + PARTY_CHUNK]:
                    writer.execute(
                        f'UPDATE "{self.prefix}identifier" SET party_id = :new '
                        "WHERE identifier_digest = :digest",
                        {"new": new, "digest": digest},
                    )
        return {party for new, _, old in moved for party in (new, old)} | self.holders.touched

    def _of_the_whole(self, done: int) -> tuple[set[str], set[str]]:
        """Companies with a register, channels with inbound: as known before, and from new facts."""
        known_registers = self._frame("SELECT entity FROM {entity_coverage} WHERE has_register")
        known_inbound = self._frame("SELECT channel_id FROM {channel} WHERE has_inbound")
        # Over everything, the way through the index of sequences takes SQLite five times as long.
        since = "sequence >= :done" if done else "+sequence >= :done"
        registers = self._frame(
            "SELECT DISTINCT entity, is_any_entity FROM {consent_fact} "
            f"WHERE source_code = 'register' AND {since}",
            done=done,
        )
        inbound = self._frame(
            f"SELECT DISTINCT channel_id FROM {{message_fact}} WHERE {since} "
            "AND direction_code = 'inbound' AND channel_id IS NOT NULL "
            "UNION SELECT channel_id FROM {disposed_message} "
            "WHERE direction_code = 'inbound' AND channel_id IS NOT NULL",
            done=done,
        )
        registered = {name for name in registers["entity"] if name is not None}
        everyone = {entity.key for entity in self.settings.entities}
        if registers["is_any_entity"].any():
            registered |= everyone
        if (
            len(everyone) == 1
            and self._frame(
                "SELECT 1 AS found FROM {captured_file} WHERE provider = 'consent-register' LIMIT 1"
            ).height
        ):
            registered |= everyone
        if done:
            registered |= set(known_registers["entity"])
        return registered, set(inbound["channel_id"]) | (set(known_inbound["channel_id"]) if done else set())

    def _whole_changed(self, done: int, registered: set[str], inbound: set[str]) -> bool:
        before = set(self._frame("SELECT entity FROM {entity_coverage} WHERE has_register")["entity"])
        channels = set(self._frame("SELECT channel_id FROM {channel} WHERE has_inbound")["channel_id"])
        templates = self._frame(
            "SELECT 1 AS found FROM {template_fact} WHERE sequence >= :done LIMIT 1", done=done
        )
        return bool(registered != before or inbound != channels or templates.height)

    def _affected(self, done: int, touched: list[str], moved: set[str]) -> _Affected | None:
        """What new facts touch, or None where that is most of everything."""
        # Everybody whom a fact of the same subject names, new or not: the one that stops governing
        # matters, and so does the one that a new fact leaves out.
        by_message, params = self.database.matching("f.message_id", touched)
        named = self._frame(
            " UNION ".join(
                f"SELECT i.party_id FROM {{{name}}} f "
                f"JOIN {{identifier}} i ON i.identifier_digest = f.identifier_digest WHERE {condition}"
                for name, condition in (
                    ("message_fact", by_message),
                    ("status_fact", by_message),
                    (
                        "consent_fact",
                        "f.event_id IN (SELECT event_id FROM {consent_fact} WHERE sequence >= :done)",
                    ),
                )
            ),
            done=done,
            **params,
        )["party_id"].to_list()
        condition, params = self.database.matching("party_id", {*named, *moved})
        messages = self._frame(f"SELECT message_id FROM {{message}} WHERE {condition}", **params)
        ids = {*messages["message_id"], *touched}
        total = int(self._frame("SELECT count(*) AS number FROM {message}")["number"][0])
        if total and len(ids) > max(20_000, WHOLE_SHARE * total):
            return None
        identifiers = self._frame(
            f"SELECT identifier_digest FROM {{identifier}} WHERE {condition}", **params
        )["identifier_digest"].to_list()
        return _Affected(sorted(ids), identifiers, self._affected_events(identifiers, ids, done))

    def _affected_events(self, identifiers: list[str], ids: set[str], done: int) -> list[str]:
        condition, params = self.database.matching("identifier_digest", identifiers)
        events = self._frame(
            f"SELECT event_id FROM {{consent_fact}} WHERE {condition} OR sequence >= :done",
            done=done,
            **params,
        )
        return sorted({*events["event_id"], *ids})

    def _facts(
        self, affected: _Affected | None, ahead: Mapping[type[SQLModel], Callable[[], pl.DataFrame]]
    ) -> Facts:
        """ahead: what gives the rows of tables that are being read already."""
        if affected is None:
            conditions: dict[type[SQLModel], tuple[str, dict[str, Any]]] = {}
        else:
            by_message, ids = self.database.matching("message_id", affected.messages)
            by_person, people = self.database.matching("identifier_digest", affected.identifiers, "people")
            by_event, events = self.database.matching("event_id", affected.events, "events")
            conditions = {
                t.MessageFact: (
                    f"{by_message} OR (source_code = 'call' AND {by_person})",
                    ids | people,
                ),
                t.StatusFact: (by_message, ids),
                t.ConsentFact: (by_event, events),
            }

        def lazy(table: type[SQLModel], columns: tuple[str, ...] = ()) -> Any:
            condition, params = conditions.get(table, ("", {}))
            frame = self.database.table(table, condition, columns=columns, prefix=self.prefix, **params)
            return nw.from_native(frame.lazy())

        def told(table: type[SQLModel]) -> Any:
            return _lazy(ahead[table]()) if table in ahead else lazy(table, _told_columns(table))

        return Facts(
            messages=told(t.MessageFact),
            statuses=told(t.StatusFact),
            consents=told(t.ConsentFact),
            templates=told(t.TemplateFact),
            identifiers=lazy(t.Identifier, ("identifier_digest", "party_id")),
            suppressions=nw.from_native(self.decided.suppressions.lazy()),
            witnesses=lazy(t.WindowWitness, ("message_id",)),
            epochs=_lazy(self.holders.epochs),
            later=_lazy(self.holders.later),
        )


def _told_columns(table: type[SQLModel]) -> tuple[str, ...]:
    """What a fact says, without where it stands."""
    names = (column.name for column in table.__table__.columns)  # type: ignore[attr-defined]
    return tuple(name for name in names if name not in ("fact_id", "sequence"))


def _lazy(frame: pl.DataFrame | None) -> Any:
    return None if frame is None else nw.from_native(frame.lazy())


@dataclass(frozen=True)
class _Affected:
    messages: list[str]
    identifiers: list[str]
    events: list[str]
