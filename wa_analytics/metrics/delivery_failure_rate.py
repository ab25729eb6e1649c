"""How many of the sends the platform reported on had failed."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import message_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    messages = frames.lazy("messages").filter(
        nw.col("sent_at") <= as_of, nw.col("direction_code") == "outbound"
    )
    failed = (nw.col("failed_at") <= as_of).fill_null(False)
    delivered = (nw.col("delivered_at") <= as_of).fill_null(False)
    reported = (nw.col("first_status_at") <= as_of).fill_null(False)
    return message_cases(messages, failed & ~delivered, reported)


METRIC = Metric(
    name="delivery_failure_rate",
    title="Delivery failure rate",
    unit="ratio",
    numerator_meaning="sends reported as failed and never as delivered",
    denominator_meaning="sends on which the platform gave any status",
    direction="lower",
    source="WhatsApp Cloud API, statuses webhook",
    cases=cases,
)
