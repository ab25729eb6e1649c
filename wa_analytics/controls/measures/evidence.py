"""Whether the log was proved of late."""

from __future__ import annotations

from datetime import timedelta

import narwhals as nw

from wa_analytics.controls.question import Counted, Question
from wa_analytics.metrics.frames import collected


def unproven_verifications(question: Question) -> Counted:
    """The latest run of `wa verify` that is not older than `verified_within_days` at the moment; one
    made later counts too, since what is unaltered today was unaltered then."""
    days = question.control.parameters["verified_within_days"]
    noun = f"verifications within the last {days} days"
    if question.frames.verify_runs is None:
        return Counted(noun)
    since = question.as_of - timedelta(days=days)
    runs = question.frames.lazy("verify_runs").filter(nw.col("started_at") > since)
    found = collected(runs.select("started_at", "outcome_code")).sort("started_at")
    if found.is_empty():
        return Counted(noun)
    outcome = found["outcome_code"][-1]
    if outcome == "not_evaluated":
        return Counted(noun, unjudged=1)
    return Counted(noun, exceptions=int(outcome == "fail"), total=1)


MEASURES = (unproven_verifications,)
