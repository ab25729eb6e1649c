"""Free-form sends outside the 24-hour service window that reached the person."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric
from wa_analytics.metrics.window_breaches_attempted import window_cases


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    is_delivered = (nw.col("delivered_at") <= as_of).fill_null(False)
    return window_cases(frames, as_of, (nw.col("window_code") == "outside") & is_delivered)


METRIC = Metric(
    name="window_breaches_delivered",
    title="Service-window breaches, delivered",
    unit="per_10k",
    numerator_meaning="free-form sends outside the window that were delivered, read or played",
    denominator_meaning="free-form sends whose window was judged",
    direction="lower",
    source="WhatsApp Business Messaging Policy, 24-hour window",
    cases=cases,
)
