"""How many of the messages that the platform's own history names are held."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw

from wa_analytics.metrics.cases import place_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames, flag
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    told = (
        frames.lazy("platform_messages")
        .with_columns(at=nw.coalesce("occurred_at", "observed_at"))
        .group_by("message_id")
        .agg(nw.col("entity").min(), nw.col("channel_id").min(), nw.col("at").min())
        .filter(nw.col("at") <= as_of - timedelta(hours=frames.settle_hours))
    )
    held = frames.lazy("known").select("message_id").unique().with_columns(held=nw.lit(1).cast(nw.Int64))
    return place_cases(
        told.join(held, on="message_id", how="left"), flag(nw.col("held") == 1), nw.lit(1), nw.col("at")
    )


METRIC = Metric(
    name="capture_completeness",
    title="Capture completeness",
    unit="ratio",
    numerator_meaning="of these, messages held or lawfully disposed of",
    denominator_meaning=(
        "messages that the platform's message history names, once completeness.settle_hours have passed"
    ),
    direction="higher",
    source="17 CFR 240.17a-4(f)(2)(ii); GET /{phone-number-id}/message_history",
    cases=cases,
    needs=("platform_messages", "known"),
)
