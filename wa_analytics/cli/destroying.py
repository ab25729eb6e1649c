"""Commands that destroy for good: dispose, erase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.cli.invocation import AsOf, Json, Reason, current, moment
from wa_analytics.cli.output import emit, say
from wa_analytics.cli.progress import bars
from wa_analytics.cli.tables import table

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from wa_analytics.pipeline.destroying.destruction import Destroyed
    from wa_analytics.pipeline.destroying.disposal import Plan

DUE_COLUMNS = (
    "message_id", "entity", "channel_id", "record_class", "sent_at", "retain_until", "dispose_by",
    "dispose_rule",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("dispose")(dispose)
    app.command("erase")(erase)


def dispose(
    context: typer.Context,
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; destroy nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Destroy what is past its ceiling and under no legal hold.

    Our own records (findings, incidents, journal …) go by their rows of the schedule too.
    """
    from wa_analytics.pipeline.destroying.disposal import disposal_plan, disposed
    from wa_analytics.workspace import actor

    workspace, at = current(context), moment(None)
    until = moment(as_of) if as_of else at
    if until > at:
        say("--as-of lies ahead: what is due then is shown, but only what is due by now can go.")
        until = until if dry_run else at
    workspace.refresh()
    plan = disposal_plan(workspace.database, workspace.settings, workspace.schedule, until)
    if dry_run:
        _planned(plan, until, as_json)
        return
    if (plan.due.height or plan.own) and not yes:
        own = sum(map(len, plan.own.values()))
        _confirmed(
            f"Destroy {plan.due.height:,} messages and {own:,} records of our own for ever "
            f"({plan.held.height:,} more messages are held)?"
        )
    with bars() as bar, workspace.locked("refresh"):
        done = disposed(
            workspace.database,
            workspace.ring,
            workspace.settings,
            workspace.schedule,
            as_of=until,
            at=at,
            actor=actor(),
            progress=lambda title: bar(title, None),
        )
    gone = done.destroyed
    if as_json:
        emit(
            {
                "as_of": until,
                "disposed_count": gone.messages,
                "destroyed_key_count": gone.keys,
                "carved_count": gone.carved,
                "refused_count": gone.refused,
                "held_count": done.held,
                "own_records": done.own,
                "destroyed_wrapping_key_count": done.wrapping_keys,
            }
        )
    else:
        typer.echo(
            f"{gone.messages:,} messages disposed of, {gone.keys:,} keys destroyed, {gone.carved:,} captures "
            f"carved, {done.held:,} messages held, {done.wrapping_keys:,} wrapping keys replaced."
        )
        for name, count in done.own.items():
            typer.echo(f"{count:,} {name.replace('_', ' ')} records disposed of.")
    if _left_by_hand(gone):
        raise typer.Exit(2)


def _planned(plan: Plan, as_of: datetime, as_json: bool) -> None:
    due, held = plan.due.select(DUE_COLUMNS), plan.held.select(*DUE_COLUMNS, "hold_id", "matter")
    own = {name: len(ids) for name, ids in plan.own.items()}
    if as_json:
        emit(
            {
                "as_of": as_of,
                "due_count": due.height,
                "held_count": held.height,
                "due": due.to_dicts(),
                "held": held.to_dicts(),
                "own_records": own,
            }
        )
        return
    import polars as pl

    from wa_analytics.reports.wording import several

    for frame, title, by in (
        (due, "due for disposal", ["entity", "record_class", "dispose_rule"]),
        (held, "held", ["entity", "hold_id", "matter"]),
    ):
        counts = frame.group_by(by).agg(pl.len().cast(pl.Int64).alias("messages")).sort(by)
        table(counts, title=f"{several(frame.height, 'message')} {title}", empty=f"0 messages {title}")
    for name, count in own.items():
        typer.echo(f"{count:,} {name.replace('_', ' ')} records due for disposal")


def _confirmed(question: str) -> None:
    import sys

    from wa_analytics.errors import InputRefused

    if not sys.stdin.isatty():
        raise InputRefused("This destroys evidence for ever; look at it with --dry-run, then give --yes.")
    typer.confirm(question, abort=True, err=True)


def _left_by_hand(gone: Destroyed) -> bool:
    """Whether something could not be destroyed, which is then said."""
    if gone.refused:
        say(f"{gone.refused:,} records stand in captures that cannot be carved; look at them by hand.")
    return bool(gone.refused)


def erase(
    context: typer.Context,
    party: Annotated[str, typer.Argument(help="Our party id, or an outside identifier.")],
    reason: Reason = "",
    foreign_duty: Annotated[
        str,
        typer.Option(help="Where only a law from outside the Union says keep: ask, erase or keep."),
    ] = "ask",
    chat_name: Annotated[
        list[str] | None,
        typer.Option(help="A name by which exported chats call the person; may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the decisions; destroy nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Decide on every record of a person; destroy what goes."""
    from wa_analytics.errors import InputRefused, ReasonRequired
    from wa_analytics.pipeline.destroying.erasure import erased
    from wa_analytics.pipeline.destroying.erasure_request import erasure_request
    from wa_analytics.workspace import actor

    if foreign_duty not in ("ask", "erase", "keep"):
        raise InputRefused("--foreign-duty is ask, erase or keep.")
    if not dry_run and not reason.strip():
        raise ReasonRequired("An erasure needs a reason; say why with --reason.")
    workspace, at = current(context), moment(None)
    workspace.refresh()
    of = (workspace.database, workspace.ring, workspace.settings, workspace.schedule, party)
    names = tuple(chat_name or ())
    request = erasure_request(*of, at, foreign_duty, names)  # type: ignore[arg-type]
    counts = dict(request.frame["decision"].value_counts(sort=True).iter_rows())
    if dry_run:
        _decided(request.frame, {"counts": counts, "decisions": request.frame.to_dicts()}, as_json)
        return
    if not yes:
        _confirmed(f"Destroy the keys of {counts.get('erase', 0):,} records of this person for ever?")
    with bars() as bar, workspace.locked("refresh"):
        done = erased(
            *of,
            reason=reason,
            actor=actor(),
            at=at,
            foreign_duty=foreign_duty,  # type: ignore[arg-type]
            names=names,
            progress=lambda title: bar(title, None),
        )
    gone = done.destroyed
    document = {
        "request_id": done.request_id,
        "counts": counts,
        "destroyed_key_count": gone.keys,
        "carved_count": gone.carved,
        "refused_count": gone.refused,
        "suppression_count": done.suppressions,
        "destroyed_wrapping_key_count": done.wrapping_keys,
        "left_identifier_count": done.left,
        "decisions": done.request.frame.to_dicts(),
    }
    _decided(done.request.frame, document, as_json)
    if _left_by_hand(gone) or (done.left and len(counts) == 1 and "erase" in counts):
        raise typer.Exit(2)


def _decided(frame: pl.DataFrame, document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    import polars as pl

    from wa_analytics.reports.wording import several

    by = ["subject", "decision", "rule"]
    counts = frame.group_by(by).agg(pl.len().cast(pl.Int64).alias("records"), pl.col("keep_until").max())
    table(counts.sort(by), title=several(frame.height, "record"))
    for name, value in document.items():
        if name.endswith("_count") and value:
            typer.echo(f"{name.removesuffix('_count').replace('_', ' ')}: {value:,}")
