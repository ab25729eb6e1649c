"""The dashboard's only reading: one cached pass over a workspace for each company, or the group, looked at.

    screen = screen()              # of the workspace in WA_HOME, else ./wa-home
    seen = screen.seen("celtair")

Nothing else in this package opens a workspace or touches its database, and nothing here writes. What
is kept in the cache holds until a refresh or a check run ends, an entry of our own (a hold, a decision,
a verification) comes in, an incident moves or the settings change; a delivery alone draws nothing anew.
The freshness is read at every look.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

import wa_analytics as wa
from dashboard.board import (
    Board,
    Company,
    Tables,
    board,
    companies_of,
    is_kept,
    of_company,
    retention_state,
)
from dashboard.capture import Capture, capture
from dashboard.incident import Incident, incident_lines
from wa_analytics.incidents.lifecycle import Step
from wa_analytics.pipeline.doctor import LastCapture
from wa_analytics.tables.incident import IncidentEvent

Stamp = tuple[Any, ...]


@dataclass(frozen=True)
class Seen:
    """All that the pages draw of one company, or of the group (`board.company` None)."""

    board: Board
    capture: Capture
    incidents: tuple[Incident, ...]
    schedule: pl.DataFrame


@dataclass(frozen=True)
class Screen:
    """What every page starts from. `freshness`: as `Workspace.freshness` gives it, of this moment."""

    companies: tuple[Company, ...]
    freshness: dict[str, Any]
    stamp: Stamp

    @property
    def names(self) -> dict[str, str]:
        """Key of a company → its name."""
        return {company.key: company.name for company in self.companies if company.key}

    def seen(self, company: str | None) -> Seen:
        """What is known of one company; None is the group."""
        return _read(self.stamp, company)


@contextmanager
def _opened() -> Iterator[wa.Workspace]:
    workspace = wa.open()
    try:
        yield workspace
    finally:
        workspace.close()


def screen() -> Screen:
    """The workspace now. Raises WorkbenchError where there is none or its database is away."""
    with _opened() as workspace:
        home = str(workspace.home.resolve())
        known = _last_captures()
        captured = known[home] = workspace.last_capture(known.get(home))
        freshness = workspace.freshness(captured=captured)
        moment = freshness["last_check_as_of"] or freshness["last_capture_at"]
        stamp = (home, captured.capture_id, moment, *_stamp(workspace))
        return Screen(companies_of(workspace.settings), freshness, stamp)


@st.cache_resource(show_spinner=False)
def _last_captures() -> dict[str, LastCapture]:
    """By workspace, so that a look reads the entries since the one before alone."""
    return {}


def _stamp(workspace: wa.Workspace) -> Stamp:
    """Everything but the moment on which the figures depend, in one cheap look."""
    row = workspace.database.frame(
        "SELECT (SELECT check_run_id FROM check_run WHERE finished_at IS NOT NULL "
        "ORDER BY finished_at DESC LIMIT 1) AS check_run_id, "
        "(SELECT max(sequence) FROM entry WHERE kind <> 'capture') AS own, "
        "(SELECT max(sequence) FROM watermark) AS refreshed, "
        "(SELECT count(*) FROM incident_event) AS steps, "
        "(SELECT count(*) + count(withdrawn_at) FROM declared_gap) AS gaps"
    ).row(0)
    settled = [workspace.home / name for name in ("settings.toml", "retention.csv")]
    changed = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in settled)
    return *row, *changed


@st.cache_data(max_entries=16, show_spinner=False)
def _read(stamp: Stamp, company: str | None) -> Seen:
    """The one read: all tables once, then plain frames and dataclasses of the company."""
    with _opened() as workspace:
        judged = workspace.judgement(_as_of(workspace.freshness()))
        settings, frames = judged.settings, judged.frames
        findings = workspace.findings(status=None)
        tables = Tables(
            settings=settings,
            frames=frames,
            messages=frames.messages.collect(),
            consent_events=frames.consent_events.collect(),
            findings=findings,
            check_results=judged.check_results,
            as_of=judged.as_of,
        )
        steps = workspace.table(IncidentEvent).sort("incident_id", "number")
        lines = incident_lines(
            judged.incidents, [Step(**row) for row in steps.to_dicts()], findings, settings
        )
        return Seen(
            board=board(company, judged.overview(workspace.last_seen(), company), tables),
            capture=capture(
                company,
                frames.channel_days.collect(),
                frames,
                workspace.gaps().to_dicts(),
                workspace.proposed_gaps(),
                judged.as_of,
                settings.completeness.settle_hours,
            ),
            incidents=tuple(line for line in lines if company in (None, line.state.entity)),
            schedule=_schedule(workspace),
        )


def _schedule(workspace: wa.Workspace) -> pl.DataFrame:
    """The schedule's rows in the order of the file, with the key of either side."""
    return pl.DataFrame(
        [
            {
                "record_class": row.record_class or "any",
                "entity_kind": row.entity_kind or "any",
                "jurisdiction": row.jurisdiction or "any",
                "authority": row.authority or "policy",
                "floor": row.floor,
                "ceiling": row.ceiling,
                "is_fallback": row.is_fallback,
                "trigger": row.trigger,
                "floor_key": row.key(row.floor),
                "ceiling_key": row.key(row.ceiling),
            }
            for row in workspace.schedule
        ]
    )


# Downloads: made when somebody asks for one, so they are not part of the cached read.


def findings_csv(company: str | None, rules: tuple[str, ...]) -> bytes:
    """Open findings of those rules as CSV: keys and codes, no person."""
    with _opened() as workspace:
        frame = workspace.findings()
    chosen = frame.filter(pl.col("rule").is_in(rules))
    if company is not None:
        chosen = chosen.filter(pl.col("entity") == company)
    return chosen.write_csv().encode()


def retention_csv(company: str | None) -> bytes:
    """Messages overdue, due within 90 days, in conflict or unscheduled as CSV, by our message id."""
    with _opened() as workspace:
        as_of = _as_of(workspace.freshness())
        messages = of_company(workspace.messages, company)
    columns = ("message_id", "entity", "channel_id", "record_class", "sent_at", "retain_until", "dispose_by")
    due = ("overdue", "due in 90 days", "in conflict", "unscheduled")
    stated = messages.filter(pl.col("sent_at") <= as_of, is_kept()).with_columns(retention_state(as_of))
    chosen = stated.filter(pl.col("state").is_in(due))
    ordered = chosen.select("state", *columns, "retain_rule", "dispose_rule").sort("dispose_by", "message_id")
    return ordered.write_csv().encode()


def scorecard_html() -> bytes:
    with _opened() as workspace:
        return workspace.scorecard_html(as_of=_as_of(workspace.freshness())).encode()


def incident_html(incident_id: str) -> bytes:
    with _opened() as workspace:
        return workspace.incident_html(incident_id).encode()


def _as_of(fresh: dict[str, Any]) -> datetime:
    """The moment the screens speak of: the latest check run's; before any, the newest capture's."""
    found: datetime = fresh["last_check_as_of"] or fresh["last_capture_at"] or wa.now()
    return found
