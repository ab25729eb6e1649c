"""What the completeness page draws of one company: days, figures, rules, declared and proposed gaps.

Pure: frames in, small frames and plain lines out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from wa_analytics.completeness.gaps import SUBJECTS, Gap
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.reports.wording import figure, whole

SINCE = timedelta(weeks=26)
MOST_NUMBERS = 24
#: state of a number's day, the one that matters most first
DAY_STATES = ("declared gap", "silent", "fewer than sent", "agrees with the platform", "not reconciled")
FIGURES = ("capture_completeness", "volume_gap", "silence_days", "media_capture", "version_fidelity")
OF = {
    "capture_completeness": "messages in the platform's history",
    "volume_gap": "messages sent, by the platform's count",
    "silence_days": "days of a number that could be judged",
    "media_capture": "media files announced and due",
    "version_fidelity": "messages edited or revoked",
}


@dataclass(frozen=True)
class CaptureFigure:
    """One metric as its card shows it; is_bad: something is lacking."""

    title: str
    text: str
    note: str
    is_bad: bool


@dataclass(frozen=True)
class Capture:
    """days: `channel_id, entity, day_on, state, inbound_count, outbound_count, platform_sent_count,
    expected_count` of the last 26 weeks; totals: `day_on, source, messages`; gaps: rows of declared_gap;
    proposals: what could be declared."""

    days: pl.DataFrame
    totals: pl.DataFrame
    figures: tuple[CaptureFigure, ...]
    gaps: tuple[Mapping[str, Any], ...]
    proposals: tuple[Gap, ...]


def capture(
    company: str | None,
    days: pl.DataFrame,
    frames: MetricFrames,
    gaps: Sequence[Mapping[str, Any]],
    proposals: Sequence[Gap],
    as_of: datetime,
    settle_hours: int,
) -> Capture:
    """The capture of one company, or of the group (None)."""
    own_frames = frames.of_entity(company) if company else frames
    own_gaps = tuple(row for row in gaps if company is None or row["entity"] in (None, company))
    recent = days.filter(pl.col("day_to") <= as_of, pl.col("day_from") > as_of - SINCE)
    if company is not None:
        recent = recent.filter(pl.col("entity") == company)
    stated = _stated(recent, own_gaps, as_of - timedelta(hours=settle_hours))
    return Capture(
        days=_chosen(stated),
        totals=_totals(recent),
        figures=tuple(_figure(name, own_frames, as_of) for name in FIGURES),
        gaps=own_gaps,
        proposals=tuple(one for one in proposals if company in (None, one.entity)),
    )


def _stated(days: pl.DataFrame, gaps: Sequence[Mapping[str, Any]], settled: datetime) -> pl.DataFrame:
    """Adds `state`, one of DAY_STATES; a gap of something else hides no silent or lacking day."""
    told = pl.col("platform_sent_count").is_not_null() & (pl.col("platform_observed_at") >= pl.col("day_to"))
    is_final = told & (pl.col("day_to") <= settled)
    lacking = pl.col("platform_sent_count") > pl.col("outbound_count") + pl.col("edge_count")
    state = (
        pl.when(pl.col("is_silent").fill_null(False) & ~_declared(gaps, "capture.silence"))
        .then(pl.lit(DAY_STATES[1]))
        .when((is_final & lacking).fill_null(False) & ~_declared(gaps, "capture.volume_gap"))
        .then(pl.lit(DAY_STATES[2]))
        .when(_declared(gaps))
        .then(pl.lit(DAY_STATES[0]))
        .when(is_final.fill_null(False))
        .then(pl.lit(DAY_STATES[3]))
        .otherwise(pl.lit(DAY_STATES[4]))
    )
    return days.with_columns(state=state)


def _declared(gaps: Sequence[Mapping[str, Any]], rule: str = "") -> pl.Expr:
    """Whether a declared gap touches the day: any, or one that takes out the rule's findings."""
    declared: pl.Expr = pl.lit(False)
    for gap in gaps:
        subject = gap["subject_code"]
        if gap["withdrawn_at"] is not None or not (
            rule in ("", *SUBJECTS[subject].rules) or subject == "everything"
        ):
            continue
        touches = pl.col("day_to") > gap["gap_from"]
        if gap["gap_to"] is not None:
            touches &= pl.col("day_from") < gap["gap_to"]
        for name in ("entity", "channel_id"):
            if gap[name] is not None:
                touches &= (pl.col(name) == gap[name]).fill_null(False)
        declared |= touches
    return declared


def _chosen(days: pl.DataFrame) -> pl.DataFrame:
    """The numbers in most trouble first; the rest of very many is left out."""
    trouble = pl.col("state").is_in(list(DAY_STATES[:3]))
    ranked = (
        days.group_by("channel_id")
        .agg(
            trouble.sum().alias("trouble"),
            (pl.col("inbound_count") + pl.col("outbound_count")).sum().alias("held"),
        )
        .sort(["trouble", "held", "channel_id"], descending=[True, True, False])
        .head(MOST_NUMBERS)
    )
    columns = (
        "channel_id", "entity", "day_on", "state", "inbound_count", "outbound_count", "platform_sent_count",
        "expected_count",
    )  # fmt: skip
    return days.join(ranked, on="channel_id", how="inner").select(*columns).sort("channel_id", "day_on")


def _totals(days: pl.DataFrame) -> pl.DataFrame:
    """Messages per day, held and by the platform's count, of the days that have both."""
    both = days.filter(pl.col("platform_sent_count").is_not_null())
    summed = both.group_by("day_on").agg(
        pl.col("outbound_count").sum().alias("held in the archive"),
        pl.col("platform_sent_count").sum().alias("sent, by the platform"),
    )
    return summed.unpivot(index="day_on", variable_name="source", value_name="messages").sort(
        "day_on", "source"
    )


def _figure(name: str, frames: MetricFrames, as_of: datetime) -> CaptureFigure:
    metric = METRICS[name]
    (row,) = metric.compute(frames, as_of).to_dicts()
    numerator, denominator = row["numerator"], row["denominator"]
    lacks = numerator if metric.direction == "lower" else (denominator or 0) - (numerator or 0)
    note = f"of {whole(denominator)} {OF[name]}" if denominator else f"no {OF[name]}"
    return CaptureFigure(
        title=metric.title,
        text=figure(metric.unit, numerator, denominator, row["ratio"]),
        note=note,
        is_bad=bool(denominator and lacks),
    )
