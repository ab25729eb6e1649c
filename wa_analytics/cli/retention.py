"""Commands of the retention schedule: decide, schedule."""

from __future__ import annotations

from typing import Annotated

import typer

from wa_analytics.cli.invocation import Json, Reason, current, moment
from wa_analytics.cli.output import answered, emit
from wa_analytics.cli.tables import table

commands = typer.Typer(name="retention", help="The retention schedule and what people decided.")


def register(app: typer.Typer) -> None:
    commands.command("decide")(decide)
    commands.command("schedule")(schedule)
    app.add_typer(commands)


def decide(
    context: typer.Context,
    pair: Annotated[str, typer.Argument(help="subject_id of a retention.conflict finding.")],
    keep: Annotated[
        bool, typer.Option("--keep-until-floor", help="The ceiling waits for the floor.")
    ] = False,
    dispose_at: Annotated[
        bool, typer.Option("--dispose-at-ceiling", help="The floor ends with the ceiling.")
    ] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Decide which of two schedule rows prevails, on record."""
    from wa_analytics.pipeline.holds import conflict_decided
    from wa_analytics.workspace import actor

    code = {(True, False): "keep_until_floor", (False, True): "dispose_at_ceiling"}.get(
        (keep, dispose_at), ""
    )
    workspace = current(context)
    with workspace.locked("refresh"):
        number = conflict_decided(
            workspace.database, workspace.ring, pair, code, reason=reason, actor=actor(), at=moment(None)
        )
    workspace.refresh()
    document = {"decision_id": number, "pair": pair, "decision": code}
    answered(document, f"Decision {number} recorded: {code}.", as_json)


def schedule(context: typer.Context, as_json: Json = False) -> None:
    """The rows of the schedule that is in force here."""
    import msgspec

    rows = current(context).schedule
    if as_json:
        emit([msgspec.structs.asdict(row) for row in rows])
        return
    import polars as pl

    shown = [
        {
            "record_class": (row.record_class or "any") + (" (fallback)" if row.is_fallback else ""),
            "of": " ".join(filter(None, (row.entity_kind, row.jurisdiction))) or "any",
            "authority": row.authority or "policy",
            "floor": row.floor,
            "ceiling": row.ceiling,
            "from": row.trigger,
        }
        for row in rows
    ]
    table(pl.DataFrame(shown), empty="The schedule has no row.")
