"""One company, or the group, at a moment: what scorecard and dashboard both show.

Pure: frames, verdicts and incidents in, a plain structure out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from wa_analytics.controls.control import Verdict
from wa_analytics.incidents.lifecycle import IncidentState
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.frames import MetricFrames, collected, row_counts
from wa_analytics.metrics.metric import Metric
from wa_analytics.reports.checklist import QUESTIONS, ChecklistLine, answered, executed_checks
from wa_analytics.reports.decision import Decision, decisions
from wa_analytics.reports.wording import NOT_EVALUATED, figure, moment
from wa_analytics.settings import Settings

WEEK = timedelta(days=7)
TREND_WEEKS = 26
#: in the order in which people read them
HEADLINE = (
    "consent_coverage",
    "sends_after_withdrawal",
    "window_breaches_attempted",
    "window_breaches_delivered",
    "opt_out_share",
    "body_capture_coverage",
    "delivery_failure_rate",
    "retention_overdue",
    "retention_due_90_days",
    "open_findings",
)


@dataclass(frozen=True)
class Figure:
    """One metric: to date, and how it moved since last week.

    `recent` and `before` are the last seven days and the seven before; for a stock (`is_stock`: overdue,
    open findings) they are now and a week ago, and their texts say so. `is_better` is None
    where either is unknown or they are equal; `change_text` says it in words.
    """

    metric: str
    title: str
    unit: str
    numerator: int | None
    denominator: int | None
    ratio: float | None
    text: str
    recent_text: str
    before_text: str
    change_text: str
    is_better: bool | None
    is_stock: bool


@dataclass(frozen=True)
class Freshness:
    """How old the answers are: last capture, last check run, how often one is expected."""

    last_capture_at: datetime | None
    last_check_at: datetime | None
    interval_hours: int = 24

    def is_check_overdue(self, as_of: datetime) -> bool:
        """Whether no check ran within the expected interval before `as_of`."""
        if self.last_check_at is None:
            return True
        return as_of - self.last_check_at > timedelta(hours=self.interval_hours)

    def sentence(self, as_of: datetime, time_zone: str = "UTC") -> str:
        text = f"last capture {moment(self.last_capture_at, time_zone)}"
        text += f" · last check {moment(self.last_check_at, time_zone)}"
        return f"{text} · check overdue" if self.is_check_overdue(as_of) else text


@dataclass(frozen=True)
class Overview:
    """Everything the first screen says of one company (`entity`) or, with None, of the group.

    `trend`: rows of the ratio metrics by ISO week for the last 26 whole or begun weeks, as
    `Metric.compute` gives them.
    """

    entity: str | None
    title: str
    as_of: datetime
    time_zone: str
    checklist: tuple[ChecklistLine, ...]
    figures: tuple[Figure, ...]
    trend: pl.DataFrame
    decisions: tuple[Decision, ...]
    freshness: Freshness
    verdicts: tuple[Verdict, ...]
    open_incidents: tuple[IncidentState, ...]

    def figure(self, metric: str) -> Figure:
        """One of the figures by the metric's name."""
        return next(found for found in self.figures if found.metric == metric)

    @property
    def verdict_counts(self) -> dict[str, int]:
        """How many controls are effective, deficient, not evaluated."""
        counts = {"effective": 0, "deficient": 0, "not_evaluated": 0}
        for verdict in self.verdicts:
            counts[verdict.verdict] += 1
        return counts


def overview(
    frames: MetricFrames,
    settings: Settings,
    verdicts: Sequence[Verdict],
    incidents: Iterable[IncidentState],
    check_results: Sequence[Mapping[str, Any]],
    freshness: Freshness,
    as_of: datetime,
    entity: str | None = None,
) -> Overview:
    """The overview of one company or of the group.

    `check_results`: rows of the latest check run. `frames`: of the whole group, with their zones.
    """
    company = settings.entity_by_key(entity) if entity else None
    own = frames.of_entity(entity) if entity else frames
    if entity is not None:
        own = _in_zone(own, entity)
    figures = tuple(_figure(METRICS[name], own, as_of) for name in HEADLINE)
    by_name = {found.metric: found for found in figures}
    rules = _open_by_rule(own, as_of)
    unjudged = _unjudged(own, as_of)
    ran = executed_checks(check_results)
    lines = tuple(
        answered(
            question,
            rules,
            ran,
            {name: found.denominator for name, found in by_name.items()},
            unjudged.get(question.key, 0),
            tuple((by_name[name].title, by_name[name].text) for name in question.metrics),
        )
        for question in QUESTIONS
    )
    states = list(incidents)
    zones = {each.time_zone for each in settings.entities}
    group_zone = zones.pop() if len(zones) == 1 else "UTC"
    return Overview(
        entity=entity,
        title=(company.name or company.key) if company else entity or _group_title(settings),
        as_of=as_of,
        time_zone=company.time_zone if company else group_zone,
        checklist=lines,
        figures=figures,
        trend=_trend(own, as_of),
        decisions=decisions(states, verdicts, settings, as_of, entity),
        freshness=freshness,
        verdicts=tuple(verdict for verdict in verdicts if entity in (None, verdict.entity)),
        open_incidents=tuple(
            state for state in states if state.status_code != "closed" and entity in (None, state.entity)
        ),
    )


def _group_title(settings: Settings) -> str:
    if len(settings.entities) == 1:
        return settings.entities[0].name or settings.entities[0].key
    return f"Group of {len(settings.entities)} companies"


def _in_zone(frames: MetricFrames, entity: str) -> MetricFrames:
    """Frames of one company know only its zone, so that weeks are its own."""
    zone = frames.zones.get(entity)
    return replace(frames, zones={entity: zone} if zone else {})


def _figure(metric: Metric, frames: MetricFrames, as_of: datetime) -> Figure:
    now = metric.compute(frames, as_of).to_dicts()[0]
    if metric.is_stock:
        recent, before = now, metric.compute(frames, as_of - WEEK).to_dicts()[0]
    else:
        recent = metric.compute(frames.since(as_of - WEEK), as_of).to_dicts()[0]
        before = metric.compute(frames.since(as_of - 2 * WEEK), as_of - WEEK).to_dicts()[0]
    change_text, is_better = _change(metric, recent, before)
    return Figure(
        metric=metric.name,
        title=metric.title,
        unit=metric.unit,
        numerator=now["numerator"],
        denominator=now["denominator"],
        ratio=now["ratio"],
        text=_text(metric, now),
        recent_text=_at(metric, recent, "now"),
        before_text=_at(metric, before, "a week ago"),
        change_text=change_text,
        is_better=is_better,
        is_stock=metric.is_stock,
    )


def _text(metric: Metric, row: Mapping[str, Any]) -> str:
    return figure(metric.unit, row["numerator"], row["denominator"], row["ratio"])


def _at(metric: Metric, row: Mapping[str, Any], when: str) -> str:
    """The value of an interval; a stock's with the moment it stands for."""
    text = _text(metric, row)
    return f"{text} {when}" if metric.is_stock and text != NOT_EVALUATED else text


def _change(metric: Metric, recent: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[str, bool | None]:
    """The movement between two weeks in words, and whether it is for the better."""
    name = "numerator" if metric.unit == "count" else "ratio"
    if recent[name] is None or before[name] is None or 0 in (recent["denominator"], before["denominator"]):
        return "no comparison", None
    moved = recent[name] - before[name]
    if not moved:
        return "unchanged", None
    is_better = (moved > 0) == (metric.direction == "higher")
    if metric.unit == "count":
        amount = f"{moved:+,d}"
    elif metric.unit == "per_10k":
        amount = f"{moved * 10_000:+,.1f}"
    else:
        amount = f"{moved * 100:+.1f} points"
    return f"{amount.replace('-', '−')}, {'better' if is_better else 'worse'}", is_better


def _open_by_rule(frames: MetricFrames, as_of: datetime) -> dict[str, int] | None:
    """rule → open findings of what happened by then; None where no check ever ran."""
    if frames.findings is None:
        return None
    counted = collected(frames.open_findings(as_of).group_by("rule").agg(findings=nw.len()))
    return dict(counted.select("rule", "findings").rows())


def _unjudged(frames: MetricFrames, as_of: datetime) -> dict[str, int]:
    """Checklist line → messages that its rules could not judge."""
    return row_counts(
        frames.lazy("messages").filter(nw.col("sent_at") <= as_of),
        consent=(nw.col("consent_code") == "not_evaluated") | (nw.col("window_code") == "not_evaluated"),
        security_retention=nw.col("retention_code") == "conflict",
    )


def _trend(frames: MetricFrames, as_of: datetime) -> pl.DataFrame:
    recent = frames.since(as_of - TREND_WEEKS * WEEK)
    names = (
        "consent_coverage",
        "sends_after_withdrawal",
        "window_breaches_attempted",
        "body_capture_coverage",
    )
    return pl.concat([METRICS[name].compute(recent, as_of, (), "week") for name in names])
