"""What the platform tells of and the archive lacks."""

from __future__ import annotations

from datetime import timedelta

import narwhals as nw

from wa_analytics.controls.question import Counted, Question, counted
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.frames import flag


def unknown_messages(question: Question) -> Counted:
    """Ids of the platform's history that are neither held nor lawfully disposed of, declared or not."""
    own = question.frames.of_entity(question.entity.key)
    row = METRICS["capture_completeness"].compute(own, question.as_of).to_dicts()[0]
    held, total = row["numerator"] or 0, row["denominator"] or 0
    return Counted("messages the platform names", exceptions=total - held, total=total)


def lacking_days(question: Question) -> Counted:
    """Days on which the platform sent more than is held; settled days with sends and no count are
    unjudged."""
    noun = "days of a number"
    if question.frames.channel_days is None:
        return Counted(noun)
    settled = question.as_of - timedelta(hours=question.frames.settle_hours)
    told = (nw.col("platform_observed_at") >= nw.col("day_to")).fill_null(False) & (
        ~nw.col("platform_sent_count").is_null()
    )
    lacking = nw.col("platform_sent_count") > nw.col("outbound_count") + nw.col("edge_count")
    return counted(
        noun,
        question.frames.lazy("channel_days").filter(
            nw.col("entity") == question.entity.key, nw.col("day_to") <= settled
        ),
        exceptions=told & lacking.fill_null(False),
        total=told,
        unjudged=~told & (nw.col("outbound_count") > 0),
    )


def silent_channels(question: Question) -> Counted:
    """Numbers with a silent day, declared or not; those that no day could be judged of are unjudged."""
    noun = "numbers that were heard"
    if question.frames.channel_days is None:
        return Counted(noun)
    channels = (
        question.frames.lazy("channel_days")
        .filter(nw.col("entity") == question.entity.key, nw.col("day_to") <= question.as_of)
        .with_columns(silent=flag(nw.col("is_silent")), judged=flag(~nw.col("is_silent").is_null()))
        .group_by("channel_id")
        .agg(nw.col("silent").sum(), nw.col("judged").sum(), nw.col("inbound_count").sum())
        .filter((nw.col("inbound_count") > 0) | (nw.col("judged") > 0))
        .with_columns(is_judged=nw.col("judged") > 0, is_silent=nw.col("silent") > 0)
    )
    return counted(
        noun,
        channels,
        exceptions=nw.col("is_silent"),
        total=nw.col("is_judged"),
        unjudged=~nw.col("is_judged"),
    )


MEASURES = (
    unknown_messages,
    lacking_days,
    silent_channels,
)
