"""Sends that a person had not agreed to, and the register that should say so."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from wa_analytics.controls.calendar import business_day_after
from wa_analytics.controls.question import Counted, Question, counted
from wa_analytics.metrics.frames import collected
from wa_analytics.metrics.interval import Grid


def _sends(question: Question, is_exception: nw.Expr) -> Counted:
    """A send to a person of no known country is unjudged where it were an exception in scope."""
    code = nw.col("consent_code")
    judged = ~code.is_in(["not_judged", "not_evaluated"])
    is_placed = question.is_of_country()
    return counted(
        "sends",
        question.sends(),
        exceptions=is_placed & judged & is_exception,
        total=is_placed & judged,
        unjudged=(code == "not_evaluated") | (~is_placed & judged & is_exception),
    )


def ungranted_sends(question: Question) -> Counted:
    """Judged sends without a consent in force, whatever is the matter with it."""
    return _sends(question, nw.col("consent_code") != "granted")


def withdrawn_sends(question: Question) -> Counted:
    """Judged sends to whom a withdrawal or stop was in force."""
    return _sends(question, nw.col("consent_code") == "withdrawn")


def late_sends(question: Question) -> Counted:
    """Sends made after the n-th US business day that follows the withdrawal, by local days."""
    judged = _sends(question, nw.lit(False))
    grid = Grid.of(question.frames.zones, None, question.as_of, is_by_entity=True)
    days = collected(
        question.sends()
        .filter(nw.col("consent_code") == "withdrawn")
        .with_columns(
            sent_day=grid.local_at("sent_at").dt.to_string("%Y-%m-%d"),
            withdrawn_day=grid.local_at("withdrawn_at").dt.to_string("%Y-%m-%d"),
            is_placed=question.is_of_country(),
        )
        .group_by("sent_day", "withdrawn_day", "is_placed")
        .agg(sends=nw.len())
    )
    allowed = question.control.parameters["business_days"]
    late = unknown = 0
    for sent, withdrawn, is_placed, sends in days.select(
        "sent_day", "withdrawn_day", "is_placed", "sends"
    ).rows():
        if withdrawn is None:
            unknown += sends
        elif date.fromisoformat(sent) > business_day_after(date.fromisoformat(withdrawn), allowed, "US"):
            late, unknown = (late + sends, unknown) if is_placed else (late, unknown + sends)
    return Counted("sends", late, judged.total, judged.unjudged + unknown)


def incomplete_grants(question: Question) -> Counted:
    """Consents recorded without method, wording or version, or business name."""
    return counted(
        "consents recorded",
        question.grants(),
        exceptions=nw.col("is_incomplete"),
        total=~nw.col("event_id").is_null(),
    )


def register_events(question: Question) -> Counted:
    """Records of the register; none of them is an exception, none at all is not evaluated."""
    return counted("register records", question.register(), total=~nw.col("event_id").is_null())


MEASURES = (
    ungranted_sends,
    withdrawn_sends,
    late_sends,
    incomplete_grants,
    register_events,
)
