"""Fills channel_day: one row per number and UTC day of which there is something to say.

Cheap enough for every refresh: one grouping of the messages, the rest works on its few rows. Days
with nothing held, nothing told by the platform and nothing to judge have no row. The newest day of all
is not over, so silence is judged before it only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.completeness.days import platform_days
from wa_analytics.completeness.silence import alpha_of, heard
from wa_analytics.pipeline.through import through
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database

Query = Callable[..., pl.DataFrame]

EPOCH = date(1970, 1, 1)
KEY = ["channel_id", "day_on"]
COUNTS = ("inbound_count", "outbound_count", "delivered_count", "early_count", "late_count")
CHUNK = 3_000
INBOUND, OUTBOUND = "direction_code = 'inbound'", "direction_code = 'outbound'"
# The platform counts a message minutes before or after we date it, so its day may be the neighbouring one.
EDGE_MINUTES = 5
SENT_ON = {"sqlite": "substr(sent_at, 1, 10)", "postgresql": "to_char(sent_at, 'YYYY-MM-DD')"}
COUNTED = ("channel_id", "entity", "direction_code", "sent_at", "delivered_at")
"""Columns of a message that its number's days are counted from."""


def channel_days(messages: pl.DataFrame, query: Query, dialect: str, settings: Settings) -> pl.DataFrame:
    """Rows of table channel_day, in the order of its key.

    messages: every message, columns COUNTED. query: runs SQL on the other derived tables, whose names are
    written {like_this}.
    """
    volumes = query(
        "SELECT channel_id, entity, granularity_code, counted_from, counted_to, observed_at, "
        "sent_count, delivered_count FROM {platform_volume}"
    )
    only = {entity.key: entity.channels[0] for entity in settings.entities if len(entity.channels) == 1}
    told = through(lambda rows: platform_days(rows, only), volumes)
    told = told.with_columns(
        pl.col("platform_sent_count", "platform_delivered_count").cast(pl.Int64),
        day_on=pl.col("day_from").dt.strftime("%Y-%m-%d"),
    ).drop("day_from")
    counts = _counts(messages, query, dialect)
    silences = _silences(counts, told, alpha_of(settings.completeness.false_alarms_per_year))
    owners = _owners(counts, volumes, settings)
    return (
        counts.drop("entity")
        .join(told, on=KEY, how="full", coalesce=True)
        .join(silences, on=KEY, how="full", coalesce=True)
        .filter(
            pl.any_horizontal(pl.col(*COUNTS, "edge_count").fill_null(0) > 0)
            | pl.col("platform_sent_count").is_not_null()
            | pl.col("is_silent").is_not_null()
        )
        .join(owners, on="channel_id", how="left")
        .with_columns(
            pl.col(*COUNTS, "edge_count").fill_null(0),
            day_from=pl.col("day_on").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC"),
        )
        .with_columns(day_to=pl.col("day_from").dt.offset_by("1d"))
        .select(column.name for column in t.ChannelDay.__table__.columns)  # type: ignore[attr-defined]
        .sort(KEY)
    )


def stored_days(database: Database, days: pl.DataFrame, prefix: str) -> None:
    """Make the stored rows equal to `days`, touching only what differs, in short transactions."""
    stored = database.table(t.ChannelDay, prefix=prefix)
    changed = days.join(stored, on=days.columns, how="anti", nulls_equal=True)
    gone = pl.concat([stored.join(days, on=KEY, how="anti").select(KEY), changed.select(KEY)])
    if not stored.height:
        gone = gone.clear()
    name = f'"{prefix}{t.ChannelDay.__tablename__}"'
    for at in range(0, gone.height, CHUNK):
        with database.writing(prefix, is_derived=True) as writer:
            for channel_id, day_on in gone.slice(at, CHUNK).iter_rows():
                writer.execute(
                    f"DELETE FROM {name} WHERE channel_id = :channel_id AND day_on = :day_on",
                    {"channel_id": channel_id, "day_on": day_on},
                )
    for at in range(0, changed.height, CHUNK):
        with database.writing(prefix, is_derived=True) as writer:
            writer.append_frame(t.ChannelDay, changed.slice(at, CHUNK))


def _counts(messages: pl.DataFrame, query: Query, dialect: str) -> pl.DataFrame:
    def number(condition: str) -> str:
        return f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)"

    day = SENT_ON[dialect]
    inbound, outbound = number(INBOUND), number(OUTBOUND)
    is_outbound = pl.col("direction_code") == "outbound"
    minute = pl.col("sent_at").dt.hour().cast(pl.Int32) * 60 + pl.col("sent_at").dt.minute()
    held = (
        messages.filter(pl.col("channel_id").is_not_null())
        .group_by("channel_id", day_on=pl.col("sent_at").dt.strftime("%Y-%m-%d"))
        .agg(
            entity=pl.col("entity").min(),
            inbound_count=(pl.col("direction_code") == "inbound").sum(),
            outbound_count=is_outbound.sum(),
            delivered_count=(is_outbound & pl.col("delivered_at").is_not_null()).sum(),
            early_count=(is_outbound & (minute < EDGE_MINUTES)).sum(),
            late_count=(is_outbound & (minute >= 24 * 60 - EDGE_MINUTES)).sum(),
        )
    )
    calls = query(
        f"SELECT channel_id, {day} AS day_on, count(DISTINCT message_id) AS inbound_count "
        f"FROM {{message_fact}} WHERE source_code = 'call' AND {INBOUND} "
        "AND channel_id IS NOT NULL GROUP BY 1, 2"
    )
    disposed = query(
        f"SELECT channel_id, sent_on AS day_on, {inbound} AS inbound_count, {outbound} AS outbound_count "
        "FROM {disposed_message} WHERE channel_id IS NOT NULL GROUP BY 1, 2"
    )
    kinds = dict.fromkeys([*KEY, "entity"], pl.String) | dict.fromkeys(COUNTS, pl.Int64)
    counted = (
        pl.concat(
            [pl.DataFrame(schema=kinds)]
            + [
                frame.cast({name: kinds[name] for name in frame.columns}) for frame in (held, calls, disposed)
            ],
            how="diagonal",
        )
        .group_by(KEY)
        .agg(pl.col(*COUNTS).sum(), pl.col("entity").min())
    )
    return _with_edges(counted)


def _with_edges(counted: pl.DataFrame) -> pl.DataFrame:
    """Adds edge_count: what a neighbouring day holds within minutes of this one."""
    day = pl.col("day_on").str.to_date("%Y-%m-%d")

    def moved(column: str, offset: str) -> pl.DataFrame:
        return counted.filter(pl.col(column) > 0).select(
            "channel_id",
            day.dt.offset_by(offset).dt.strftime("%Y-%m-%d").alias("day_on"),
            pl.col(column).alias("edge_count"),
        )

    edges = (
        pl.concat([moved("early_count", "-1d"), moved("late_count", "1d")])
        .group_by(KEY)
        .agg(pl.col("edge_count").sum())
    )
    return counted.join(edges, on=KEY, how="full", coalesce=True)


def _silences(counts: pl.DataFrame, told: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """`channel_id, day_on, expected_count, is_silent, silent_on` of the days that can be judged."""
    newest = max([*counts["day_on"], *told["day_on"]], default=None)
    rows: list[tuple[Any, ...]] = []
    if newest is not None:
        until = _number(newest)
        inbound = counts.filter(pl.col("inbound_count") > 0).select(*KEY, "inbound_count").sort(KEY)
        for (channel,), days in inbound.group_by("channel_id", maintain_order=True):
            number_of = {_number(day): count for day, count in days.select("day_on", "inbound_count").rows()}
            rows += [
                (channel, _written(one.day), one.expected, one.is_silent, _written(one.since))
                for one in heard(number_of, until, alpha)
                if one.is_silent is not None
            ]
    return pl.DataFrame(
        rows,
        schema={
            "channel_id": pl.String,
            "day_on": pl.String,
            "expected_count": pl.Float64,
            "is_silent": pl.Boolean,
            "silent_on": pl.String,
        },
        orient="row",
    )


def _number(day_on: str) -> int:
    return (date.fromisoformat(day_on) - EPOCH).days


def _written(number: int | None) -> str | None:
    return None if number is None else (EPOCH + timedelta(days=number)).isoformat()


def _owners(counts: pl.DataFrame, volumes: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """(channel_id, entity): by the settings, else by the messages, else by what the platform counts."""
    seen = counts.group_by("channel_id").agg(pl.col("entity").min()).sort("channel_id")
    named = {channel: entity.key for entity in settings.entities for channel in entity.channels}
    owners: dict[str, str | None] = {}
    for channel, entity in [
        *volumes.select("channel_id", "entity").unique().sort(pl.all()).rows(),
        *seen.rows(),
    ]:
        if channel is not None:
            owners[channel] = entity or owners.get(channel)
    owners |= named
    if settings.has_default_entity:
        owners = {channel: entity or settings.entities[0].key for channel, entity in owners.items()}
    return pl.DataFrame(
        sorted(owners.items()), schema={"channel_id": pl.String, "entity": pl.String}, orient="row"
    )
