"""Records that are no messages but fall under the schedule all the same, as rows of `message`: calls,
edits and revocations of messages that nobody holds, what the platform told of a person beside messages
(payments, changed keys, groups, contacts), and the lines and files of exported chats."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.normalise.holders import in_epochs
from wa_analytics.pipeline.through import lazy, through
from wa_analytics.retention.schedule import ScheduleRow, classed, scheduled
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database

# A chat of two: the person, and who exported it.
TWO = 2
NO_DIRECTION = "none"
_COLUMNS = "message_id, entity, channel_id, direction_code"
_KNOWN = "SELECT message_id FROM message UNION SELECT message_id FROM message_fact"


def beside_messages(database: Database, settings: Settings, schedule: Sequence[ScheduleRow]) -> pl.DataFrame:
    """Everyone's, classed and scheduled."""
    people = database.frame("SELECT identifier_digest, party_id FROM identifier")
    lines = _with_files(database, _placed(database, _lines(database, "1 = 1")), settings)
    told = pl.concat([_placed(database, _told(database, "1 = 1")), lines], how="vertical_relaxed")
    return kept_until(_folded(told, people), settings, schedule)


def beside_of(
    database: Database,
    settings: Settings,
    schedule: Sequence[ScheduleRow],
    parties: Collection[str],
    people: Collection[str],
    senders: Collection[str] = (),
) -> pl.DataFrame:
    """One person's, classed and scheduled, with `party_id` the first of `parties`.

    people: identifier digests, those of numbers that others held too among them. senders: digests of
    names by which exported chats call the person.
    """
    by_person, params = database.matching("identifier_digest", people)
    by_party, of_party = database.matching("party_id", parties)
    ours = database.frame(f"SELECT identifier_digest, party_id FROM identifier WHERE {by_party}", **of_party)
    told = _placed(database, _told(database, by_person, **params))
    told = told.join(ours, on="identifier_digest", how="semi")
    lines = _lines_of(database, people, senders, ours["identifier_digest"].to_list())
    found = pl.concat([told, _with_files(database, lines, settings)], how="vertical_relaxed")
    folded = _folded(found, ours).with_columns(party_id=pl.lit(min(parties)))
    return kept_until(folded, settings, schedule)


def kept_until(records: pl.DataFrame, settings: Settings, schedule: Sequence[ScheduleRow]) -> pl.DataFrame:
    """The records with class and retention."""
    rules = settings.retention.record_class
    placed = through(lambda rows: classed(rows, rules), records)
    kept = through(lambda rows: scheduled(rows, schedule, settings.entities), placed)
    return placed.join(kept, on="message_id", how="left")


def _told(database: Database, condition: str, **params: Any) -> pl.DataFrame:
    """What the platform told of people beside messages."""
    return database.frame(
        f"SELECT {_COLUMNS}, sent_at, identifier_digest "
        f"FROM message_fact WHERE source_code = 'call' AND {condition} UNION ALL "
        f"SELECT {_COLUMNS}, occurred_at AS sent_at, identifier_digest "
        f"FROM message_version WHERE {condition} AND message_id NOT IN (SELECT message_id FROM message) "
        "UNION ALL "
        f"SELECT message_id, entity, channel_id, '{NO_DIRECTION}' AS direction_code, "
        "occurred_at AS sent_at, identifier_digest FROM channel_event WHERE message_id IS NOT NULL "
        f"AND identifier_digest IS NOT NULL AND {condition} AND message_id NOT IN ({_KNOWN})",
        **params,
    )


def _placed(database: Database, records: pl.DataFrame) -> pl.DataFrame:
    """With the holder, at the time, of numbers that changed hands."""
    epochs = lazy(database.table(t.NumberEpoch))
    return through(lambda rows: in_epochs(rows, epochs, "sent_at"), records)


def _folded(records: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    return (
        records.join(people, on="identifier_digest", how="left")
        .group_by("message_id")
        .agg(pl.col("entity", "channel_id", "direction_code", "sent_at", "party_id").min())
        .with_columns(
            purpose_code=pl.lit(None, dtype=pl.String),
            template_name=pl.lit(None, dtype=pl.String),
            custodian_id=pl.lit(None, dtype=pl.String),
        )
    )


def _lines(database: Database, condition: str, **params: Any) -> pl.DataFrame:
    """Lines of exported chats. They name no company."""
    return database.frame(
        "SELECT content_digest AS message_id, occurred_at AS sent_at, identifier_digest, sender_digest, "
        f"chat_digest, file_digest FROM supplementary_message WHERE type_code <> 'file' AND {condition}",
        **params,
    )


def _lines_of(
    database: Database, people: Collection[str], senders: Collection[str], ours: Collection[str]
) -> pl.DataFrame:
    """The lines the person wrote; of a chat of two all its lines, since the other spoke to the person."""
    by_person, params = database.matching("identifier_digest", people)
    by_name, names = database.matching("sender_digest", senders, "names")
    spoke = f"SELECT chat_digest FROM supplementary_message WHERE {by_person} OR {by_name}"
    condition = f"({by_person} OR {by_name} OR chat_digest IN ({spoke}))"
    lines = _placed(database, _lines(database, condition, **params, **names))
    of_person = pl.col("identifier_digest").is_in(list(ours)) | pl.col("sender_digest").is_in(list(senders))
    lines = lines.with_columns(is_theirs=of_person.fill_null(value=False))
    spoke_here = (pl.col("is_theirs") & pl.col("sender_digest").is_not_null()).any().over("chat_digest")
    in_chat = pl.col("chat_digest").is_not_null() & spoke_here
    is_of_two = pl.col("sender_digest").drop_nulls().n_unique().over("chat_digest") <= TWO
    return lines.filter(pl.col("is_theirs") | (in_chat & is_of_two))


def _with_files(database: Database, lines: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The lines, and the files that came with the chat and that no other line announces."""
    condition, params = database.matching("file_digest", lines["file_digest"].drop_nulls().unique())
    others = _lines(database, condition, **params).join(lines, on="message_id", how="anti")
    announced = lines.drop_nulls("file_digest").join(others, on="file_digest", how="anti")
    files = database.frame(
        "SELECT content_digest AS file_id, file_digest FROM supplementary_message "
        f"WHERE type_code = 'file' AND {condition}",
        **params,
    )
    found = announced.join(files, on="file_digest").with_columns(message_id=pl.col("file_id"))
    columns = ("message_id", "sent_at", "identifier_digest")
    entity = settings.entities[0].key if settings.has_default_entity else None
    return pl.concat([lines.select(columns), found.select(columns)], how="vertical_relaxed").select(
        "message_id",
        pl.lit(entity, dtype=pl.String).alias("entity"),
        pl.lit(None, dtype=pl.String).alias("channel_id"),
        pl.lit(NO_DIRECTION).alias("direction_code"),
        "sent_at",
        "identifier_digest",
    )
