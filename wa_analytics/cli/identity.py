"""Commands of identity: who held a number, and whether two holders are one person."""

from __future__ import annotations

from typing import Annotated

import typer

from wa_analytics.cli.invocation import Json, Reason, current, moment
from wa_analytics.cli.output import answered, emit
from wa_analytics.cli.tables import table

commands = typer.Typer(name="identity", help="Numbers that changed hands, and who decided about them.")


def register(app: typer.Typer) -> None:
    commands.command("list")(listed)
    commands.command("decide")(decide)
    app.add_typer(commands)


def listed(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Numbers that changed hands, with earlier and later holder."""
    from wa_analytics.pipeline.identity import hand_overs

    frame = hand_overs(current(context).database, is_every=every)
    if as_json:
        emit(frame.to_dicts())
    else:
        table(
            frame.select("left_party_id", "right_party_id", "changed_at", "entity", "decision_code"),
            empty="No number that changed hands waits for a decision.",
        )


def decide(
    context: typer.Context,
    left: Annotated[str, typer.Argument(help="One holder: our party id, or an outside identifier.")],
    right: Annotated[str, typer.Argument(help="The other holder.")],
    same: Annotated[bool, typer.Option("--same", help="They are one person.")] = False,
    different: Annotated[bool, typer.Option("--different", help="They are two persons.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Say whether two holders of a number are one person."""
    from wa_analytics.pipeline.identity import identity_decided
    from wa_analytics.workspace import actor

    code = {(True, False): "same", (False, True): "different"}.get((same, different), "")
    workspace, at = current(context), moment(None)
    workspace.refresh()
    with workspace.locked("refresh"):
        numbers = identity_decided(
            workspace.database, workspace.ring, left, right, code, reason=reason, actor=actor(), at=at
        )
    workspace.refresh()
    sentence = f"Decision {', '.join(map(str, numbers))} recorded: {code}."
    answered({"decision_ids": numbers, "decision": code}, sentence, as_json)
