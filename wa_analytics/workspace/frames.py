"""The tables as analysts read them: keyed digests only, documented columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wa_analytics import tables as t
from wa_analytics.errors import InputRefused
from wa_analytics.workspace.opened import Opened

if TYPE_CHECKING:
    import polars as pl
    from sqlmodel import SQLModel

    from wa_analytics.completeness.gaps import Gap


class Frames(Opened):
    """Polars frames of a workspace."""

    def table(self, table: type[SQLModel]) -> pl.DataFrame:
        """All rows of a table of `wa_analytics.tables`."""
        return self.database.table(table)

    @property
    def messages(self) -> pl.DataFrame:
        """One row per message; columns as in `tables.Message`."""
        return self.table(t.Message)

    @property
    def consent_events(self) -> pl.DataFrame:
        """One row per consent event; columns as in `tables.ConsentEvent`."""
        return self.table(t.ConsentEvent)

    @property
    def parties(self) -> pl.DataFrame:
        """One row per outside identifier with its party; columns as in `tables.Identifier`."""
        return self.table(t.Identifier)

    @property
    def templates(self) -> pl.DataFrame:
        """What the platform said of templates; columns as in `tables.TemplateFact`."""
        return self.table(t.TemplateFact)

    @property
    def custodians(self) -> pl.DataFrame:
        """Employees; columns as in `tables.Custodian`, equal rows once."""
        return self.table(t.Custodian).drop("fact_id", "sequence").unique().sort("custodian_id")

    @property
    def channels(self) -> pl.DataFrame:
        """Business numbers seen in evidence; columns as in `tables.Channel`."""
        return self.table(t.Channel)

    @property
    def coverage(self) -> pl.DataFrame:
        """What was captured of each company; columns as in `tables.EntityCoverage`."""
        return self.table(t.EntityCoverage)

    def findings(self, rule: str | None = None, status: str | None = "open") -> pl.DataFrame:
        """Findings, newest subject first; `rule` may be a subject (`consent`) or a key
        (`consent.withdrawn`). status: open, resolved, or None for both. Raises InputRefused for a
        rule that nobody knows: a misspelt one has no findings, which would look like good news."""
        if rule:
            self._require_rule(rule)
        conditions: list[str] = []
        params: dict[str, Any] = {}
        if rule:
            conditions.append("(rule = :rule OR rule LIKE :subject)")
            params |= {"rule": rule, "subject": f"{rule}.%"}
        if status:
            conditions.append("status_code = :status")
            params["status"] = status
        frame = self.database.table(t.Finding, " AND ".join(conditions), **params)
        return frame.sort("occurred_at", "finding_id", descending=[True, False], nulls_last=True)

    def _require_rule(self, rule: str) -> None:
        from wa_analytics.incidents.detect import TITLES

        checked = self.database.frame(
            "SELECT check_key FROM check_result UNION SELECT rule AS check_key FROM finding"
        )["check_key"]
        known = {*TITLES, *checked}
        subjects = sorted({each.partition(".")[0] for each in known})
        if rule in known or rule in subjects:
            return
        subject = rule.partition(".")[0]
        near = sorted(each for each in known if each.startswith(f"{subject}.")) or subjects
        raise InputRefused(f"There is no rule or subject {rule!r}; choose from {', '.join(near)}.")

    def gaps(self, *, is_every: bool = False) -> pl.DataFrame:
        """Declared gaps in force, or withdrawn ones too; columns of `declared_gap`."""
        from wa_analytics.pipeline.gaps import gaps

        return gaps(self.database, is_every=is_every)

    def proposed_gaps(self) -> list[Gap]:
        """Stretches that open findings show and that a person could declare; see `wa gaps`."""
        from wa_analytics.pipeline.gaps import proposed

        return proposed(self.database)
