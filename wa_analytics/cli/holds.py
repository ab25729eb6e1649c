"""Commands of legal holds: add, release, list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.cli.invocation import Json, Reason, current, moment
from wa_analytics.cli.output import answered, emit
from wa_analytics.cli.tables import table

if TYPE_CHECKING:
    from wa_analytics.workspace import Workspace

commands = typer.Typer(name="hold", help="Legal holds: what must be kept whatever a ceiling says.")


def register(app: typer.Typer) -> None:
    commands.command("add")(add)
    commands.command("release")(release)
    commands.command("list")(listed)
    app.add_typer(commands)


def add(
    context: typer.Context,
    matter: Annotated[str, typer.Option(help="The matter's reference; no person in it.")] = "",
    reason: Reason = "",
    party: Annotated[str | None, typer.Option(help="Our party id, or an outside identifier.")] = None,
    custodian: Annotated[str | None, typer.Option(help="Custodian id.")] = None,
    channel: Annotated[str | None, typer.Option(help="Channel id.")] = None,
    sent_from: Annotated[
        str | None, typer.Option("--from", metavar="ISO-8601", help="Sent from then on.")
    ] = None,
    sent_to: Annotated[str | None, typer.Option("--to", metavar="ISO-8601", help="Sent before.")] = None,
    is_everything: Annotated[bool, typer.Option("--everything", help="No condition: keep all.")] = False,
    as_json: Json = False,
) -> None:
    """Set a legal hold on what fits every condition given."""
    from wa_analytics.errors import InputRefused
    from wa_analytics.pipeline.holds import hold_set
    from wa_analytics.reports.wording import several
    from wa_analytics.workspace import actor

    if not (party or custodian or channel or sent_from or sent_to or is_everything):
        raise InputRefused(
            "Say what is to be held: --party, --custodian, --channel, --from, --to, or --everything."
        )
    workspace = current(context)
    with workspace.locked("refresh"):
        hold_id = hold_set(
            workspace.database,
            workspace.ring,
            matter=matter,
            reason=reason,
            actor=actor(),
            at=moment(None),
            party=party,
            custodian_id=custodian,
            channel_id=channel,
            sent_from=moment(sent_from, "--from") if sent_from else None,
            sent_to=moment(sent_to, "--to") if sent_to else None,
        )
    held = _held_count(workspace, hold_id)
    sentence = f"{hold_id} keeps {several(held, 'message')}."
    answered({"hold_id": hold_id, "held_count": held}, sentence, as_json)


def _held_count(workspace: Workspace, hold_id: str) -> int:
    from wa_analytics.pipeline.destroying.disposal import messages_held

    workspace.refresh()
    return messages_held(workspace.database).filter(hold_id=hold_id).height


def release(
    context: typer.Context,
    which: Annotated[str, typer.Argument(metavar="HOLD_ID|MATTER", help="As `wa hold list` names it.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Lift a hold, or every hold of a matter."""
    from wa_analytics.pipeline.holds import hold_released
    from wa_analytics.workspace import actor

    workspace = current(context)
    with workspace.locked("refresh"):
        ids = hold_released(
            workspace.database, workspace.ring, which, reason=reason, actor=actor(), at=moment(None)
        )
    workspace.refresh()
    answered({"released": ids}, f"Lifted: {', '.join(ids)}.", as_json)


def listed(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Lifted ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Holds in force."""
    from wa_analytics.pipeline.holds import holds

    found = holds(current(context).database, is_every=every)
    if as_json:
        emit(found.to_dicts())
        return
    import polars as pl

    rows = [
        {
            "hold_id": row["hold_id"],
            "matter": row["matter"],
            "keeps": _kept_by(row),
            "since": row["started_at"],
            "set_by": row["started_by"],
            "lifted": row["released_at"],
        }
        for row in found.iter_rows(named=True)
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    table(frame if every else frame.drop("lifted", strict=False), empty="No hold is in force.")


def _kept_by(row: dict[str, Any]) -> str:
    """A hold's conditions in words."""
    words = [
        f"{words} {row[name][:12] + '…' if name.endswith('_digest') else row[name]}"
        for name, words in (
            ("identifier_digest", "person"), ("custodian_id", "custodian"), ("channel_id", "channel"),
        )
        if row[name]
    ]  # fmt: skip
    words += [
        f"{words} {row[name]:%Y-%m-%d %H:%M}"
        for name, words in (("sent_from", "from"), ("sent_to", "before"))
        if row[name]
    ]
    return ", ".join(words) or "everything"
