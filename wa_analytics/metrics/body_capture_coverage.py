"""How many of the messages whose content must be kept have it."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw

from wa_analytics.metrics.cases import message_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    messages = frames.lazy("messages").filter(nw.col("sent_at") <= as_of)
    settled = nw.col("first_status_at") <= as_of - timedelta(hours=frames.settle_hours)
    considered = nw.col("body_code").is_in(["held", "missing_log"]) | (
        (nw.col("body_code") == "statuses_only") & settled.fill_null(False)
    )
    return message_cases(messages, nw.col("body_code") == "held", considered)


METRIC = Metric(
    name="body_capture_coverage",
    title="Body capture coverage",
    unit="ratio",
    numerator_meaning="messages whose content is held",
    denominator_meaning=(
        "messages whose content must be held: all but templates sent without text of their own and what "
        "the platform passes on without content, and sends known from statuses alone only once their "
        "settling time is over"
    ),
    direction="higher",
    source="17 CFR 240.17a-4(b)(4); our settling time, completeness.settle_hours",
    cases=cases,
)
