"""What can be counted for a piece of evidence: exceptions, of how many, and what could not be judged.

Every measure only selects on state columns that a rule already computed. Counting is done on
Narwhals lazy frames; what comes back is three numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import narwhals as nw

from wa_analytics.controls.calendar import business_day_after, countries, is_within
from wa_analytics.controls.control import Control
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Lazy, MetricFrames, flag
from wa_analytics.settings import Entity

if TYPE_CHECKING:
    from wa_analytics.retention.schedule import ScheduleRow


@dataclass(frozen=True)
class Counted:
    """`exceptions` of `total`; `unjudged` could not be said; `noun` names what was counted."""

    exceptions: int
    total: int
    unjudged: int
    noun: str


@dataclass(frozen=True)
class Question:
    """One control asked of one company at a moment."""

    control: Control
    entity: Entity
    frames: MetricFrames
    schedule: Sequence[ScheduleRow]
    as_of: datetime

    def scoped(self, frame: Lazy) -> Lazy:
        """Rows the control speaks of, by country, purpose and lawful basis."""
        scope = self.control.scope
        if scope.countries and not is_within(self.entity.jurisdiction, scope.seats):
            frame = frame.filter(nw.col("country_code").is_in(sorted(countries(scope.countries))))
        if scope.purposes:
            frame = frame.filter(nw.col("purpose_code").is_in([*scope.purposes, "all"]))
        if scope.relies_on_consent:
            basis = nw.col("lawful_basis_code").fill_null("")
            is_marketing = nw.col("purpose_code").is_in(["marketing", "all"]).fill_null(False)
            frame = frame.filter((basis == "consent") | (is_marketing & (basis == "")))
        return frame

    def messages(self) -> Lazy:
        """The company's messages in scope, up to the moment."""
        return self.scoped(
            self.frames.lazy("messages").filter(
                nw.col("entity") == self.entity.key, nw.col("sent_at") <= self.as_of
            )
        )

    def grants(self) -> Lazy:
        """Register events in scope that give consent to the company."""
        return self.scoped(self.register()).filter(nw.col("action_code").is_in(["granted", "confirmed"]))

    def register(self) -> Lazy:
        """Register events that govern the company, up to the moment."""
        return self.frames.lazy("consent_events").filter(
            nw.col("source_code") == "register",
            nw.col("is_any_entity") | (nw.col("entity") == self.entity.key).fill_null(False),
            nw.col("occurred_at") <= self.as_of,
        )


def _sums(frame: Lazy, **conditions: nw.Expr) -> dict[str, int]:
    """How many rows meet each condition."""
    row = frame.select(**{name: flag(condition).sum() for name, condition in conditions.items()})
    found = row.collect("polars").to_native().to_dicts()[0]
    return {name: int(found[name] or 0) for name in conditions}


def _sends(question: Question, *states: str, is_exception: bool) -> Counted:
    code = nw.col("consent_code")
    judged = ~code.is_in(["not_judged", "not_evaluated"])
    counted = _sums(
        question.messages().filter(nw.col("direction_code") == "outbound"),
        exceptions=judged & (code.is_in(states) if is_exception else ~code.is_in(states)),
        total=judged,
        unjudged=code == "not_evaluated",
    )
    return Counted(**counted, noun="sends")


def ungranted_sends(question: Question) -> Counted:
    return _sends(question, "granted", is_exception=False)


def withdrawn_sends(question: Question) -> Counted:
    return _sends(question, "withdrawn", is_exception=True)


def late_sends(question: Question) -> Counted:
    """Sends made after the n-th US business day that follows the withdrawal, by local days."""
    judged = withdrawn_sends(question)
    grid = Grid.of(question.frames.zones, None, question.as_of, is_by_entity=True)
    days = (
        question.messages()
        .filter(nw.col("direction_code") == "outbound", nw.col("consent_code") == "withdrawn")
        .with_columns(
            sent_day=grid.local_at("sent_at").dt.to_string("%Y-%m-%d"),
            withdrawn_day=grid.local_at("withdrawn_at").dt.to_string("%Y-%m-%d"),
        )
        .group_by("sent_day", "withdrawn_day")
        .agg(sends=nw.len())
        .collect("polars")
        .to_native()
    )
    allowed = question.control.parameters["business_days"]
    late = unknown = 0
    for sent, withdrawn, sends in days.select("sent_day", "withdrawn_day", "sends").rows():
        if withdrawn is None:
            unknown += sends
        elif date.fromisoformat(sent) > business_day_after(date.fromisoformat(withdrawn), allowed, "US"):
            late += sends
    return Counted(late, judged.total, judged.unjudged + unknown, "sends")


def incomplete_grants(question: Question) -> Counted:
    counted = _sums(
        question.grants(), exceptions=nw.col("is_incomplete"), total=~nw.col("event_id").is_null()
    )
    return Counted(**counted, unjudged=0, noun="consents recorded")


def register_events(question: Question) -> Counted:
    counted = _sums(question.register(), total=~nw.col("event_id").is_null())
    return Counted(0, counted["total"], 0, "register records")


def unknown_messages(question: Question) -> Counted:
    """Ids of the platform's history that are neither held nor lawfully disposed of, declared or not."""
    return _of_metric(question, "capture_completeness", "messages the platform names", is_share=True)


def lacking_days(question: Question) -> Counted:
    """Days on which the platform sent more than is held; settled days with sends and no count are
    unjudged."""
    noun = "days of a number"
    if question.frames.channel_days is None:
        return Counted(0, 0, 0, noun)
    settled = question.as_of - timedelta(hours=question.frames.settle_hours)
    told = (nw.col("platform_observed_at") >= nw.col("day_to")).fill_null(False) & (
        ~nw.col("platform_sent_count").is_null()
    )
    lacking = nw.col("platform_sent_count") > nw.col("outbound_count") + nw.col("edge_count")
    counted = _sums(
        question.frames.lazy("channel_days").filter(
            nw.col("entity") == question.entity.key, nw.col("day_to") <= settled
        ),
        exceptions=told & lacking.fill_null(False),
        total=told,
        unjudged=~told & (nw.col("outbound_count") > 0),
    )
    return Counted(**counted, noun=noun)


def silent_channels(question: Question) -> Counted:
    """Numbers with a silent day, declared or not; those that no day could be judged of are unjudged."""
    noun = "numbers that were heard"
    if question.frames.channel_days is None:
        return Counted(0, 0, 0, noun)
    channels = (
        question.frames.lazy("channel_days")
        .filter(nw.col("entity") == question.entity.key, nw.col("day_to") <= question.as_of)
        .with_columns(silent=flag(nw.col("is_silent")), judged=flag(~nw.col("is_silent").is_null()))
        .group_by("channel_id")
        .agg(nw.col("silent").sum(), nw.col("judged").sum(), nw.col("inbound_count").sum())
        .filter((nw.col("inbound_count") > 0) | (nw.col("judged") > 0))
        .with_columns(is_judged=nw.col("judged") > 0, is_silent=nw.col("silent") > 0)
    )
    counted = _sums(
        channels,
        exceptions=nw.col("is_silent"),
        total=nw.col("is_judged"),
        unjudged=~nw.col("is_judged"),
    )
    return Counted(**counted, noun=noun)


def early_disposals(question: Question) -> Counted:
    """Messages disposed of before their minimum without a person's right to it."""
    noun = "disposals"
    if question.frames.disposals is None:
        return Counted(0, 0, 0, noun)
    counted = _sums(
        question.frames.lazy("disposals").filter(
            nw.col("entity") == question.entity.key, nw.col("disposed_at") <= question.as_of
        ),
        exceptions=(nw.col("disposed_at") < nw.col("retain_until")).fill_null(False) & ~nw.col("is_erasure"),
        total=~nw.col("disposed_at").is_null(),
    )
    return Counted(**counted, unjudged=0, noun=noun)


def _of_metric(question: Question, name: str, noun: str, *, is_share: bool) -> Counted:
    """A metric's figures of one company; is_share: the numerator counts what is in order."""
    own = question.frames.of_entity(question.entity.key)
    row = METRICS[name].compute(own, question.as_of).to_dicts()[0]
    numerator, total = row["numerator"] or 0, row["denominator"] or 0
    return Counted(total - numerator if is_share else numerator, total, 0, noun)


def channels_without_inbound(question: Question) -> Counted:
    """Sending channels on which nothing inbound was ever captured cannot be judged."""
    channels = (
        question.frames.lazy("messages")
        .filter(nw.col("entity") == question.entity.key, nw.col("sent_at") <= question.as_of)
        .with_columns(is_inbound=flag(nw.col("direction_code") == "inbound"))
        .group_by("channel_id")
        .agg(inbound=nw.col("is_inbound").sum(), all=nw.len())
        .filter(nw.col("all") > nw.col("inbound"))
        .collect("polars")
        .to_native()
    )
    silent = int((channels["inbound"] == 0).sum())
    return Counted(0, channels.height - silent, silent, "sending channels")


def _window(question: Question, exceptions: nw.Expr) -> Counted:
    code = nw.col("window_code")
    counted = _sums(
        question.messages(),
        exceptions=(code == "outside") & exceptions,
        total=code.is_in(["inside", "outside"]),
        unjudged=code == "not_evaluated",
    )
    return Counted(**counted, noun="free-form sends")


def window_breaches_attempted(question: Question) -> Counted:
    return _window(question, nw.lit(True))


def window_breaches_delivered(question: Question) -> Counted:
    return _window(question, (nw.col("delivered_at") <= question.as_of).fill_null(False))


def overdue_records(question: Question) -> Counted:
    code = nw.col("retention_code")
    counted = _sums(
        question.messages().filter(nw.col("has_body")),
        exceptions=(code == "scheduled") & (nw.col("dispose_by") <= question.as_of),
        total=code == "scheduled",
        unjudged=code == "conflict",
    )
    return Counted(**counted, noun="records held")


def records_without_end(question: Question) -> Counted:
    counted = _sums(
        question.messages().filter(nw.col("has_body")),
        exceptions=nw.col("dispose_by").is_null(),
        total=nw.col("has_body"),
    )
    return Counted(**counted, unjudged=0, noun="records held")


def records_kept_too_short(question: Question) -> Counted:
    years = question.control.parameters["retain_years"]
    until = nw.col("retain_until")
    counted = _sums(
        question.messages(),
        exceptions=until.is_null() | (until < nw.col("sent_at").dt.offset_by(f"{years}y")).fill_null(False),
        total=~nw.col("sent_at").is_null(),
    )
    return Counted(**counted, unjudged=0, noun="records")


def records_without_floor(question: Question) -> Counted:
    counted = _sums(
        question.messages(),
        exceptions=nw.col("retain_until").is_null(),
        total=~nw.col("sent_at").is_null(),
    )
    return Counted(**counted, unjudged=0, noun="records")


def _rows_in_force(question: Question) -> list[ScheduleRow]:
    from wa_analytics.retention.schedule import OWN_CLASSES

    return [
        row
        for row in question.schedule
        if row.record_class not in OWN_CLASSES
        and row.binds(question.entity)
        and (row.effective_from is None or row.effective_from <= question.as_of)
        and (row.effective_to is None or question.as_of < row.effective_to)
    ]


def months_of(duration: str) -> int:
    """Whole months of an ISO 8601 duration; weeks, days and hours count as none."""
    from wa_analytics.retention.schedule import offsets

    return sum(int(span[:-2]) for span in offsets(duration) if span.endswith("mo"))


def fallback_rows_missing(question: Question) -> Counted:
    months = question.control.parameters["retain_years"] * 12
    fits = any(
        row.is_fallback and row.floor and months_of(row.floor) >= months for row in _rows_in_force(question)
    )
    return Counted(0 if fits else 1, 1, 0, "fallback rows asked for")


def classes_without_bounds(question: Question) -> Counted:
    """Record classes in use, and those the schedule names, without a floor or without a ceiling."""
    used = question.messages().select("record_class").unique().collect("polars").to_native()
    rows = _rows_in_force(question)
    classes = {str(name) for name in used["record_class"]} | {
        row.record_class for row in rows if row.record_class
    }
    unbounded = [
        name
        for name in classes
        if not any(row.floor for row in rows if row.record_class in ("", name))
        or not any(row.ceiling for row in rows if row.record_class in ("", name))
    ]
    return Counted(len(unbounded), len(classes), 0, "record classes")


def unproven_verifications(question: Question) -> Counted:
    """The latest run of `wa verify` that is not older than `verified_within_days` at the moment; one
    made later counts too, since what is unaltered today was unaltered then."""
    days = question.control.parameters["verified_within_days"]
    noun = f"verifications within the last {days} days"
    if question.frames.verify_runs is None:
        return Counted(0, 0, 0, noun)
    since = question.as_of - timedelta(days=days)
    runs = question.frames.lazy("verify_runs").filter(nw.col("started_at") > since)
    found = runs.select("started_at", "outcome_code").collect("polars").to_native().sort("started_at")
    if found.is_empty():
        return Counted(0, 0, 0, noun)
    outcome = found["outcome_code"][-1]
    if outcome == "not_evaluated":
        return Counted(0, 0, 1, noun)
    return Counted(int(outcome == "fail"), 1, 0, noun)


MEASURES: dict[str, Callable[[Question], Counted]] = {
    measure.__name__: measure
    for measure in (
        ungranted_sends,
        withdrawn_sends,
        late_sends,
        incomplete_grants,
        register_events,
        channels_without_inbound,
        window_breaches_attempted,
        window_breaches_delivered,
        overdue_records,
        records_without_end,
        records_kept_too_short,
        records_without_floor,
        fallback_rows_missing,
        classes_without_bounds,
        unknown_messages,
        lacking_days,
        silent_channels,
        early_disposals,
        unproven_verifications,
    )
}
