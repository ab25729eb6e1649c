"""State → figures, verdicts, incidents, reports: reads the tables and hands frames to pure rooms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.controls.assess import assess
from wa_analytics.controls.control import Verdict
from wa_analytics.errors import InputRefused
from wa_analytics.incidents.detect import detected
from wa_analytics.incidents.lifecycle import Change, IncidentState, Step
from wa_analytics.metrics.catalogue import METRICS, metric_named
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.reports.metric_table import MetricTable
from wa_analytics.reports.overview import Freshness, Overview, overview
from wa_analytics.reports.wording import moment
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.retention.schedule import ScheduleRow

Interval = Literal["day", "week", "month"]


class Judgement:
    """What the state says at `as_of`; frames are read once."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        schedule: Sequence[ScheduleRow],
        as_of: datetime,
    ) -> None:
        self.database = database
        self.settings = settings
        self.schedule = schedule
        self.as_of = as_of

    @cached_property
    def frames(self) -> MetricFrames:
        """Everything metrics and controls are computed from, read once."""
        messages = self.database.table(t.Message)
        disposed = self.database.table(t.DisposedMessage, columns=("message_id",)).with_columns(has_body=True)
        # An edit or a revocation is a message with an id of its own.
        changes = self.database.frame("SELECT version_digest AS message_id FROM message_version")
        changes = changes.with_columns(has_body=True)
        custodians = self.database.table(t.Custodian).drop("fact_id", "sequence").unique()
        return MetricFrames(
            messages=messages.lazy(),
            consent_events=self.database.table(t.ConsentEvent).lazy(),
            custodians=custodians.lazy(),
            findings=self.database.table(t.Finding).lazy() if self.check_run else None,
            zones={entity.key: entity.time_zone for entity in self.settings.entities},
            settle_hours=self.settings.completeness.settle_hours,
            channel_days=self.database.table(t.ChannelDay).lazy(),
            platform_messages=self._told(t.PlatformMessage),
            media=self._told(t.MediaFact),
            versions=self._told(t.MessageVersion),
            known=pl.concat([messages.select("message_id", "has_body"), disposed, changes]).lazy(),
            disposals=self._disposals(),
            verify_runs=self.database.table(t.VerifyRun, columns=("started_at", "outcome_code")).lazy(),
        )

    def _disposals(self) -> pl.LazyFrame:
        owners = {channel: entity.key for entity in self.settings.entities for channel in entity.channels}
        otherwise = self.settings.entities[0].key if self.settings.has_default_entity else None
        return (
            self.database.frame(
                "SELECT channel_id, disposed_at, retain_until, EXISTS (SELECT 1 FROM erasure_decision d "
                "WHERE d.subject_code = 'message' AND d.subject_id = message_id "
                "AND d.decision_code = 'erase') AS is_erasure FROM disposed_message"
            )
            .with_columns(
                entity=pl.col("channel_id").replace_strict(owners, default=otherwise, return_dtype=pl.String),
                is_erasure=pl.col("is_erasure").cast(pl.Boolean),
            )
            .lazy()
        )

    def _told(self, table: type[SQLModel]) -> pl.LazyFrame:
        """A fact table without what tells its captures apart."""
        return self.database.table(table).drop("fact_id", "sequence").unique().lazy()

    @cached_property
    def check_run(self) -> dict[str, Any] | None:
        """The latest check run, or None."""
        return latest_check_run(self.database)

    @cached_property
    def check_results(self) -> list[dict[str, Any]]:
        """Rows of the latest check run; none where no check ever ran."""
        if self.check_run is None:
            return []
        return self.database.table(
            t.CheckResult, "check_run_id = :id", id=self.check_run["check_run_id"]
        ).to_dicts()

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Each control on each company it binds."""
        return assess(self.frames, self.settings, self.schedule, self.check_results, self.as_of)

    @cached_property
    def incidents(self) -> list[IncidentState]:
        """As recorded, oldest first."""
        return incident_states(self.database)

    def metrics(
        self, names: Sequence[str], by: Sequence[str] = (), interval: Interval | None = None
    ) -> list[MetricTable]:
        """Tables of the named metrics, or of all."""
        chosen = [metric_named(name) for name in names] or list(METRICS.values())
        return [
            MetricTable(metric, metric.compute(self.frames, self.as_of, tuple(by), interval))
            for metric in chosen
        ]

    def overview(self, freshness: Freshness, entity: str | None = None) -> Overview:
        """What scorecard and dashboard show of one company or of the group."""
        if entity is not None and self.settings.entity_by_key(entity) is None:
            known = ", ".join(company.key for company in self.settings.entities)
            raise InputRefused(f"There is no company {entity!r} in settings.toml; choose one of {known}.")
        return overview(
            self.frames,
            self.settings,
            self.verdicts,
            self.incidents,
            self.check_results,
            freshness,
            self.as_of,
            entity,
        )

    def scorecard_html(self, freshness: Freshness) -> str:
        """The scorecard of the group as one self-contained page."""
        from wa_analytics.reports.scorecard import scorecard

        return scorecard(self.overview(freshness), self.companies(freshness))

    def companies(self, freshness: Freshness) -> list[Overview]:
        """One overview a company; none where the settings name no company."""
        if self.settings.has_default_entity:
            return []
        return [self.overview(freshness, company.key) for company in self.settings.entities]

    def controls_html(self, freshness: Freshness) -> str:
        """Every control's verdict and evidence as one self-contained page."""
        from wa_analytics.reports.controls_report import controls_report

        names = {entity.key: entity.name or entity.key for entity in self.settings.entities}
        return controls_report(self.verdicts, names, freshness, self.as_of)

    def incident_html(self, incident_id: str) -> str:
        """One incident's report as one self-contained page. Raises InputRefused."""
        from wa_analytics.reports.incident_report import incident_report

        state = incident_named(self.incidents, incident_id)
        return incident_report(
            state,
            incident_steps(self.database, incident_id),
            self.database.table(t.Finding),
            self.frames,
            self.verdicts,
            self.settings,
            self.as_of,
            proof=_last_proof(self.database),
            declared=self.database.table(t.DeclaredGap, "withdrawn_at IS NULL").sort("gap_id").to_dicts(),
        )


def _last_proof(database: Database) -> str:
    """What the last `wa verify` said, in words for people; empty if there was none."""
    runs = database.table(t.VerifyRun).sort("finished_at")
    if runs.is_empty():
        return ""
    run = runs.row(-1, named=True)
    words = {
        "pass": "the log was proven unaltered",
        "fail": f"THE LOG COULD NOT BE PROVEN, {run['finding_count']:,} findings of evidence.broken",
        "not_evaluated": "not evaluated, no checkpoint stood",
    }
    return (
        f"{words[run['outcome_code']]}: {run['entry_count']:,} entries read on {moment(run['finished_at'])}"
    )


def latest_check_run(database: Database) -> dict[str, Any] | None:
    """The check run that finished last, or None."""
    runs = database.frame(
        "SELECT * FROM check_run WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1"
    )
    return runs.row(0, named=True) if runs.height else None


def incident_states(database: Database) -> list[IncidentState]:
    """Every recorded incident, oldest first."""
    steps = dict(
        database.frame(
            "SELECT incident_id, max(number) AS number FROM incident_event GROUP BY incident_id"
        ).rows()
    )
    rows = database.table(t.Incident).sort("incident_id")
    return [IncidentState.of(row, steps.get(row["incident_id"], 0)) for row in rows.iter_rows(named=True)]


def incident_steps(database: Database, incident_id: str) -> list[Step]:
    """What was done about an incident, in order."""
    rows = database.table(t.IncidentEvent, "incident_id = :id", id=incident_id).sort("number")
    return [Step(**row) for row in rows.iter_rows(named=True)]


def incident_named(states: Iterable[IncidentState], incident_id: str) -> IncidentState:
    """The incident of that id. Raises InputRefused."""
    for state in states:
        if state.incident_id == incident_id:
            return state
    raise InputRefused(f"There is no incident {incident_id!r}; `wa incidents list` shows them.")


def recorded(database: Database, changes: Sequence[Change]) -> None:
    """Write incidents as they now stand and what was done."""
    with database.session() as session:
        for state, step in changes:
            session.merge(t.Incident(**state.row()))
            session.add(t.IncidentEvent(**step.row()))


def incidents_followed(database: Database, settings: Settings, at: datetime, actor: str) -> list[Change]:
    """Open and update incidents from the findings as they stand; returns what changed."""
    changes = detected(
        database.table(t.Finding),
        incident_states(database),
        at,
        actor=actor,
        entity_names={company.key: company.name or company.key for company in settings.entities},
        owners={company.key: company.owner for company in settings.entities},
    )
    recorded(database, changes)
    return changes


def incident_frame(database: Database, status: str | None = None) -> pl.DataFrame:
    """Incidents as a frame, the severest first."""
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3}
    frame = database.table(t.Incident)
    if status:
        frame = frame.filter(pl.col("status_code") == status)
    return frame.sort(pl.col("severity_code").replace_strict(order, default=9), "incident_id")
