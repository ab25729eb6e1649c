"""Which entries of the log speak of a message: itself, its statuses, its versions, its files, events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from wa_analytics.records import MessageRecord, Record, SupplementaryRecord, VersionRecord

if TYPE_CHECKING:
    from wa_analytics.database import Database

_TABLES = {
    "message_fact": "message",
    "status_fact": "status",
    "message_version": "version",
    "media_fact": "media",
    "channel_event": "event",
    "platform_message": "listed",
}


def told_of(database: Database, message_ids: Iterable[str]) -> pl.DataFrame:
    """(message_id, sequence, told_code), each once. told_code: message, status, version, media, event,
    listed (in the platform's own history) or chat (a line or file of an exported chat).

    A file that was fetched need not name its message: it belongs to whichever announced it.
    """
    ids = list(message_ids)
    condition, params = database.matching("message_id", ids)
    parts = [
        f"SELECT message_id, sequence, '{code}' AS told_code FROM {table} WHERE {condition}"
        for table, code in _TABLES.items()
    ]
    lines, _ = database.matching("content_digest", ids)
    parts.append(
        f"SELECT content_digest AS message_id, sequence, 'chat' AS told_code FROM supplementary_message "
        f"WHERE {lines}"
    )
    announced, _ = database.matching("a.message_id", ids)
    parts.append(
        "SELECT a.message_id, f.sequence, 'media' AS told_code FROM media_fact a"
        " JOIN media_fact f ON f.media_digest = a.media_digest"
        f" WHERE f.source_code <> 'announced' AND f.message_id IS NULL AND {announced}"
    )
    return database.frame(" UNION ".join(parts), **params)


class Said(NamedTuple):
    """What one record holds of a message in clear; source: the message's, edit or revoke, or chat_export.
    outside_id: None for a line of an exported chat, which has none."""

    outside_id: str | None
    at: datetime
    source: str
    people: str
    text: str | None


def said(record: Record) -> Said | None:
    """None for a record that is neither a message, nor a version of one, nor a line of an exported chat."""
    if isinstance(record, SupplementaryRecord) and record.occurred_at is not None:
        moment = datetime.fromtimestamp(record.occurred_at / 1_000_000, UTC)
        return Said(None, moment, "chat_export", record.sender or "", record.text)
    if isinstance(record, MessageRecord):
        at, source = record.sent_at, str(record.source)
    elif isinstance(record, VersionRecord):
        at, source = record.occurred_at, str(record.action)
    else:
        return None
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    people = ", ".join(person.value for person in record.people)
    return Said(record.outside_id, moment, source, people, record.text)
