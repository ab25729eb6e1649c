"""Message contents whose retention ends within the next 90 days."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw

from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric
from wa_analytics.metrics.retention_overdue import held_cases

HORIZON = timedelta(days=90)


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    due = (nw.col("dispose_by") > as_of) & (nw.col("dispose_by") <= as_of + HORIZON)
    return held_cases(frames, as_of, due)


METRIC = Metric(
    name="retention_due_90_days",
    title="Retention due within 90 days",
    unit="count",
    numerator_meaning="messages whose content is held and must be disposed of within 90 days",
    denominator_meaning="messages whose content is held under a schedule without conflict",
    direction="lower",
    source="the companies' retention schedule; our horizon",
    cases=cases,
    is_stock=True,
)
