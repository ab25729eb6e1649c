"""Message contents still held after their retention ended."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import message_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def held_cases(frames: MetricFrames, as_of: datetime, counted: nw.Expr) -> Lazy:
    """Cases of the messages whose content is held and whose retention could be told."""
    messages = frames.lazy("messages").filter(nw.col("sent_at") <= as_of)
    return message_cases(messages, counted, nw.col("has_body") & (nw.col("retention_code") == "scheduled"))


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    return held_cases(frames, as_of, nw.col("dispose_by") <= as_of)


METRIC = Metric(
    name="retention_overdue",
    title="Retention overdue",
    unit="count",
    numerator_meaning="messages whose content is held although its retention has ended",
    denominator_meaning="messages whose content is held under a schedule without conflict",
    direction="lower",
    source="GDPR Art. 5(1)(e); LGPD Art. 16; the companies' retention schedule",
    cases=cases,
    is_stock=True,
)
