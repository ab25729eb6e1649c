"""Evidence destroyed: records that must go, in every capture that speaks of them, and only they.

What speaks of the same records goes in one transaction, so that after a kill a record is either
whole or gone. A capture that speaks of others too is carved first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wa_analytics import tables as t
from wa_analytics.capture import Capture
from wa_analytics.evidence.disposal import destroyed_within, keyed
from wa_analytics.evidence.sealing import EntryRow, Opener, Sealer
from wa_analytics.pipeline.destroying.suppressions import SUPPRESSION_COLUMNS, suppressions_of
from wa_analytics.pipeline.destroying.target import Group, Target, batches, groups_of, media_of, witnesses_of
from wa_analytics.pipeline.disposed import written
from wa_analytics.pipeline.record_ids import RecordIds
from wa_analytics.providers.carving import Carving, carved
from wa_analytics.providers.facts import Fact
from wa_analytics.records import ConsentRecord, Identifier, MediaRecord
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.evidence.keys import KeyRing

Progress = Callable[[int, int], None]


@dataclass
class Destroyed:
    """messages, events: records gone; keys: captures that lost their key; carved: captures whose
    rest was appended anew; refused: records left because a capture cannot be carved."""

    messages: int = 0
    events: int = 0
    keys: int = 0
    carved: int = 0
    refused: int = 0


@dataclass
class _Cut:
    """What a transaction will do."""

    sequences: list[int] = field(default_factory=list)
    rest: list[Capture] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    events: set[str] = field(default_factory=set)
    suppressions: list[tuple[Any, ...]] = field(default_factory=list)
    people: set[str] = field(default_factory=set)


def destroyed(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    target: Target,
    at: datetime,
    *,
    progress: Progress | None = None,
) -> Destroyed:
    """Destroy the target. The caller holds the refresh lock and has refreshed; commits per batch of
    captures, and the same call after another refresh goes on after a kill."""
    return _Destruction(database, ring, settings, target, at).run(progress)


class _Destruction:
    def __init__(
        self, database: Database, ring: KeyRing, settings: Settings, target: Target, at: datetime
    ) -> None:
        self.database = database
        self.ring = ring
        self.settings = settings
        self.target = target
        self.at = at
        self.ids = RecordIds(ring.digest, settings)
        self.messages = {row["message_id"]: row for row in target.messages.iter_rows(named=True)}
        self.media = media_of(database, target)
        self.outcome = Destroyed()

    def run(self, progress: Progress | None) -> Destroyed:
        groups = groups_of(self.database, self.target)
        witnesses = witnesses_of(self.database, self.target)
        opener = Opener(self.ring.wrapping_keys(self.database), self.ring.digest_key)
        done = 0
        for batch in batches(groups):
            cut = self._cut(batch, opener)
            if cut.sequences:
                self._commit(cut, witnesses)
            done += len(batch)
            if progress:
                progress(done, len(groups))
        return self.outcome

    def _cut(self, batch: list[Group], opener: Opener) -> _Cut:
        cut = _Cut()
        rows = {
            row.sequence: row for row in keyed(self.database, (s for group in batch for s in group.sequences))
        }
        for group in batch:
            standing = [rows[sequence] for sequence in group.sequences if sequence in rows]
            carvings = [(row, self._carved(row, opener)) for row in standing]
            if any(carving.outcome == "refused" for _, carving in carvings):
                self.outcome.refused += len(group.ids)
                continue
            for row, carving in carvings:
                if carving.outcome == "untouched":
                    continue
                cut.sequences.append(row.sequence)
                if carving.rest is not None:
                    cut.rest.append(carving.rest)
                for fact in carving.dropped:
                    self._noted(fact, cut)
            cut.ids += group.ids
        return cut

    def _carved(self, row: EntryRow, opener: Opener) -> Carving:
        ((_, capture),) = opener.opened([row])
        origin = row.capture_id.hex()
        return carved(capture, self.settings, origin, self._goes, self._is_theirs, self._is_shared)

    def _is_shared(self, file: MediaRecord) -> bool:
        return self.ids.media_id_of(file) not in self.media

    def _goes(self, fact: Fact) -> bool:
        id_ = self.ids.id_of(fact)
        if isinstance(fact, ConsentRecord):
            return id_ in self.target.events
        if id_ is None and isinstance(fact, MediaRecord):
            return self.ids.media_id_of(fact) in self.media
        return id_ in self.messages

    def _is_theirs(self, person: Identifier) -> bool:
        people = self.target.people
        return bool(people) and any(digest in people for digest in self.ids.digests_of(person))

    def _noted(self, fact: Fact, cut: _Cut) -> None:
        """Remember the consent events that go with a fact, and each "no" among them."""
        rows = self.ids.rows_of(fact)
        cut.people.update(row[0] for row in rows.get("identifier", ()))
        cut.events.update(row[1] for row in rows.get("consent_fact", ()))
        if self.target.keeps_refusals:
            cut.suppressions += suppressions_of(rows, self.messages, self.at)

    def _commit(self, cut: _Cut, witnesses: dict[str, list[str]]) -> None:
        wrapping = self.ring.wrapping_key(self.database, self.at, len(cut.rest))
        rest = Sealer(wrapping.id, wrapping.key, self.ring.digest_key).sealed(cut.rest)
        messages = [self._said(self.messages[id_]) for id_ in cut.ids if id_ in self.messages]
        events = sorted(cut.events | {id_ for id_ in cut.ids if id_ in self.target.events})
        statement = {
            "actor": self.target.actor,
            "decision": self.target.decision,
            "messages": messages,
            "events": events,
            "witnessed": sorted({send for row in messages for send in witnesses.get(row["message_id"], ())}),
        }
        with self.database.writing() as writer:
            sequence = destroyed_within(writer, cut.sequences, statement, self.at, rest)
            written(writer, sequence, self.at, statement)
            if cut.suppressions:
                unique = {row[0]: row for row in cut.suppressions}
                writer.append(t.Suppression, SUPPRESSION_COLUMNS, unique.values(), skip_known=True)
            self._keep_links(writer, cut.people)
        self.outcome.messages += len(messages)
        self.outcome.events += len(events)
        self.outcome.keys += len(cut.sequences)
        self.outcome.carved += len(cut.rest)

    def _keep_links(self, writer: Writer, people: set[str]) -> None:
        """What is known of who is who outlives the captures that told it, as long as others tell of
        both ends."""
        left, params = self.database.matching("left_digest", people)
        right, _ = self.database.matching("right_digest", people)
        writer.execute(
            "INSERT INTO kept_link (left_digest, right_digest, rule_code) SELECT left_digest, right_digest,"
            f" rule_code FROM identifier_link WHERE {left} OR {right} ON CONFLICT DO NOTHING",
            params,
        )
        columns = "left_digest, right_digest, rule_code, entity, occurred_at, sequence"
        writer.execute(
            f"INSERT INTO kept_identity ({columns}) SELECT {columns} FROM identity_event"
            f" WHERE {left} OR {right} ON CONFLICT DO NOTHING",
            params,
        )
        # Of every number that changed hands: what an earlier holder agreed to must not pass on later.
        writer.execute(
            "INSERT INTO kept_hand_over (number_digest, epoch_digest, changed_at) "
            "SELECT identifier_digest, epoch_digest, from_at FROM number_epoch WHERE from_at IS NOT NULL "
            "AND identifier_digest IN (SELECT number_digest FROM hand_over) ON CONFLICT DO NOTHING"
        )

    def _said(self, row: dict[str, Any]) -> dict[str, Any]:
        until = row["retain_until"]
        return {
            "message_id": row["message_id"],
            "record_class": row["record_class"],
            "sent_on": row["sent_at"].date().isoformat(),
            "direction": row["direction_code"],
            "channel_id": row["channel_id"],
            "retain_until": until.isoformat() if until else None,
            "rule": row["rule"],
        }
