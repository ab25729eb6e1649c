"""Free-form sends outside the service window, and channels on which it cannot be known."""

from __future__ import annotations

import narwhals as nw

from wa_analytics.controls.question import Counted, Question, counted
from wa_analytics.metrics.frames import collected, flag


def channels_without_inbound(question: Question) -> Counted:
    """Sending channels on which nothing inbound was ever captured cannot be judged."""
    channels = collected(
        question.frames.lazy("messages")
        .filter(nw.col("entity") == question.entity.key, nw.col("sent_at") <= question.as_of)
        .with_columns(is_inbound=flag(nw.col("direction_code") == "inbound"))
        .group_by("channel_id")
        .agg(inbound=nw.col("is_inbound").sum(), all=nw.len())
        .filter(nw.col("all") > nw.col("inbound"))
    )
    silent = int((channels["inbound"] == 0).sum())
    return Counted("sending channels", total=channels.height - silent, unjudged=silent)


def _window(question: Question, exceptions: nw.Expr) -> Counted:
    code = nw.col("window_code")
    return counted(
        "free-form sends",
        question.messages(),
        exceptions=(code == "outside") & exceptions,
        total=code.is_in(["inside", "outside"]),
        unjudged=code == "not_evaluated",
    )


def window_breaches_attempted(question: Question) -> Counted:
    """Judged free-form sends outside the window, whatever became of them."""
    return _window(question, nw.lit(True))


def window_breaches_delivered(question: Question) -> Counted:
    """Of the judged free-form sends, those outside the window that were delivered by the moment."""
    return _window(question, (nw.col("delivered_at") <= question.as_of).fill_null(False))


MEASURES = (
    channels_without_inbound,
    window_breaches_attempted,
    window_breaches_delivered,
)
