"""Facts that rules stated and that still hold."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import ABOUT
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    senders = frames.lazy("messages").select(
        nw.col("message_id").alias("subject_id"), "custodian_id", "party_id"
    )
    return (
        frames.open_findings(as_of)
        .join(senders, on="subject_id", how="left")
        .with_columns(is_counted=nw.lit(1).cast(nw.Int64), is_considered=nw.lit(0).cast(nw.Int64))
        .select(*ABOUT, "at", "is_counted", "is_considered")
    )


METRIC = Metric(
    name="open_findings",
    title="Open findings",
    unit="count",
    numerator_meaning="findings whose subject happened by then and that no later run saw mended",
    denominator_meaning="none: a plain count",
    direction="lower",
    source="wa check",
    cases=cases,
    has_denominator=False,
    is_stock=True,
    needs=("findings",),
)
