"""How many messages the platform sent beyond what is held of the same number and day."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw

from wa_analytics.metrics.cases import place_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    days = frames.lazy("channel_days").filter(
        nw.col("day_to") <= as_of - timedelta(hours=frames.settle_hours),
        ~nw.col("platform_sent_count").is_null(),
        nw.col("platform_observed_at") >= nw.col("day_to"),
    )
    lacking = nw.col("platform_sent_count") - nw.col("outbound_count") - nw.col("edge_count")
    # Noon, so that the day stays itself in the company's zone.
    return place_cases(
        days.with_columns(lacking=lacking),
        nw.when(nw.col("lacking") > 0).then(nw.col("lacking")).otherwise(nw.lit(0)),
        nw.col("platform_sent_count"),
        nw.col("day_from").dt.offset_by("12h"),
    )


METRIC = Metric(
    name="volume_gap",
    title="Volume gap",
    unit="ratio",
    numerator_meaning=(
        "of these, messages beyond what is held of the number's UTC day and the five minutes around it"
    ),
    denominator_meaning=(
        "messages sent by the platform's own count, on days it counted in full, once "
        "completeness.settle_hours have passed"
    ),
    direction="lower",
    source="17 CFR 240.17a-4(f)(2)(ii); GET /{waba}?fields=analytics",
    cases=cases,
    needs=("channel_days",),
)
