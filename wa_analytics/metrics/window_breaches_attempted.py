"""Free-form sends outside the 24-hour service window, whatever became of them."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import message_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def window_cases(frames: MetricFrames, as_of: datetime, counted: nw.Expr) -> Lazy:
    """Cases of the free-form sends whose window was judged."""
    messages = frames.lazy("messages").filter(nw.col("sent_at") <= as_of)
    return message_cases(messages, counted, nw.col("window_code").is_in(["inside", "outside"]))


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    return window_cases(frames, as_of, nw.col("window_code") == "outside")


METRIC = Metric(
    name="window_breaches_attempted",
    title="Service-window breaches, attempted",
    unit="per_10k",
    numerator_meaning="free-form sends 24 hours or more after the person's last message or call",
    denominator_meaning="free-form sends whose window was judged",
    direction="lower",
    source="WhatsApp Business Messaging Policy, 24-hour window",
    cases=cases,
)
