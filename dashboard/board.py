"""From tables to what the pages draw: pure, frames in, small frames and plain lines out.

Everything is bounded by `as_of`, the moment of the latest check run, so that counts on the screen are
those of its findings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from wa_analytics.controls.control import Outcome
from wa_analytics.incidents.detect import TITLES
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.reports.checklist import QUESTIONS
from wa_analytics.reports.overview import Overview
from wa_analytics.settings import Settings

DIMENSIONS = ("entity", "purpose", "country", "template")
HORIZON = timedelta(days=90)
WEEK = timedelta(days=7)
SINCE = timedelta(weeks=26)
RETENTION_STATES = (
    "overdue", "due in 90 days", "due later", "no end date", "under legal hold", "in conflict", "unscheduled",
)  # fmt: skip
OPT_OUT_SOURCES = {
    "register": "consent register",
    "opt_out_word": "opt-out word in a message",
    "preference": "stop button in WhatsApp",
    "platform_error": "told by the platform",
    "suppression": "kept after an erasure",
}


@dataclass(frozen=True)
class Company:
    """One choice of the filter; `key` None is the whole group."""

    key: str | None
    name: str
    owner: str = ""


@dataclass(frozen=True)
class RuleLine:
    """One rule as the pages list it. `reason` says why it was not evaluated; `severity` is empty
    while no run has told it."""

    rule: str
    title: str
    severity: str
    outcome: Outcome
    open_count: int
    recent_count: int
    reason: str


@dataclass(frozen=True)
class Board:
    """What is drawn of one company, or of the group (`company` None).

    coverage: dimension → `group, numerator, denominator, ratio`.
    sends: `week, state, sends`; opt_outs: `week, source, events` (of the last 26 weeks).
    classes: `entity, record_class, state, messages`; due: `month, state, messages`.
    bound: `rule, messages` held under each side of the schedule's rows.
    """

    company: str | None
    overview: Overview
    coverage: dict[str, pl.DataFrame]
    sends: pl.DataFrame
    opt_outs: pl.DataFrame
    capture_rules: tuple[RuleLine, ...]
    consent_rules: tuple[RuleLine, ...]
    classes: pl.DataFrame
    due: pl.DataFrame
    bound: pl.DataFrame
    retention_rules: tuple[RuleLine, ...]

    def retention_count(self, state: str) -> int:
        return int(self.classes.filter(pl.col("state") == state)["messages"].sum())


@dataclass(frozen=True)
class Tables:
    """Everything the boards are made from, read once."""

    settings: Settings
    frames: MetricFrames
    messages: pl.DataFrame
    consent_events: pl.DataFrame
    findings: pl.DataFrame
    check_results: Sequence[Mapping[str, object]]
    as_of: datetime


def companies_of(settings: Settings) -> tuple[Company, ...]:
    """The choices of the filter: the group first where there is more than one company."""
    each = tuple(Company(entity.key, entity.name or entity.key, entity.owner) for entity in settings.entities)
    return (Company(None, "Whole group"), *each) if len(each) > 1 else each


def board(company: str | None, overview: Overview, tables: Tables) -> Board:
    """The board of one company."""
    held = of_company(tables.messages, company).filter(pl.col("sent_at") <= tables.as_of)
    told = of_company(tables.consent_events, company, or_any=True).filter(
        pl.col("occurred_at") <= tables.as_of
    )
    zone = overview.time_zone
    frames = tables.frames.of_entity(company) if company else tables.frames
    stated = held.with_columns(retention_state(tables.as_of))
    return Board(
        company=company,
        overview=overview,
        coverage={name: _coverage(frames, tables.as_of, name) for name in DIMENSIONS},
        sends=_sends(held, tables.as_of, zone),
        opt_outs=_opt_outs(told, tables.as_of, zone),
        capture_rules=_rules(0, company, overview, tables),
        consent_rules=_rules(1, company, overview, tables),
        classes=stated.filter(is_kept())
        .group_by(pl.col("entity").fill_null("not known"), "record_class", "state")
        .agg(pl.len().alias("messages"))
        .sort("entity", "record_class", "state"),
        due=_due(stated, zone),
        bound=_bound(stated),
        retention_rules=_rules(2, company, overview, tables),
    )


def of_company(frame: pl.DataFrame, company: str | None, *, or_any: bool = False) -> pl.DataFrame:
    """Rows of the company; `or_any`: consent events given to no named business, too."""
    if company is None:
        return frame
    is_own = pl.col("entity") == company
    return frame.filter(is_own | pl.col("is_any_entity") if or_any else is_own)


def retention_state(as_of: datetime) -> pl.Expr:
    """Column `state`, one of RETENTION_STATES, of messages at that moment."""
    ends = pl.col("dispose_by")
    return (
        pl.when(pl.col("retention_code") == "conflict")
        .then(pl.lit("in conflict"))
        .when(pl.col("retention_code") == "unscheduled")
        .then(pl.lit("unscheduled"))
        .when(pl.col("retention_code") == "held")
        .then(pl.lit("under legal hold"))
        .when(ends.is_null())
        .then(pl.lit("no end date"))
        .when(ends <= as_of)
        .then(pl.lit("overdue"))
        .when(ends <= as_of + HORIZON)
        .then(pl.lit("due in 90 days"))
        .otherwise(pl.lit("due later"))
        .alias("state")
    )


def is_kept() -> pl.Expr:
    """What the retention page counts: contents held, and whatever no rule covers."""
    return pl.col("has_body") | (pl.col("retention_code") == "unscheduled")


def _coverage(frames: MetricFrames, as_of: datetime, dimension: str) -> pl.DataFrame:
    rows = METRICS["consent_coverage"].compute(frames, as_of, (dimension,))
    return rows.filter(pl.col("denominator") > 0).select(
        pl.col(dimension).fill_null("not known").alias("group"), "numerator", "denominator", "ratio"
    )


def _week(column: str, zone: str) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(zone).dt.truncate("1w").dt.date().alias("week")


def _sends(messages: pl.DataFrame, as_of: datetime, zone: str) -> pl.DataFrame:
    judged = messages.filter(
        pl.col("direction_code") == "outbound",
        ~pl.col("consent_code").is_in(["not_judged"]),
        pl.col("sent_at") > as_of - SINCE,
    )
    return (
        judged.group_by(_week("sent_at", zone), pl.col("consent_code").alias("state"))
        .agg(pl.len().alias("sends"))
        .sort("week", "state")
    )


def _opt_outs(events: pl.DataFrame, as_of: datetime, zone: str) -> pl.DataFrame:
    away = events.filter(
        pl.col("action_code").is_in(["withdrawn", "refused", "stop"]), pl.col("occurred_at") > as_of - SINCE
    )
    return (
        away.group_by(
            _week("occurred_at", zone), pl.col("source_code").replace(OPT_OUT_SOURCES).alias("source")
        )
        # One "no" may be recorded for several purposes and identifiers.
        .agg(pl.struct("party_id", "entity", "occurred_at").n_unique().alias("events"))
        .sort("week", "source")
    )


def _due(stated: pl.DataFrame, zone: str) -> pl.DataFrame:
    ending = stated.filter(pl.col("has_body"), pl.col("state").is_in(list(RETENTION_STATES[:3])))
    month = pl.col("dispose_by").dt.convert_time_zone(zone).dt.truncate("1mo").dt.date().alias("month")
    return ending.group_by(month, "state").agg(pl.len().alias("messages")).sort("month", "state")


def _bound(stated: pl.DataFrame) -> pl.DataFrame:
    sides = [
        stated.filter(pl.col("has_body")).select(pl.col(name).alias("rule"))
        for name in ("retain_rule", "dispose_rule")
    ]
    return pl.concat(sides).drop_nulls().group_by("rule").agg(pl.len().alias("messages")).sort("rule")


def _rules(question: int, company: str | None, overview: Overview, tables: Tables) -> tuple[RuleLine, ...]:
    """The rules of one question of the checklist, worst and most frequent first."""
    asked = QUESTIONS[question]
    results = {str(row["check_key"]): row for row in tables.check_results}
    still = of_company(tables.findings, company).filter(pl.col("status_code") == "open")
    moment = pl.min_horizontal("occurred_at", "first_seen_at", "last_seen_at")
    counted = {
        row["rule"]: row
        for row in still.filter(moment <= tables.as_of)
        .group_by("rule")
        .agg(
            pl.len().alias("open"),
            (moment > tables.as_of - WEEK).sum().alias("recent"),
            pl.col("severity_code").first(),
        )
        .to_dicts()
    }
    denominators = {found.metric: found.denominator for found in overview.figures}
    has_nothing = bool(asked.guard) and not denominators.get(asked.guard)
    lines = [
        _rule(rule, results.get(rule), counted.get(rule), has_nothing, asked.nothing) for rule in asked.checks
    ]
    order = ("critical", "high", "medium", "low", "")
    return tuple(sorted(lines, key=lambda line: (order.index(line.severity), -line.open_count, line.rule)))


def _rule(
    rule: str,
    result: Mapping[str, object] | None,
    found: Mapping[str, object] | None,
    has_nothing: bool,
    nothing: str,
) -> RuleLine:
    open_count = int(str(found["open"])) if found else 0
    outcome: Outcome = "fail" if open_count else "pass"
    reason = ""
    if not open_count:
        if result is None:
            outcome, reason = "not_evaluated", "the check has not run"
        elif result["outcome_code"] not in ("pass", "fail"):
            outcome, reason = "not_evaluated", str(result["reason"] or "the check could not run")
        elif has_nothing:
            outcome, reason = "not_evaluated", nothing
    severity = found["severity_code"] if found else result["severity_code"] if result else ""
    return RuleLine(
        rule=rule,
        title=TITLES.get(rule, rule),
        severity=str(severity),
        outcome=outcome,
        open_count=open_count,
        recent_count=int(str(found["recent"])) if found else 0,
        reason=reason,
    )
