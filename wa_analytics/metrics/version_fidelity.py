"""Of the messages that were edited or revoked, how many can still be read as they first were."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import place_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames, flag
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    changed = (
        frames.lazy("versions")
        .filter(nw.col("occurred_at") <= as_of)
        .group_by("message_id")
        .agg(nw.col("entity").min(), nw.col("channel_id").min(), nw.col("occurred_at").min())
    )
    held = (
        frames.lazy("known")
        .filter(nw.col("has_body"))
        .select("message_id")
        .unique()
        .with_columns(held=nw.lit(1).cast(nw.Int64))
    )
    return place_cases(
        changed.join(held, on="message_id", how="left"),
        flag(nw.col("held") == 1),
        nw.lit(1),
        nw.col("occurred_at"),
    )


METRIC = Metric(
    name="version_fidelity",
    title="Version fidelity",
    unit="ratio",
    numerator_meaning="of these, messages whose original content is held or was lawfully disposed of",
    denominator_meaning="messages of which an edit or a revocation is known",
    direction="higher",
    source="17 CFR 240.17a-4(f)(2)(i)(A)(4): the original record can be re-created",
    cases=cases,
    needs=("versions", "known"),
)
