"""Records kept too long, too short or without an end, and a schedule that does not say."""

from __future__ import annotations

import narwhals as nw

from wa_analytics.controls.question import Counted, Question, counted
from wa_analytics.metrics.frames import collected
from wa_analytics.retention.schedule import OWN_CLASSES, ScheduleRow, offsets


def overdue_records(question: Question) -> Counted:
    """Contents held although the ceiling has passed; those in conflict are unjudged."""
    code = nw.col("retention_code")
    return counted(
        "records held",
        question.messages().filter(nw.col("has_body")),
        exceptions=(code == "scheduled") & (nw.col("dispose_by") <= question.as_of),
        total=code == "scheduled",
        unjudged=code == "conflict",
    )


def records_without_end(question: Question) -> Counted:
    """Contents held for which no row of the schedule states a ceiling."""
    return counted(
        "records held",
        question.messages().filter(nw.col("has_body")),
        exceptions=nw.col("dispose_by").is_null(),
        total=nw.col("has_body"),
    )


def records_kept_too_short(question: Question) -> Counted:
    """Messages whose floor ends before the control's `retain_years`, by the calendar."""
    years = question.control.parameters["retain_years"]
    until = nw.col("retain_until")
    return counted(
        "records",
        question.messages(),
        exceptions=until.is_null() | (until < nw.col("sent_at").dt.offset_by(f"{years}y")).fill_null(False),
        total=~nw.col("sent_at").is_null(),
    )


def records_without_floor(question: Question) -> Counted:
    """Messages for which no row of the schedule states a floor."""
    return counted(
        "records",
        question.messages(),
        exceptions=nw.col("retain_until").is_null(),
        total=~nw.col("sent_at").is_null(),
    )


def early_disposals(question: Question) -> Counted:
    """Messages disposed of before their minimum without a person's right to it."""
    noun = "disposals"
    if question.frames.disposals is None:
        return Counted(noun)
    return counted(
        noun,
        question.frames.lazy("disposals").filter(
            nw.col("entity") == question.entity.key, nw.col("disposed_at") <= question.as_of
        ),
        exceptions=(nw.col("disposed_at") < nw.col("retain_until")).fill_null(False) & ~nw.col("is_erasure"),
        total=~nw.col("disposed_at").is_null(),
    )


def fallback_rows_missing(question: Question) -> Counted:
    """One exception where no fallback row in force keeps for the control's `retain_years`."""
    months = question.control.parameters["retain_years"] * 12
    fits = any(
        row.is_fallback and row.floor and _months_of(row.floor) >= months for row in _rows_in_force(question)
    )
    return Counted("fallback rows asked for", exceptions=0 if fits else 1, total=1)


def classes_without_bounds(question: Question) -> Counted:
    """Record classes in use, and those the schedule names, without a floor or without a ceiling."""
    used = collected(question.messages().select("record_class").unique())
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
    return Counted("record classes", exceptions=len(unbounded), total=len(classes))


def _rows_in_force(question: Question) -> list[ScheduleRow]:
    return [
        row
        for row in question.schedule
        if row.record_class not in OWN_CLASSES
        and row.binds(question.entity)
        and (row.effective_from is None or row.effective_from <= question.as_of)
        and (row.effective_to is None or question.as_of < row.effective_to)
    ]


def _months_of(duration: str) -> int:
    """Whole months of an ISO 8601 duration; weeks, days and hours count as none."""
    return sum(int(span[:-2]) for span in offsets(duration) if span.endswith("mo"))


MEASURES = (
    overdue_records,
    records_without_end,
    records_kept_too_short,
    records_without_floor,
    early_disposals,
    fallback_rows_missing,
    classes_without_bounds,
)
