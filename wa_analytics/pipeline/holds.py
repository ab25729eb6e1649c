"""Legal holds and the decisions of people about retention, recorded and journalled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from wa_analytics import tables as t
from wa_analytics.capture import Capture
from wa_analytics.errors import InputRefused, ReasonRequired
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.log import append_within
from wa_analytics.evidence.sealing import Sealer
from wa_analytics.normalise.identity import canonical_phone
from wa_analytics.providers.people import identifier_of
from wa_analytics.retention.due import DECISIONS
from wa_analytics.tables.column import instant_text

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.evidence.keys import KeyRing

HOLD_COLUMNS = (
    "hold_id", "matter", "identifier_digest", "custodian_id", "channel_id", "sent_from", "sent_to",
    "started_at", "started_by",
)  # fmt: skip


def identifier_digests(database: Database, ring: KeyRing, person: str) -> tuple[str, ...]:
    """Digests by which a person is known: our party id or an identifier's digest as given, or those
    of an outside identifier (phone, user id, CRM id). Raises InputRefused for an unknown id of ours.
    """
    text = person.strip()
    if len(text) == 32 and all(character in "0123456789abcdef" for character in text):
        if not database.scalar("SELECT 1 FROM identifier WHERE identifier_digest = :id", id=text):
            raise InputRefused("Nobody is known under this party id; `wa lookup` finds the right one.")
        return (text,)
    known = identifier_of(text)
    digests = [ring.digest(known.kind, known.value)]
    if known.kind == "phone" and (canonical := canonical_phone(known.value)):
        digests.insert(0, ring.digest("phone", canonical[0]))
    return tuple(digests)


def hold_set(
    database: Database,
    ring: KeyRing,
    *,
    matter: str,
    reason: str,
    actor: str,
    at: datetime,
    party: str | None = None,
    custodian_id: str | None = None,
    channel_id: str | None = None,
    sent_from: datetime | None = None,
    sent_to: datetime | None = None,
) -> str:
    """Set a legal hold; returns its id. Without any condition it keeps everything. The caller holds
    the refresh lock. Raises ReasonRequired, InputRefused."""
    _required(reason, "A legal hold")
    if not matter.strip():
        raise InputRefused("A legal hold needs a matter; give its reference with --matter.")
    if sent_from and sent_to and sent_from >= sent_to:
        raise InputRefused("--from must be earlier than --to.")
    person = identifier_digests(database, ring, party)[0] if party else None
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        number = int(writer.rows("SELECT count(*) + 1 FROM legal_hold")[0][0])
        hold_id = f"HOLD-{number:04}"
        row = (
            hold_id, matter.strip(), person, custodian_id, channel_id, instant_or_none(sent_from),
            instant_or_none(sent_to), instant_or_none(at), actor,
        )  # fmt: skip
        writer.append(t.LegalHold, HOLD_COLUMNS, [row])
        told = {name: cell for name, cell in zip(HOLD_COLUMNS, row, strict=True) if cell is not None}
        say(writer, "hold", "hold.add", reason, told)
    return hold_id


def hold_released(
    database: Database, ring: KeyRing, which: str, *, reason: str, actor: str, at: datetime
) -> list[str]:
    """Lift a hold, or all of a matter; returns their ids. Raises ReasonRequired, InputRefused."""
    _required(reason, "Lifting a hold")
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        found = writer.rows(
            "SELECT hold_id FROM legal_hold WHERE released_at IS NULL"
            " AND (hold_id = :which OR matter = :which) ORDER BY hold_id",
            {"which": which},
        )
        ids = [row[0] for row in found]
        if not ids:
            raise InputRefused("No hold of this number or matter is in force; see `wa hold list`.")
        for hold_id in ids:
            writer.execute(
                "UPDATE legal_hold SET released_at = :at, released_by = :actor WHERE hold_id = :id",
                {"at": at, "actor": actor, "id": hold_id},
            )
        say(writer, "hold", "hold.release", reason, {"hold_ids": ids})
    return ids


def holds(database: Database, *, is_every: bool = False) -> pl.DataFrame:
    """Holds in force, or all; columns of `legal_hold`. What they keep is told by
    `wa dispose --dry-run`."""
    return database.table(t.LegalHold, "" if is_every else "released_at IS NULL").sort("hold_id")


def conflict_decided(
    database: Database, ring: KeyRing, pair: str, decision: str, *, reason: str, actor: str, at: datetime
) -> int:
    """Record what a person decided about two schedule rows that contradict each other; returns the
    decision's number. Raises ReasonRequired, InputRefused."""
    _required(reason, "A retention decision")
    if decision not in DECISIONS:
        raise InputRefused("Decide with --keep-until-floor or --dispose-at-ceiling, one of the two.")
    known = database.scalar(
        "SELECT 1 FROM message WHERE retain_rule || '|' || dispose_rule = :pair LIMIT 1", pair=pair
    )
    if not known:
        raise InputRefused(
            "No message falls under this pair of schedule rows; take the subject_id of a "
            "retention.conflict finding (`wa findings retention.conflict --json`)."
        )
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        number = int(writer.rows("SELECT coalesce(max(decision_id), 0) + 1 FROM retention_decision")[0][0])
        writer.append(
            t.RetentionDecision,
            ("decision_id", "pair", "decision_code", "decided_at", "actor"),
            [(number, pair, decision, instant_or_none(at), actor)],
        )
        told = {"pair": pair, "decision": decision}
        say(writer, "journal", "retention.decide", reason, told)
    return number


def _required(reason: str, what: str) -> None:
    if not reason.strip():
        raise ReasonRequired(f"{what} needs a reason; say why with --reason.")


def instant_or_none(moment: datetime | None) -> str | None:
    """The written form of an instant, for bulk rows."""
    return None if moment is None else instant_text(microseconds_of(moment))


class Voice:
    """Writes the entry that goes with a recorded row, in the same transaction. Made before it: the
    wrapping key may have to be made first."""

    def __init__(self, database: Database, ring: KeyRing, actor: str, at: datetime) -> None:
        handle = ring.wrapping_key(database, at, 1)
        self._sealer = Sealer(handle.id, handle.key, ring.digest_key)
        self._actor = actor
        self._at = at

    def __call__(
        self, writer: Writer, kind: str, action: str, reason: str, detail: Mapping[str, Any]
    ) -> None:
        body = msgspec.json.encode(
            {
                "actor": self._actor,
                "action": action,
                "reason": reason,
                "outcome": "done",
                "at": self._at.isoformat(),
                "detail": dict(detail),
            }
        )
        capture = Capture(body, {"content-type": "application/json"}, "", microseconds_of(self._at))
        append_within(writer, self._sealer.sealed([capture], kind))
