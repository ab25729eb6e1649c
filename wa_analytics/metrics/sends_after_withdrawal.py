"""How many sends went out although the person had withdrawn."""

from __future__ import annotations

from datetime import datetime

from wa_analytics.metrics.cases import sends_judged
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    return sends_judged(frames, as_of, "withdrawn")


METRIC = Metric(
    name="sends_after_withdrawal",
    title="Sends after withdrawal",
    unit="per_10k",
    numerator_meaning="sends made while a withdrawal or stop of that person was in force (refusals apart)",
    denominator_meaning="sends whose consent was judged",
    direction="lower",
    source="GDPR Art. 7(3); WhatsApp Business Messaging Policy, opt-out",
    cases=cases,
)
