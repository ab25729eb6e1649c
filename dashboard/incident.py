"""Incidents as the screen lists them: the recorded state, its history, and what its clocks need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from wa_analytics.incidents.deadlines import Clock, clocks
from wa_analytics.incidents.lifecycle import IncidentState, Step
from wa_analytics.reports.decision import NO_OWNER
from wa_analytics.settings import Settings


@dataclass(frozen=True)
class Incident:
    """One incident with its history, and what its clocks need beside it."""

    state: IncidentState
    steps: tuple[Step, ...]
    company: str
    owner: str
    time_zone: str
    jurisdiction: str
    affected: tuple[str, ...]

    def clocks(self, at: datetime) -> list[Clock]:
        """Policy first, then the legal ones that may concern it."""
        return clocks(
            self.state,
            at,
            jurisdiction=self.jurisdiction,
            affected=self.affected,
            time_zone=self.time_zone or None,
        )


def incident_lines(
    states: Sequence[IncidentState], steps: Sequence[Step], findings: pl.DataFrame, settings: Settings
) -> tuple[Incident, ...]:
    """Every incident: breaches first, then open before closed, then worst first."""
    seen = (
        findings.filter(pl.col("status_code") == "open")
        .group_by("rule", "entity")
        .agg(pl.col("country_code").drop_nulls().unique().sort())
        .to_dicts()
    )
    countries = {(row["rule"], row["entity"]): tuple(row["country_code"]) for row in seen}
    order = ("critical", "high", "medium", "low")
    lines = []
    for state in states:
        company = settings.entity_by_key(state.entity or "")
        lines.append(
            Incident(
                state=state,
                steps=tuple(step for step in steps if step.incident_id == state.incident_id),
                company=(company.name or company.key) if company else "no company",
                owner=state.owner or (company.owner if company else "") or NO_OWNER,
                time_zone=company.time_zone if company else "UTC",
                jurisdiction=company.jurisdiction if company else "",
                affected=countries.get((state.rule, state.entity), ()),
            )
        )
    return tuple(
        sorted(
            lines,
            key=lambda line: (
                line.state.status_code == "closed",
                line.state.kind_code != "personal_data_breach",
                order.index(line.state.severity_code),
                -line.state.finding_count,
                line.state.incident_id,
            ),
        )
    )
