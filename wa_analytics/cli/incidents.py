"""Commands of incidents: list, show, open, decide, advance, close."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from wa_analytics.cli.invocation import Json, current, moment, time_given
from wa_analytics.cli.output import answered, emit
from wa_analytics.cli.tables import table

if TYPE_CHECKING:
    from wa_analytics.incidents.lifecycle import Change, IncidentState
    from wa_analytics.workspace import Workspace

commands = typer.Typer(help="Incidents: list, show, open, decide, advance, close.", no_args_is_help=True)
IncidentId = Annotated[str, typer.Argument(help="As `wa incidents list` names it.")]
Note = Annotated[str, typer.Option(help="Why.")]


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="incidents")


class Risk(StrEnum):
    unlikely = "unlikely"
    risk = "risk"
    high_risk = "high_risk"


class Severity(StrEnum):
    critical = "critical"
    high = "high"
    medium = "medium"
    low = "low"


@commands.command("list")
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


@commands.command("show")
def shown(context: typer.Context, incident_id: IncidentId, as_json: Json = False) -> None:
    """One incident and what was done about it."""
    from wa_analytics.pipeline.judgement import incident_named, incident_states, incident_steps

    workspace = current(context)
    state = incident_named(incident_states(workspace.database), incident_id)
    steps = [step.row() for step in incident_steps(workspace.database, incident_id)]
    if as_json:
        emit({**state.row(), "events": steps})
        return
    for key, value in state.row().items():
        typer.echo(f"{key.removesuffix('_code').replace('_', ' '):>14}  {'' if value is None else value}")
    import polars as pl

    table(pl.DataFrame(steps).drop("incident_id"))


@commands.command("open")
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


@commands.command("decide")
def decided(
    context: typer.Context,
    incident_id: IncidentId,
    is_breach: Annotated[bool, typer.Option("--breach/--no-breach", help="Is it a personal-data breach?")],
    note: Note,
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


@commands.command("advance")
def advanced(context: typer.Context, incident_id: IncidentId, note: Note, as_json: Json = False) -> None:
    """The cause is stopped: open → contained."""
    from wa_analytics.incidents.lifecycle import contained
    from wa_analytics.workspace import actor

    workspace = current(context)
    change = contained(_named(workspace, incident_id), at=moment(None), actor=actor(), note=note)
    _kept(workspace, change, as_json)


@commands.command("close")
def closed(context: typer.Context, incident_id: IncidentId, note: Note, as_json: Json = False) -> None:
    """It is over."""
    from wa_analytics.incidents.lifecycle import closed as ended
    from wa_analytics.workspace import actor

    workspace = current(context)
    change = ended(_named(workspace, incident_id), at=moment(None), actor=actor(), note=note)
    _kept(workspace, change, as_json)


def _named(workspace: Workspace, incident_id: str) -> IncidentState:
    from wa_analytics.pipeline.judgement import incident_named, incident_states

    return incident_named(incident_states(workspace.database), incident_id)


def _kept(workspace: Workspace, change: Change, as_json: bool) -> None:
    from wa_analytics.pipeline.judgement import recorded

    recorded(workspace.database, [change])
    state, step = change
    moved = [step.action_code, state.status_code][: 1 if step.action_code == state.status_code else 2]
    sentence = f"{state.incident_id}: {', '.join(moved)}, {state.title}"
    answered({**state.row(), "events": [step.row()]}, sentence, as_json)
