"""How many of the sends that need consent had it."""

from __future__ import annotations

from datetime import datetime

from wa_analytics.metrics.cases import sends_judged
from wa_analytics.metrics.frames import Lazy, MetricFrames
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    return sends_judged(frames, as_of, "granted")


METRIC = Metric(
    name="consent_coverage",
    title="Consent coverage",
    unit="ratio",
    numerator_meaning="sends for which the person's consent was in force when they were sent",
    denominator_meaning="sends whose consent was judged: templates and free-form marketing, failed ones too",
    direction="higher",
    source="GDPR Art. 7(1); WhatsApp Business Messaging Policy, opt-in",
    cases=cases,
)
