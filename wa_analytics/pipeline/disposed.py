"""Disposal entries → derived rows, and what people decided, as state needs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wa_analytics import tables as t
from wa_analytics.evidence.disposal import statements
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.pipeline.record_ids import DisposedIds
from wa_analytics.tables.column import instant_text

if TYPE_CHECKING:
    import polars as pl

    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.retention.holds import Hold

_MESSAGE = (
    "message_id", "sequence", "record_class", "sent_on", "direction_code", "channel_id", "retain_until",
    "rule", "actor", "decision_code", "disposed_at",
)  # fmt: skip
_EVENT = ("event_id", "sequence", "decision_code", "disposed_at")


def written(writer: Writer, sequence: int, at: datetime, said: dict[str, Any]) -> None:
    """The derived rows of one disposal entry; ids that are there already stay as they are."""
    moment = instant_text(microseconds_of(at))
    actor, decision = said.get("actor", ""), said.get("decision", "")
    writer.append(
        t.DisposedMessage,
        _MESSAGE,
        [
            (
                row["message_id"], sequence, row["record_class"], row["sent_on"],
                row["direction"], row["channel_id"], _instant(row["retain_until"]), row["rule"], actor,
                decision, moment,
            )
            for row in said.get("messages", ())
        ],
        skip_known=True,
    )  # fmt: skip
    writer.append(
        t.DisposedEvent,
        _EVENT,
        [(event_id, sequence, decision, moment) for event_id in said.get("events", ())],
        skip_known=True,
    )
    writer.append(
        t.WindowWitness,
        ("message_id", "sequence"),
        [(message_id, sequence) for message_id in said.get("witnessed", ())],
        skip_known=True,
    )


def projected_statements(database: Database, end: int, prefix: str) -> None:
    """The rows of every disposal entry before `end` into the tables with this prefix."""
    for sequence, at, said in statements(database):
        if sequence >= end:
            return
        with database.writing(prefix, is_derived=True) as writer:
            written(writer, sequence, at, said)


def _instant(text: str | None) -> str | None:
    if text is None:
        return None
    return instant_text(microseconds_of(datetime.fromisoformat(text).astimezone(UTC)))


def disposed_ids(database: Database, prefix: str = "") -> DisposedIds:
    """What the tables with this prefix know of disposals."""
    messages = stored_rows(database, f'SELECT message_id FROM "{prefix}disposed_message"')
    events = stored_rows(database, f'SELECT event_id FROM "{prefix}disposed_event"')
    return DisposedIds(frozenset(row[0] for row in messages), frozenset(row[0] for row in events))


def links_kept(writer: Writer) -> None:
    """Links that disposed evidence told, into the writer's tables, where both ends are told by other
    evidence."""
    prefix = writer.prefix
    writer.execute(
        f'INSERT INTO "{prefix}identifier_link" (left_digest, right_digest, rule_code) '
        f"SELECT k.left_digest, k.right_digest, k.rule_code FROM kept_link k "
        f'JOIN "{prefix}identifier" l ON l.identifier_digest = k.left_digest '
        f'JOIN "{prefix}identifier" r ON r.identifier_digest = k.right_digest '
        "WHERE 1 = 1 ON CONFLICT DO NOTHING"
    )
    columns = "left_digest, right_digest, rule_code, entity, occurred_at, sequence"
    writer.execute(
        f'INSERT INTO "{prefix}identity_event" ({columns}) SELECT {columns} FROM kept_identity k '
        f'WHERE EXISTS (SELECT 1 FROM "{prefix}identifier" WHERE identifier_digest = k.left_digest) '
        f'AND EXISTS (SELECT 1 FROM "{prefix}identifier" WHERE identifier_digest = k.right_digest) '
        "ON CONFLICT (left_digest, right_digest, rule_code, entity) DO UPDATE SET "
        "occurred_at = excluded.occurred_at, sequence = excluded.sequence "
        f'WHERE excluded.occurred_at < "{prefix}identity_event".occurred_at'
    )


def unneeded_links_forgotten(database: Database) -> None:
    """Kept links of which an end is told by no evidence any more go, and what is kept of numbers that no
    evidence tells of."""
    with database.writing() as writer:
        for table, ends in (
            ("kept_link", ("left_digest", "right_digest")),
            ("kept_identity", ("left_digest", "right_digest")),
            ("kept_hand_over", ("number_digest",)),
        ):
            unknown = (
                f"NOT EXISTS (SELECT 1 FROM identifier i WHERE i.identifier_digest = {table}.{end})"
                for end in ends
            )
            writer.execute(f"DELETE FROM {table} WHERE {' OR '.join(unknown)}")


@dataclass(frozen=True)
class Decided:
    """What people decided, as far as state depends on it.

    holds: rows of legal_hold in force. decisions: pair → code. suppressions: rows of suppression.
    identities: (identifier, identifier, same or different), the latest last.
    """

    holds: pl.DataFrame
    decisions: dict[str, str]
    suppressions: pl.DataFrame
    identities: tuple[tuple[str, str, str], ...] = ()

    def digest(self) -> str:
        """Tells whether state was made under these decisions."""
        stated = [
            self.holds.select("hold_id", "released_at").rows(),
            sorted(self.decisions.items()),
            self.suppressions["suppression_id"].to_list(),
            self.identities,
        ]
        return hashlib.sha256(json.dumps(stated, default=str).encode()).hexdigest()

    def holds_in_force(self, parties: Mapping[str, tuple[str, ...]]) -> tuple[Hold, ...]:
        """The holds, persons resolved. parties: see `parties_of`."""
        from wa_analytics.retention.holds import Hold

        return tuple(
            Hold(
                hold_id=row["hold_id"],
                matter=row["matter"],
                is_personal=row["identifier_digest"] is not None,
                party_id=party,
                custodian_id=row["custodian_id"],
                channel_id=row["channel_id"],
                sent_from=row["sent_from"],
                sent_to=row["sent_to"],
            )
            for row in self.holds.iter_rows(named=True)
            for party in parties.get(row["identifier_digest"]) or (None,)
        )


def parties_of(
    database: Database, identifiers: Iterable[str], prefix: str = ""
) -> dict[str, tuple[str, ...]]:
    """Identifier digest → its party; of a number that changed hands, the party of every holder."""
    condition, params = database.matching("known.asked", identifiers)
    found: dict[str, tuple[str, ...]] = {}
    rows = database.frame(
        f'SELECT asked, party_id FROM (SELECT identifier_digest AS asked, party_id FROM "{prefix}identifier" '
        "UNION SELECT n.identifier_digest AS asked, i.party_id "
        f'FROM "{prefix}number_epoch" n JOIN "{prefix}identifier" i ON i.identifier_digest = n.epoch_digest'
        f") AS known WHERE {condition} ORDER BY asked, party_id",
        **params,
    )
    for asked, party in rows.iter_rows():
        found[asked] = (*found.get(asked, ()), party)
    return found


def decided_by_people(database: Database) -> Decided:
    """Holds in force, decisions and suppressions as the database has them now."""
    identities = database.frame(
        "SELECT left_digest, right_digest, decision_code FROM identity_decision ORDER BY decision_id"
    )
    decisions = database.frame("SELECT pair, decision_code FROM retention_decision ORDER BY decision_id")
    return Decided(
        holds=database.table(t.LegalHold, "released_at IS NULL ORDER BY hold_id"),
        decisions=dict(decisions.iter_rows()),
        suppressions=database.table(t.Suppression, "1 = 1 ORDER BY suppression_id"),
        identities=tuple(identities.rows()),
    )
