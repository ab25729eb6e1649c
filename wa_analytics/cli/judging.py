"""Commands that judge: metrics, controls, scorecard, incidents, report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wa_analytics.cli import AsOf, Json, current, emit, moment, time_given
from wa_analytics.cli.reading import table

if TYPE_CHECKING:
    from wa_analytics.incidents.lifecycle import Change
    from wa_analytics.workspace import Workspace

incidents_app = typer.Typer(help="Incidents: list, show, open, decide, advance, close.", no_args_is_help=True)
report_app = typer.Typer(help="Reports as self-contained HTML.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command("metrics")(metrics)
    app.command("controls")(controls)
    app.command("scorecard")(scorecard)
    app.add_typer(incidents_app, name="incidents")
    app.add_typer(report_app, name="report")


class Interval(StrEnum):
    day = "day"
    week = "week"
    month = "month"


TIME_DIMENSIONS = tuple(interval.value for interval in Interval)


def metrics(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Metrics; all without any.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="DIM,…",
            help="entity, channel, purpose, country, template, business_unit; day, week, month.",
        ),
    ] = "",
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Figures with numerator and denominator, computed on demand."""
    from wa_analytics.errors import InputRefused

    given = [name.strip().replace(" ", "_") for name in by.split(",") if name.strip()]
    dimensions = list(dict.fromkeys(given))
    times = [name for name in dimensions if name in TIME_DIMENSIONS]
    if len(times) > 1:
        raise InputRefused(f"--by takes one of {', '.join(TIME_DIMENSIONS)}, not several.")
    groups = [name for name in dimensions if name not in TIME_DIMENSIONS]
    judgement = current(context).judgement(moment(as_of))
    found = judgement.metrics(list(dict.fromkeys(names or [])), groups, times[0] if times else None)  # type: ignore[arg-type]
    if as_json:
        emit([row for one in found for row in one.rows()])
        return
    import polars as pl

    if not groups and not times:
        from wa_analytics.reports.wording import figure

        rows = [
            {"metric": one.metric.title, "figure": figure(one.metric.unit, *one.frame.row(0)[-3:])}
            for one in found
        ]
        table(pl.DataFrame(rows))
        return
    for one in found:
        table(one.frame.drop("metric"), title=one.metric.title, empty=f"{one.metric.title}: not evaluated")


def controls(context: typer.Context, as_of: AsOf = None, as_json: Json = False) -> None:
    """Each control's verdict on each company that it binds."""
    verdicts = current(context).controls(moment(as_of) if as_of else None)
    if as_json:
        emit([verdict.row() for verdict in verdicts])
        return
    import polars as pl

    from wa_analytics.reports.wording import VERDICTS

    rows = [
        {key: row[key] for key in ("control", "framework", "entity", "verdict", "reason")}
        | {"verdict": VERDICTS[row["verdict"]]}
        for row in (verdict.row() for verdict in verdicts)
    ]
    table(pl.DataFrame(rows), empty="No control binds a company of settings.toml.")


def scorecard(context: typer.Context, as_of: AsOf = None, as_json: Json = False) -> None:
    """Checklist, figures, controls and decisions on one screen."""
    from wa_analytics.pipeline.judgement import Judgement

    workspace = current(context)
    judgement: Judgement = workspace.judgement(moment(as_of) if as_of else None)
    if as_json:
        emit([verdict.row() for verdict in judgement.verdicts])
        return
    from rich.console import Console

    from wa_analytics.reports.scorecard import scorecard_text

    freshness = workspace.last_seen()
    Console().print(scorecard_text(judgement.overview(freshness), judgement.companies(freshness)))


@incidents_app.command("list")
def listed(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Incidents, the severest first."""
    import polars as pl

    frame = current(context).incidents()
    if not every:
        frame = frame.filter(pl.col("status_code") != "closed")
    if as_json:
        emit(frame.to_dicts())
        return
    shown = frame.with_columns(
        breach=pl.when(pl.col("breach_code") == "undecided")
        .then(pl.lit("breach? undecided"))
        .otherwise(pl.col("breach_code"))
    )
    table(
        shown.select(
            "incident_id", "severity_code", "status_code", "title", "finding_count", "breach", "policy_due_at"
        ),
        empty="No incident is recorded." if every else "No incident is open.",
    )


@incidents_app.command("show")
def shown(context: typer.Context, incident_id: str, as_json: Json = False) -> None:
    """One incident and what was done about it."""
    from wa_analytics.pipeline.judgement import incident_named, incident_states, incident_steps

    workspace = current(context)
    state = incident_named(incident_states(workspace.database), incident_id)
    steps = [step.row() for step in incident_steps(workspace.database, incident_id)]
    if as_json:
        emit({**state.row(), "events": steps})
        return
    for key, value in state.row().items():
        typer.echo(f"{key.replace('_', ' '):>16}  {'' if value is None else value}")
    import polars as pl

    table(pl.DataFrame(steps).drop("incident_id"))


class Risk(StrEnum):
    unlikely = "unlikely"
    risk = "risk"
    high_risk = "high_risk"


class Severity(StrEnum):
    critical = "critical"
    high = "high"
    medium = "medium"
    low = "low"


@incidents_app.command("open")
def opened(
    context: typer.Context,
    title: Annotated[str, typer.Argument(help="What happened; no person in it.")],
    entity: Annotated[str | None, typer.Option(help="Company.")] = None,
    severity: Annotated[Severity, typer.Option(help="How severe.")] = Severity.medium,
    owner: Annotated[str | None, typer.Option(help="Role that owns it.")] = None,
    note: Annotated[str | None, typer.Option(help="Why; no person in it.")] = None,
    as_json: Json = False,
) -> None:
    """Report an incident by hand."""
    from wa_analytics.errors import InputRefused
    from wa_analytics.incidents.lifecycle import next_id
    from wa_analytics.incidents.lifecycle import opened as made
    from wa_analytics.pipeline.judgement import incident_states
    from wa_analytics.workspace import actor

    if not title.strip():
        raise InputRefused("An incident needs a title; say what happened, without naming a person.")
    workspace = current(context)
    if entity is not None and workspace.settings.entity_by_key(entity) is None:
        raise InputRefused(f"There is no company {entity!r} in settings.toml.")
    known = [state.incident_id for state in incident_states(workspace.database)]
    change = made(
        next_id(known),
        title=title,
        at=moment(None),
        actor=actor(),
        severity=severity.value,
        entity=entity,
        owner=owner,
        note=note,
    )
    _kept(workspace, change, as_json)


@incidents_app.command("decide")
def decided(
    context: typer.Context,
    incident_id: str,
    is_breach: Annotated[bool, typer.Option("--breach/--no-breach", help="Is it a personal-data breach?")],
    note: Annotated[str, typer.Option(help="Why.")],
    aware_at: Annotated[
        str | None, typer.Option(metavar="ISO-8601", help="When the company became aware.")
    ] = None,
    risk: Annotated[Risk | None, typer.Option(help="Risk to people.")] = None,
    as_json: Json = False,
) -> None:
    """Answer "breach?"; a yes starts the clocks of the law."""
    from wa_analytics.incidents.lifecycle import breach_decided
    from wa_analytics.workspace import actor

    workspace = current(context)
    change = breach_decided(
        _named(workspace, incident_id),
        is_breach=is_breach,
        at=moment(None),
        actor=actor(),
        note=note,
        aware_at=time_given(aware_at, "--aware-at") if aware_at else None,
        risk=risk.value if risk else None,
    )
    _kept(workspace, change, as_json)


@incidents_app.command("advance")
def advanced(
    context: typer.Context,
    incident_id: str,
    note: Annotated[str, typer.Option(help="Why.")],
    as_json: Json = False,
) -> None:
    """The cause is stopped: open → contained."""
    from wa_analytics.incidents.lifecycle import contained
    from wa_analytics.workspace import actor

    workspace = current(context)
    _kept(
        workspace,
        contained(_named(workspace, incident_id), at=moment(None), actor=actor(), note=note),
        as_json,
    )


@incidents_app.command("close")
def closed(
    context: typer.Context,
    incident_id: str,
    note: Annotated[str, typer.Option(help="Why.")],
    as_json: Json = False,
) -> None:
    """It is over."""
    from wa_analytics.incidents.lifecycle import closed as ended
    from wa_analytics.workspace import actor

    workspace = current(context)
    _kept(
        workspace, ended(_named(workspace, incident_id), at=moment(None), actor=actor(), note=note), as_json
    )


def _named(workspace: Workspace, incident_id: str):  # type: ignore[no-untyped-def]
    from wa_analytics.pipeline.judgement import incident_named, incident_states

    return incident_named(incident_states(workspace.database), incident_id)


def _kept(workspace: Workspace, change: Change, as_json: bool) -> None:
    from wa_analytics.pipeline.judgement import recorded

    recorded(workspace.database, [change])
    state, step = change
    if as_json:
        emit({**state.row(), "events": [step.row()]})
    else:
        typer.echo(f"{state.incident_id}: {step.action_code}, {state.status_code}, {state.title}")


@report_app.command("incident")
def incident_report(
    context: typer.Context,
    incident_id: str,
    out: Annotated[Path | None, typer.Option(help="File; default reports/<incident>.html.")] = None,
    as_json: Json = False,
) -> None:
    """One incident: summary, timeline, scope, controls, gaps, clocks."""
    workspace = current(context)
    _written(workspace, workspace.incident_html(incident_id), out, f"{incident_id}.html", as_json)


@report_app.command("scorecard")
def scorecard_report(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="File; default reports/scorecard.html.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The scorecard, printing on two pages."""
    workspace = current(context)
    html = workspace.scorecard_html(moment(as_of) if as_of else None)
    _written(workspace, html, out, "scorecard.html", as_json)


def _written(workspace: Workspace, html: str, out: Path | None, name: str, as_json: bool) -> None:
    path = out or workspace.home / "reports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
    if as_json:
        emit({"path": str(path)})
    else:
        typer.echo(str(path))
