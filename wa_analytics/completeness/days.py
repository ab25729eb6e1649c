"""Counts of each number and UTC day: the archive's beside the platform's.

Decision: of what the platform said of one interval the newest governs; a day's own count governs over
the sum of its half-hours. A day that is not UTC's own (accounts may count in another zone) cannot be
laid beside ours and is left out, so pull half-hours for those. A count for a whole account stands for a
number only where the company has one number.
Source: GET /{waba}?fields=analytics…, data_points[]{start,end,sent,delivered}, half-hour or day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]


def platform_days(volumes: Frame, only_channels: Mapping[str, str]) -> Frame:
    """One row per number and UTC day of which the platform told a count.

    volumes: `channel_id, entity, granularity_code, counted_from, counted_to, observed_at, sent_count,
    delivered_count` of table platform_volume. only_channels: company → its one number.
    Columns: channel_id, day_from, platform_sent_count, platform_delivered_count, platform_observed_at
    (the oldest observation that went into the day).
    """
    channel: Any = nw.col("channel_id")
    for entity, one in sorted(only_channels.items()):
        is_whole = nw.col("channel_id").is_null() & (nw.col("entity") == entity).fill_null(False)
        channel = nw.when(is_whole).then(nw.lit(one)).otherwise(channel)
    # An account's own day may begin with UTC's and still be an hour shorter, when its clocks go forward.
    is_utc_day = (nw.col("counted_from") == nw.col("day_from")) & (
        nw.col("counted_to") == nw.col("day_from") + timedelta(days=1)
    )
    placed = (
        volumes.filter(nw.col("granularity_code").is_in(["day", "half_hour"]))
        .with_columns(channel_id=channel, day_from=nw.col("counted_from").dt.truncate("1d"))
        .filter(~nw.col("channel_id").is_null())
        .filter((nw.col("granularity_code") == "half_hour") | is_utc_day)
        .with_columns(_sent=nw.col("sent_count").fill_null(-1), _got=nw.col("delivered_count").fill_null(-1))
    )
    newest = placed.unique(
        subset=["channel_id", "granularity_code", "counted_from", "counted_to"],
        keep="last",
        order_by=["observed_at", "_sent", "_got"],
    )
    summed = newest.group_by("channel_id", "granularity_code", "day_from").agg(
        nw.col("sent_count").sum().alias("platform_sent_count"),
        nw.col("delivered_count").sum().alias("platform_delivered_count"),
        nw.col("observed_at").min().alias("platform_observed_at"),
        nw.col("_sent").max().alias("_told"),
    )
    # "day" sorts before "half_hour".
    return (
        summed.filter(nw.col("_told") >= 0)
        .unique(subset=["channel_id", "day_from"], keep="first", order_by=["granularity_code"])
        .select(
            "channel_id",
            "day_from",
            "platform_sent_count",
            "platform_delivered_count",
            "platform_observed_at",
        )
    )
