"""The state's tables made equal to what was evaluated, in short transactions."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import polars as pl
from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.database.bulk import rows_of
from wa_analytics.database.pace import Pace
from wa_analytics.pipeline.refreshing.days import Query, channel_days, stored_days
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database

CHUNK = 3_000


def replaced(
    database: Database,
    prefix: str,
    table: type[SQLModel],
    key: str,
    new: pl.DataFrame,
    affected: list[str] | None,
) -> int:
    """Make the stored rows of `affected` (or all) equal to `new`; returns the rows written."""
    columns = tuple(column.name for column in table.__table__.columns)  # type: ignore[attr-defined]
    new = new.select(columns)
    if affected is None:
        stored = database.table(table, prefix=prefix)
    else:
        condition, params = database.matching(key, {*affected, *new[key]})
        stored = database.table(table, condition, prefix=prefix, **params)
    name = f'"{prefix}{table.__tablename__}"'
    # In a few bands of parties and therein in the order of the key: so that one transaction touches few
    # pages of either index.
    changed = new = new.sort(pl.col("party_id").str.slice(0, 1), key)
    if stored.height:
        gone = stored.join(new, on=key, how="anti")[key].to_list()
        changed = new.join(stored, on=columns, how="anti", nulls_equal=True)
        for at in range(0, len(gone), CHUNK):
            condition, params = database.matching(key, gone[at : at + CHUNK])
            with database.writing(prefix, is_derived=True) as writer:
                writer.execute(f"DELETE FROM {name} WHERE {condition}", params)
    pace, at = Pace(CHUNK, 4 * CHUNK), 0
    while at < changed.height:
        rows = changed.slice(at, pace.rows)
        at += rows.height
        ready = rows_of(rows)
        with database.writing(prefix, is_derived=True) as writer:
            begun = perf_counter()
            if stored.height:
                condition, params = database.matching(key, rows[key])
                writer.execute(f"DELETE FROM {name} WHERE {condition}", params)
            writer.append(table, columns, ready)
        pace.learn(rows.height, perf_counter() - begun)
    return changed.height


def summed(
    database: Database,
    prefix: str,
    query: Query,
    settings: Settings,
    messages: pl.DataFrame,
    registered: set[str],
    inbound: set[str],
) -> None:
    """The small tables of channels, of their days, and of companies, from every message."""
    sent, direction = pl.col("sent_at"), pl.col("direction_code")
    channels = (
        messages.filter(pl.col("channel_id").is_not_null())
        .group_by("channel_id")
        .agg(
            entity=pl.col("entity").min(),
            last_inbound_at=sent.filter(direction == "inbound").max(),
            last_outbound_at=sent.filter(direction == "outbound").max(),
        )
        .with_columns(has_inbound=pl.col("channel_id").is_in(sorted(inbound)))
    )
    companies = (
        messages.filter(pl.col("entity").is_not_null())
        .group_by("entity")
        .agg(message_count=pl.len(), first_sent_at=sent.min(), last_sent_at=sent.max())
    )
    everyone = pl.DataFrame(
        {"entity": [entity.key for entity in settings.entities]}, schema={"entity": pl.String}
    )
    coverage = (
        everyone.join(companies, on="entity", how="full", coalesce=True)
        .with_columns(
            has_register=pl.col("entity").is_in(sorted(registered)),
            message_count=pl.col("message_count").fill_null(0),
        )
        .sort("entity")
    )
    for table, frame in ((t.Channel, channels.sort("channel_id")), (t.EntityCoverage, coverage)):
        with database.writing(prefix, is_derived=True) as writer:
            writer.execute(f'DELETE FROM "{prefix}{table.__tablename__}"')
            writer.append_frame(table, frame)
    stored_days(
        database,
        channel_days(messages, query, database.dialect, settings),
        prefix,
    )
