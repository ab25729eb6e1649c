"""Cases that several metrics share: what is considered, and what of it counts."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from wa_analytics.metrics.frames import Lazy, MetricFrames, flag

# Of a case's columns, those that say what it is about.
ABOUT = ("entity", "channel_id", "purpose_code", "country_code", "template_name", "custodian_id")


def message_cases(messages: Lazy, counted: nw.Expr, considered: nw.Expr) -> Lazy:
    """Cases of messages: those not considered count on neither side."""
    return (
        messages.filter(considered)
        .with_columns(is_counted=flag(counted), is_considered=nw.lit(1).cast(nw.Int64))
        .select(*ABOUT, "party_id", nw.col("sent_at").alias("at"), "is_counted", "is_considered")
    )


def place_cases(frame: Lazy, counted: nw.Expr, considered: nw.Expr, at: nw.Expr) -> Lazy:
    """Cases of what belongs to a number but to no purpose, person, template or employee.

    counted, considered: whole numbers.
    """
    none = nw.lit(None, dtype=nw.String)
    return frame.select(
        *ABOUT[:2],
        *(none.alias(name) for name in ABOUT[2:]),
        at.alias("at"),
        counted.cast(nw.Int64).alias("is_counted"),
        considered.cast(nw.Int64).alias("is_considered"),
    )


def sends_judged(frames: MetricFrames, as_of: datetime, *states: str) -> Lazy:
    """Cases of the outbound messages whose consent was judged; `states` are counted."""
    messages = frames.lazy("messages").filter(
        nw.col("sent_at") <= as_of, nw.col("direction_code") == "outbound"
    )
    return message_cases(
        messages,
        counted=nw.col("consent_code").is_in(states),
        considered=~nw.col("consent_code").is_in(["not_judged", "not_evaluated"]),
    )
