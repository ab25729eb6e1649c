"""How many of the people written to asked to be left alone.

Counted in persons, within the interval: a person written to in May who stops in June is an opt-out
of neither month, unless written to in June as well. That keeps the share between 0 and 1.
"""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.cases import message_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames, flag
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    outbound = frames.lazy("messages").filter(
        nw.col("sent_at") <= as_of, nw.col("direction_code") == "outbound"
    )
    sends = message_cases(outbound, nw.lit(True), ~nw.col("party_id").is_null()).drop("is_counted")
    # Nulls join nothing, and what governs every company governs a number of no company too.
    sends = sends.with_columns(written_by=nw.col("entity").fill_null(""))
    written_to = sends.select("party_id", "entity", "written_by").unique()
    stops = (
        frames.lazy("consent_events")
        .filter(nw.col("action_code").is_in(["withdrawn", "stop"]), nw.col("occurred_at") <= as_of)
        .select("party_id", nw.col("entity").alias("given_to"), "is_any_entity", "occurred_at")
        .join(written_to, on="party_id", how="inner")
        .filter(nw.col("is_any_entity") | (nw.col("given_to") == nw.col("written_by")).fill_null(False))
    )
    keys = ["party_id", "written_by"]
    if grid.interval is not None:
        keys.append("stop_start")
        sends = grid.placed(sends).rename({"local_start": "stop_start"})
        stops = grid.placed(stops, "occurred_at").rename({"local_start": "stop_start"})
    stopped = stops.select(*keys).unique().with_columns(has_stopped=nw.lit(1).cast(nw.Int64))
    return sends.join(stopped, on=keys, how="left").with_columns(is_counted=flag(nw.col("has_stopped") == 1))


METRIC = Metric(
    name="opt_out_share",
    title="Opt-out share",
    unit="ratio",
    numerator_meaning="of these, persons who withdrew or stopped in the same interval, for any purpose",
    denominator_meaning="persons written to in the interval",
    direction="lower",
    source="WhatsApp Business Messaging Policy, opt-out; our definition",
    cases=cases,
    counts="parties",
)
