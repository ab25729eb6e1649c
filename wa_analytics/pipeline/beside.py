"""Records that are no messages but fall under the schedule all the same: calls, and edits and
revocations of messages that nobody holds; as rows of `message`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl

from wa_analytics import tables as t
from wa_analytics.normalise.holders import in_epochs
from wa_analytics.retention.schedule import ScheduleRow, classed, scheduled
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database


def beside_messages(
    database: Database,
    settings: Settings,
    schedule: Sequence[ScheduleRow],
    parties: Iterable[str] | None = None,
) -> pl.DataFrame:
    """Classed and scheduled; parties: theirs alone, else everyone's and what tells of nobody."""
    told = database.frame(
        "SELECT message_id, entity, channel_id, direction_code, sent_at, identifier_digest "
        "FROM message_fact WHERE source_code = 'call' UNION ALL "
        "SELECT message_id, entity, channel_id, direction_code, occurred_at AS sent_at, identifier_digest "
        "FROM message_version WHERE message_id NOT IN (SELECT message_id FROM message)"
    )
    epochs = nw.from_native(database.table(t.NumberEpoch).lazy())
    placed_in = in_epochs(nw.from_native(told.lazy()), epochs, "sent_at").collect("polars").to_native()
    condition, params = ("1 = 1", {}) if parties is None else database.matching("party_id", parties)
    people = database.frame(f"SELECT identifier_digest, party_id FROM identifier WHERE {condition}", **params)
    found = (
        placed_in.join(people, on="identifier_digest", how="left" if parties is None else "inner")
        .group_by("message_id")
        .agg(pl.col("entity", "channel_id", "direction_code", "sent_at", "party_id").min())
        .with_columns(
            purpose_code=pl.lit(None, dtype=pl.String),
            template_name=pl.lit(None, dtype=pl.String),
            custodian_id=pl.lit(None, dtype=pl.String),
        )
    )
    rules = settings.retention.record_class
    placed = classed(nw.from_native(found.lazy()), rules).collect("polars").to_native()
    kept = scheduled(nw.from_native(placed.lazy()), schedule, settings.entities)
    whole: pl.DataFrame = placed.join(kept.collect("polars").to_native(), on="message_id", how="left")
    return whole
