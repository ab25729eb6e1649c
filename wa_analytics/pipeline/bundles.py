"""Which entries speak of a message, all its versions and the journal included, and their bundle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.completeness.gaps import touches
from wa_analytics.errors import CaptureUnreadable, InputRefused
from wa_analytics.evidence.bundle import Exhibit, exhibits, written
from wa_analytics.evidence.checkpoint import Checkpoint
from wa_analytics.evidence.disposal import keyed, statements
from wa_analytics.evidence.layout import unpacked
from wa_analytics.evidence.sealing import Opener
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.pipeline.told_of import told_of
from wa_analytics.providers import PARSERS, parser
from wa_analytics.records import (
    ChannelEventRecord,
    MediaRecord,
    MessageRecord,
    PlatformMessageRecord,
    Record,
    StatusRecord,
    VersionRecord,
)
from wa_analytics.reports.page import page
from wa_analytics.settings import Settings
from wa_analytics.tables import DeclaredGap

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

CHUNK = 1_000


@dataclass
class ChosenMessage:
    """The entries of one message: what sources told of it, its versions and its files, disposals."""

    message_id: str
    told: set[int] = field(default_factory=set)
    disposed: set[int] = field(default_factory=set)

    @property
    def sequences(self) -> list[int]:
        return sorted(self.told | self.disposed)


@dataclass(frozen=True)
class BundleMade:
    """A bundle that was written."""

    path: Path
    message_count: int
    entry_count: int
    tree_size: int
    sha256: str

    def document(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "message_count": self.message_count,
            "entry_count": self.entry_count,
            "tree_size": self.tree_size,
            "sha256": self.sha256,
        }


def chosen_entries(database: Database, ring: KeyRing, message_ids: Sequence[str]) -> list[ChosenMessage]:
    """The entries of each message. Raises InputRefused for an id that nothing speaks of."""
    if not message_ids:
        raise InputRefused("Name at least one message id; `wa lookup` finds it.")
    chosen = {message_id: ChosenMessage(message_id) for message_id in message_ids}
    for message_id, sequence, _ in told_of(database, message_ids).iter_rows():
        chosen[message_id].told.add(sequence)
    for sequence, _, said in statements(database):
        rows = [row for row in said.get("messages", ()) if row.get("message_id") in chosen]
        for row in rows:
            # A statement may speak of many messages; which entries were whose it may not say.
            own = row.get("sequences", said["sequences"] if len(said["messages"]) == 1 else ())
            chosen[row["message_id"]].disposed.update((sequence, *own))
    for message in chosen.values():
        if not message.sequences:
            raise InputRefused(
                f"Nothing is known of message {message.message_id!r}; `wa lookup` finds our id."
            )
    return list(chosen.values())


def _opened(database: Database, opener: Opener, sequences: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """(sequence, plaintext) of those that still have their key."""
    for at in range(0, len(sequences), CHUNK):
        for row in keyed(database, sequences[at : at + CHUNK]):
            yield row.sequence, opener.container(row)


def journal_about(database: Database, ring: KeyRing, message_ids: Sequence[str]) -> list[int]:
    """Our own entries (journal, holds …) that name one of the messages."""
    # Sorted here, so that SQLite takes the index of our own entries and not the whole log.
    own = sorted(
        row[0]
        for row in stored_rows(
            database, "SELECT sequence FROM entry WHERE kind <> 'capture' AND kind <> 'disposal'"
        )
    )
    named = re.compile(b"|".join(re.escape(one.encode()) for one in message_ids))
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    return [sequence for sequence, container in _opened(database, opener, own) if named.search(container)]


def declared_gaps(database: Database, message_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Declared gaps in force that touch the messages' channel and company between the first and the
    last of them; rows of `declared_gap`."""
    condition, params = database.matching("message_id", message_ids)
    spans = database.frame(f"SELECT entity, channel_id, sent_at FROM message WHERE {condition}", **params)
    gone = database.frame(
        f"SELECT channel_id, min(sent_on) AS first_on, max(sent_on) AS last_on FROM disposed_message "
        f"WHERE {condition} GROUP BY channel_id",
        **params,
    )
    places = [
        (entity, channel, min(sent), max(sent))
        for (entity, channel), sent in (
            (key, rows["sent_at"].to_list()) for key, rows in spans.group_by("entity", "channel_id")
        )
    ]
    for channel, first, last in gone.rows():
        # Of what was disposed of only the day and the number are known; its company is the number's.
        entity = database.scalar("SELECT entity FROM channel_day WHERE channel_id = :id", id=channel)
        places.append((entity, channel, _midnight(first), _midnight(last) + timedelta(days=1)))
    rows = database.table(DeclaredGap, "withdrawn_at IS NULL").sort("gap_id").to_dicts()
    return [row for row in rows if any(touches(row, *place) for place in places)]


def _midnight(day_on: str) -> datetime:
    return datetime.fromisoformat(day_on).replace(tzinfo=UTC)


def _written_gap(gap: dict[str, Any]) -> dict[str, Any]:
    return {
        name: cell.isoformat() if isinstance(cell, datetime) else cell
        for name, cell in gap.items()
        if cell is not None
    }


def bundled(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    chosen: Sequence[ChosenMessage],
    checkpoint: Checkpoint,
    path: Path,
    at: datetime,
) -> BundleMade:
    """Write the bundle of the chosen messages under a checkpoint that seals all they need."""
    ids = [message.message_id for message in chosen]
    journal = journal_about(database, ring, ids)
    gaps = declared_gaps(database, ids)
    shown = exhibits(database, ring, {*journal, *(s for message in chosen for s in message.sequences)})
    html = page(
        "bundle.html",
        title="Evidence bundle",
        made_at=at,
        checkpoint=checkpoint,
        messages=[_message_told(message, shown, ring, settings) for message in chosen],
        journal=[_journal_told(one) for one in shown if one.kind != "capture" and one.kind != "disposal"],
        entries=[_entry_told(one) for one in shown],
        gaps=gaps,
    )
    digest = written(
        path,
        database,
        ring,
        checkpoint,
        shown,
        [{"message_id": one.message_id, "entries": one.sequences} for one in chosen],
        {"journal": journal, "declared_gaps": [_written_gap(gap) for gap in gaps]},
        {"index.html": html},
        at,
    )
    return BundleMade(path, len(chosen), len(shown), checkpoint.size, digest)


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _message_told(
    message: ChosenMessage, shown: Sequence[Exhibit], ring: KeyRing, settings: Settings
) -> dict[str, Any]:
    lines = []
    for one in shown:
        if one.sequence in message.told and one.state == "opened":
            lines += list(_versions(one, message.message_id, ring, settings))
        elif one.sequence in message.disposed and one.state == "disposed":
            words = f"lawfully disposed of; entry {one.disposed_by} says by which rule"
            lines.append((_instant(one.received_at), "disposed", "", words, one.sequence))
        elif one.sequence in message.disposed and one.state == "clear":
            lines.append((_instant(one.received_at), "disposal", "", _disposal_words(one), one.sequence))
    return {"message_id": message.message_id, "lines": sorted(lines, key=lambda line: (line[0], line[4]))}


def _versions(
    one: Exhibit, message_id: str, ring: KeyRing, settings: Settings
) -> Iterator[tuple[datetime, str, str, str, int]]:
    """(when, source, people, words, sequence) of what a capture tells of one message."""
    headers, body, context = unpacked(one.container or b"")
    capture = Capture(body, headers, one.provider, one.received_at, one.signature_code, context)  # type: ignore[arg-type]
    try:
        records = parser(one.provider)(capture, settings) if one.provider in PARSERS else []
    except CaptureUnreadable:
        records = []
    for record in records:
        line = _line(record, message_id, ring)
        if line is not None:
            yield *line, one.sequence


def _line(record: Record, message_id: str, ring: KeyRing) -> tuple[datetime, str, str, str] | None:
    """(when, source, people, words), where the record speaks of the message."""
    about = getattr(record, "outside_id", None)
    if isinstance(record, MediaRecord) and about is None:
        told = " ".join(filter(None, (record.mime_type, record.sha256)))
        return _instant(record.occurred_at), f"file {record.source}", "", told
    if about is None or ring.digest("message", about) != message_id:
        return None
    people = ", ".join(person.value for person in getattr(record, "people", ()))
    match record:
        case StatusRecord():
            words = f"error {record.error_code}" if record.error_code else ""
            return _instant(record.occurred_at), f"status {record.status}", people, words
        case MessageRecord():
            words = record.text or "no text; the original holds what there is"
            return _instant(record.sent_at), record.source.replace("_", " "), people, words
        case VersionRecord():
            words = record.text or ("revoked" if record.action == "revoke" else "no text")
            return _instant(record.occurred_at), record.action, people, words
        case MediaRecord():
            told = " ".join(filter(None, (record.type, record.mime_type, record.sha256)))
            return _instant(record.occurred_at), f"file {record.source}", "", told
        case ChannelEventRecord():
            return _instant(record.occurred_at), record.event, people, record.detail or ""
        case PlatformMessageRecord():
            at = record.observed_at if record.occurred_at is None else record.occurred_at
            return _instant(at), "listed by the platform", "", record.status or ""
    return None


def _disposal_words(one: Exhibit) -> str:
    said = msgspec.json.decode(one.body, type=dict[str, Any])
    parts = [f"{name}: {said[name]}" for name in ("decision", "rule", "actor") if said.get(name)]
    return "; ".join(["keys destroyed", *parts])


def _journal_told(one: Exhibit) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(one.body, type=dict[str, Any])
    except msgspec.DecodeError:
        said = {}
    names = ("action", "actor", "reason", "outcome")
    told = {name: str(said.get(name, "")) for name in names}
    return told | {"at": _instant(one.received_at), "kind": one.kind, "sequence": one.sequence}


def _entry_told(one: Exhibit) -> dict[str, Any]:
    return {
        "sequence": one.sequence,
        "kind": one.kind,
        "provider": one.provider,
        "received_at": _instant(one.received_at),
        "signature_code": one.signature_code,
        "state": one.state,
        "is_carved": "carved" in one.headers,
        "folder": f"entries/{one.sequence:012d}",
    }
