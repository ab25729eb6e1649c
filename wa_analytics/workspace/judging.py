"""Figures, verdicts and incidents: what the state says at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wa_analytics.workspace.acting import now
from wa_analytics.workspace.opened import Opened

if TYPE_CHECKING:
    import polars as pl

    from wa_analytics.controls.control import Verdict
    from wa_analytics.pipeline.doctor import LastCapture
    from wa_analytics.pipeline.judgement import Judgement
    from wa_analytics.reports.metric_table import MetricTable
    from wa_analytics.reports.overview import Freshness, Overview


class Judging(Opened):
    """What a workspace's state comes to."""

    def judgement(self, as_of: datetime | None = None) -> Judgement:
        """What the state says at `as_of`; without one, at the latest check run's."""
        from wa_analytics.pipeline.judgement import Judgement, latest_check_run

        if as_of is None:
            run = latest_check_run(self.database)
            as_of = run["as_of"] if run else now()
        return Judgement(self.database, self.settings, self.schedule, as_of)

    def metric(
        self,
        name: str,
        by: Sequence[str] = (),
        *,
        as_of: datetime | None = None,
        interval: Any = None,
    ) -> MetricTable:
        """A metric by dimensions (entity, channel, purpose, country, template, business_unit) and
        interval (day, week, month): `.frame` and `.chart()`. Raises InputRefused."""
        return self.judgement(as_of).metrics([name], by, interval)[0]

    def controls(self, as_of: datetime | None = None) -> list[Verdict]:
        """Each control's verdict on each company it binds."""
        return self.judgement(as_of).verdicts

    def incidents(self, status: str | None = None) -> pl.DataFrame:
        """Recorded incidents, the severest first."""
        from wa_analytics.pipeline.judgement import incident_frame

        return incident_frame(self.database, status)

    def last_capture(self, known: LastCapture | None = None) -> LastCapture:
        """When something was last captured; `known` is what an earlier call gave, and spares its reading."""
        from wa_analytics.pipeline.doctor import last_capture

        return last_capture(self.database, known)

    def freshness(self, at: datetime | None = None, captured: LastCapture | None = None) -> dict[str, Any]:
        """Last capture, last check, and whether a check is overdue at `at`."""
        from wa_analytics.pipeline.doctor import freshness

        return freshness(self.database, self.settings, at or now(), captured)

    def overview(self, entity: str | None = None, as_of: datetime | None = None) -> Overview:
        """What scorecard and dashboard show of one company, or of the group."""
        return self.judgement(as_of).overview(self.last_seen(), entity)

    def scorecard_html(self, as_of: datetime | None = None) -> str:
        """The scorecard as one self-contained page."""
        return self.judgement(as_of).scorecard_html(self.last_seen())

    def controls_html(self, as_of: datetime | None = None) -> str:
        """Every control's verdict and evidence as one self-contained page."""
        return self.judgement(as_of).controls_html(self.last_seen())

    def incident_html(self, incident_id: str, as_of: datetime | None = None) -> str:
        """An incident's report as one self-contained page. Raises InputRefused."""
        return self.judgement(as_of).incident_html(incident_id)

    def last_seen(self) -> Freshness:
        """How old the answers are."""
        from wa_analytics.reports.overview import Freshness

        told = self.freshness()
        return Freshness(told["last_capture_at"], told["last_check_at"], told["check_interval_hours"])
