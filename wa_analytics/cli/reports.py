"""Commands that write a report: incident, scorecard, controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wa_analytics.cli.incidents import IncidentId
from wa_analytics.cli.invocation import AsOf, Json, current, moment
from wa_analytics.cli.output import answered

if TYPE_CHECKING:
    from wa_analytics.workspace import Workspace

commands = typer.Typer(help="Reports as self-contained HTML.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="report")


@commands.command("incident")
def incident(
    context: typer.Context,
    incident_id: IncidentId,
    out: Annotated[Path | None, typer.Option(help="File; default reports/<incident>.html.")] = None,
    as_json: Json = False,
) -> None:
    """One incident: summary, timeline, scope, controls, gaps, clocks."""
    workspace = current(context)
    _written(workspace, workspace.incident_html(incident_id), out, f"{incident_id}.html", as_json)


@commands.command("scorecard")
def scorecard(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="File; default reports/scorecard.html.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The scorecard, printing on two pages."""
    workspace = current(context)
    html = workspace.scorecard_html(moment(as_of) if as_of else None)
    _written(workspace, html, out, "scorecard.html", as_json)


@commands.command("controls")
def controls(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="File; default reports/controls.html.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Every control: what it asks, its verdicts and their evidence."""
    workspace = current(context)
    html = workspace.controls_html(moment(as_of) if as_of else None)
    _written(workspace, html, out, "controls.html", as_json)


def _written(workspace: Workspace, html: str, out: Path | None, name: str, as_json: bool) -> None:
    path = out or workspace.home / "reports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
    answered({"path": str(path)}, str(path), as_json)
