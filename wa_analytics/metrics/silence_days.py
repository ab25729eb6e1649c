"""Days on which a number was silent although its own weekly pattern expects it to be heard."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import place_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames, flag
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    days = frames.lazy("channel_days").filter(nw.col("day_to") <= as_of, ~nw.col("is_silent").is_null())
    return place_cases(days, flag(nw.col("is_silent")), nw.lit(1), nw.col("day_from").dt.offset_by("12h"))


METRIC = Metric(
    name="silence_days",
    title="Silent days",
    unit="count",
    numerator_meaning="days of a number within a silent stretch (capture.silence)",
    denominator_meaning="days of a number whose pattern is known well enough to judge by",
    direction="lower",
    source="our definition: completeness/silence.py, completeness.false_alarms_per_year",
    cases=cases,
    needs=("channel_days",),
)
