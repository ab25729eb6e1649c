"""Commands of the declared-gap ledger."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wa_analytics.cli.invocation import Json, current, moment
from wa_analytics.cli.output import answered, emit

Reason = Annotated[str, typer.Option(help="Why, without naming a person; kept in the ledger, journalled.")]

commands = typer.Typer(name="gaps", help="Declared gaps: what we know we lack, since when, and why.")


def register(app: typer.Typer) -> None:
    commands.command("list")(listed)
    commands.command("propose")(propose)
    commands.command("declare")(declare)
    commands.command("withdraw")(withdraw)
    app.add_typer(commands)


def listed(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Withdrawn ones too.")] = False,
    as_json: Json = False,
) -> None:
    """The declared-gap ledger."""
    from wa_analytics.pipeline.gaps import gaps

    found = gaps(current(context).database, is_every=every)
    _shown(found.to_dicts(), as_json, "no gap is declared")


def propose(context: typer.Context, as_json: Json = False) -> None:
    """Stretches that open findings show, to be declared by their id."""
    from wa_analytics.pipeline.gaps import proposal_rows, proposed

    _shown(proposal_rows(proposed(current(context).database)), as_json, "nothing to propose")


def declare(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(help="messages, inbound, bodies, statuses, media, everything; or a proposal's id."),
    ],
    since: Annotated[str | None, typer.Option(metavar="ISO-8601", help="Since when.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="ISO-8601", help="Until when, exclusive; none while it lasts.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Channel id; none for all.")] = None,
    entity: Annotated[str | None, typer.Option(help="Company; none for all.")] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Declare a gap: what lies in it is no open finding any more."""
    from wa_analytics.completeness.gaps import SUBJECTS
    from wa_analytics.errors import InputRefused
    from wa_analytics.pipeline.gaps import declared, proposal
    from wa_analytics.workspace import actor

    workspace = current(context)
    proposal_id = None
    start = moment(since, "--since") if since else None
    end = moment(until, "--until") if until else None
    if what not in SUBJECTS and len(what) == 12:
        shown = proposal(workspace.database, what)
        what, proposal_id = shown.subject_code, what
        start, end = start or shown.gap_from, end or shown.gap_to
        entity, channel = entity or shown.entity, channel or shown.channel_id
    if start is None:
        raise InputRefused("Say since when with --since.")
    gap_id = declared(
        workspace.database,
        workspace.ring,
        workspace.settings,
        subject_code=what,
        gap_from=start,
        gap_to=end,
        reason=reason,
        actor=actor(),
        at=moment(None),
        entity=entity,
        channel_id=channel,
        proposal_id=proposal_id,
    )
    sentence = f"{gap_id}: declared. The next `wa check` counts what lies in it as declared."
    answered({"gap_id": gap_id}, sentence, as_json)


def withdraw(
    context: typer.Context,
    gap_id: Annotated[str, typer.Argument(metavar="GAP_ID", help="As `wa gaps list` names it.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Take a declaration back; what lay in it is a finding again."""
    from wa_analytics.pipeline.gaps import withdrawn
    from wa_analytics.workspace import actor

    workspace = current(context)
    withdrawn(workspace.database, workspace.ring, gap_id, reason=reason, actor=actor(), at=moment(None))
    answered({"withdrawn": gap_id}, f"{gap_id}: taken back.", as_json)


def _shown(rows: list[dict[str, Any]], as_json: bool, nothing: str) -> None:
    if as_json:
        emit(rows)
        return
    if not rows:
        typer.echo(nothing.capitalize() + ".")
        return
    for row in rows:
        until = f"{row['gap_to']:%Y-%m-%d %H:%M}" if row["gap_to"] else "still open"
        place = row["channel_id"] or row["entity"] or "all companies"
        name = row.get("gap_id") or row["proposal_id"]
        why = row["reason"] if "reason" in row else f"{row['why']} ({row['rule']})"
        if row.get("withdrawn_at"):
            why += f"; taken back by {row['withdrawn_by'] or 'unknown'}"
        typer.echo(
            f"{name}  {row['subject_code']}  {place}  {row['gap_from']:%Y-%m-%d %H:%M} to {until}  {why}"
        )
