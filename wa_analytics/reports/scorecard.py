"""The scorecard: how exposed are we, is it getting better, what must be decided today.

One HTML file that prints on two A4 pages, and the same as plain tables for a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wa_analytics.controls.control import Control, Verdict, catalogue
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.reports.overview import Overview
from wa_analytics.reports.wording import LEGAL_FOOTER, VERDICTS, moment

if TYPE_CHECKING:
    from rich.console import Group

SHOWN_INCIDENTS = 6


@dataclass(frozen=True)
class ControlRow:
    """One control and its verdict per company; None where it does not bind the company."""

    control: Control
    verdicts: tuple[Verdict | None, ...]


def control_rows(companies: Sequence[Overview]) -> list[ControlRow]:
    """Controls that bind at least one of the companies, in the order of the catalogue."""
    found = []
    for control in catalogue():
        verdicts = tuple(
            next((verdict for verdict in company.verdicts if verdict.control == control.id), None)
            for company in companies
        )
        if any(verdicts):
            found.append(ControlRow(control, verdicts))
    return found


def scorecard(group: Overview, companies: Sequence[Overview] = ()) -> str:
    """The scorecard as a self-contained HTML document; `companies` default to the group alone."""
    from wa_analytics.reports.charts import svg, trend_chart
    from wa_analytics.reports.page import page

    shown = list(companies) or [group]
    pictures = [
        (METRICS[name], svg(trend_chart(group.trend, METRICS[name], width=420, height=118)))
        for name in ("consent_coverage", "sends_after_withdrawal")
    ]
    return page(
        "scorecard.html",
        title=f"WhatsApp compliance scorecard – {group.title}",
        group=group,
        companies=shown,
        is_group=len(shown) > 1,
        pictures=pictures,
        control_rows=control_rows(shown),
        incidents=_worst_first(group)[:SHOWN_INCIDENTS],
        incident_count=len(group.open_incidents),
        metrics=METRICS,
    )


def _worst_first(group: Overview) -> list[Any]:
    from wa_analytics.incidents.severity import SEVERITIES

    return sorted(
        group.open_incidents,
        key=lambda state: (
            state.kind_code != "personal_data_breach",
            -SEVERITIES.index(state.severity_code),
            -state.finding_count,
            state.incident_id,
        ),
    )


def scorecard_text(group: Overview, companies: Sequence[Overview] = ()) -> Group:
    """The scorecard for a terminal, as one rich renderable for the caller to print."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = list(companies) or [group]
    colours = {
        "pass": "green", "effective": "green", "fail": "red", "deficient": "red", "not_evaluated": "yellow",
    }  # fmt: skip

    def table(title: str, *columns: str) -> Table:
        made = Table(
            title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
        )
        for column in columns:
            made.add_column(column, overflow="fold")
        return made

    head = Text.assemble(
        (f"WhatsApp compliance scorecard – {group.title}\n", "bold"),
        (f"as of {moment(group.as_of, group.time_zone)} · ", "dim"),
        (group.freshness.sentence(group.as_of, group.time_zone), "dim"),
    )
    checklist = table("Founding checklist", "", "company", "outcome", "")
    for company in shown:
        for line in company.checklist:
            checklist.add_row(
                line.title,
                company.title,
                Text(line.label, style=colours[line.outcome]),
                line.sentence,
            )
    figures = table("Figures", "metric", "to date", "last 7 days", "7 days before", "change")
    for found in group.figures:
        style = {True: "green", False: "red", None: "dim"}[found.is_better]
        change = Text(found.change_text, style=style)
        figures.add_row(found.title, found.text, found.recent_text, found.before_text, change)
    controls = table("Controls", "control", "citation", *(company.title for company in shown))
    for row in control_rows(shown):
        cells = [
            Text(VERDICTS[verdict.verdict], style=colours[verdict.verdict])
            if verdict
            else Text("–", style="dim")
            for verdict in row.verdicts
        ]
        controls.add_row(row.control.id, row.control.citation, *cells)
    asked = table("To decide", "", "company", "owner", "by")
    for decision in group.decisions:
        asked.add_row(
            f"{decision.text}{f' [{decision.incident_id}]' if decision.incident_id else ''}".replace(
                "[", r"\["
            ),
            decision.company,
            decision.owner,
            Text(decision.due_text, style="red" if decision.is_overdue else ""),
        )
    return Group(head, Text(), checklist, figures, controls, asked, Text(LEGAL_FOOTER, style="dim"))
