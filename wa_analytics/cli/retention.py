"""Commands of retention: dispose, hold, retention, erase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.cli import AsOf, Json, current, emit, moment, say
from wa_analytics.cli.progress import bars

if TYPE_CHECKING:
    import polars as pl

    from wa_analytics.workspace import Workspace

Reason = Annotated[str, typer.Option(help="Why; journalled.")]

hold_commands = typer.Typer(name="hold", help="Legal holds: what must be kept whatever a ceiling says.")
retention_commands = typer.Typer(name="retention", help="The retention schedule and what people decided.")

DUE_COLUMNS = (
    "message_id", "entity", "channel_id", "record_class", "sent_at", "retain_until", "dispose_by",
    "dispose_rule",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("dispose")(dispose)
    app.command("erase")(erase)
    hold_commands.command("add")(hold_add)
    hold_commands.command("release")(hold_release)
    hold_commands.command("list")(hold_list)
    app.add_typer(hold_commands)
    retention_commands.command("decide")(retention_decide)
    retention_commands.command("schedule")(retention_schedule)
    app.add_typer(retention_commands)


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
    from wa_analytics.pipeline.disposal import disposal_plan, disposed
    from wa_analytics.workspace import actor

    workspace, at = current(context), moment(None)
    until = moment(as_of) if as_of else at
    if until > at:
        say("--as-of lies ahead: what is due then is shown, but only what is due by now can go.")
        until = until if dry_run else at
    workspace.refresh()
    plan = disposal_plan(workspace.database, workspace.settings, workspace.schedule, until)
    if dry_run:
        _planned(plan.due, plan.held, _counts(plan.own), until.isoformat(), as_json)
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
    if gone.refused:
        say(f"{gone.refused:,} records stand in captures that cannot be carved; look at them by hand.")
        raise typer.Exit(2)


def _counts(own: dict[str, list[str]]) -> dict[str, int]:
    return {name: len(ids) for name, ids in own.items()}


def _planned(due: pl.DataFrame, held: pl.DataFrame, own: dict[str, int], as_of: str, as_json: bool) -> None:
    shown, kept = due.select(DUE_COLUMNS), held.select(*DUE_COLUMNS, "hold_id", "matter")
    if as_json:
        emit(
            {
                "as_of": as_of,
                "due_count": shown.height,
                "held_count": kept.height,
                "due": shown.to_dicts(),
                "held": kept.to_dicts(),
                "own_records": own,
            }
        )
        return
    import polars as pl

    from wa_analytics.cli.reading import table

    for frame, title, by in (
        (shown, "due for disposal", ["entity", "record_class", "dispose_rule"]),
        (kept, "held", ["entity", "hold_id", "matter"]),
    ):
        counts = frame.group_by(by).agg(pl.len().cast(pl.Int64).alias("messages")).sort(by)
        table(counts, title=f"{frame.height:,} messages {title}", empty=f"0 messages {title}")
    for name, count in own.items():
        typer.echo(f"{count:,} {name.replace('_', ' ')} records due for disposal")


def _confirmed(question: str) -> None:
    import sys

    from wa_analytics.errors import InputRefused

    if not sys.stdin.isatty():
        raise InputRefused("This destroys evidence for ever; look at it with --dry-run, then give --yes.")
    typer.confirm(question, abort=True, err=True)


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
    from wa_analytics.pipeline.erasure import erased, erasure_request
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
    if gone.refused:
        say(f"{gone.refused:,} records stand in captures that cannot be carved; look at them by hand.")
    if gone.refused or (done.left and len(counts) == 1 and "erase" in counts):
        raise typer.Exit(2)


def _decided(frame: pl.DataFrame, document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    import polars as pl

    from wa_analytics.cli.reading import table

    by = ["subject", "decision", "rule"]
    counts = frame.group_by(by).agg(pl.len().cast(pl.Int64).alias("records"), pl.col("keep_until").max())
    table(counts.sort(by), title=f"{frame.height:,} records")
    for name, value in document.items():
        if name.endswith("_count") and value:
            typer.echo(f"{name.removesuffix('_count').replace('_', ' ')}: {value:,}")


def hold_add(
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
    _told(as_json, {"hold_id": hold_id, "held_count": held}, f"{hold_id} keeps {held:,} messages.")


def _held_count(workspace: Workspace, hold_id: str) -> int:
    from wa_analytics.pipeline.disposal import messages_held

    workspace.refresh()
    return messages_held(workspace.database).filter(hold_id=hold_id).height


def hold_release(
    context: typer.Context,
    which: Annotated[str, typer.Argument(metavar="HOLD_ID|MATTER")],
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
    _told(as_json, {"released": ids}, f"Lifted: {', '.join(ids)}.")


def hold_list(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Lifted ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Holds in force."""
    from wa_analytics.cli.reading import table
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


def retention_decide(
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
    _told(as_json, document, f"Decision {number} recorded: {code}.")


def retention_schedule(context: typer.Context, as_json: Json = False) -> None:
    """The rows of the schedule that is in force here."""
    import msgspec

    from wa_analytics.cli.reading import table

    schedule = current(context).schedule
    if as_json:
        emit([msgspec.structs.asdict(row) for row in schedule])
        return
    import polars as pl

    rows = [
        {
            "record_class": (row.record_class or "any") + (" (fallback)" if row.is_fallback else ""),
            "of": " ".join(filter(None, (row.entity_kind, row.jurisdiction))) or "any",
            "authority": row.authority or "policy",
            "floor": row.floor,
            "ceiling": row.ceiling,
            "from": row.trigger,
        }
        for row in schedule
    ]
    table(pl.DataFrame(rows), empty="The schedule has no row.")


def _told(as_json: bool, document: dict[str, Any], sentence: str) -> None:
    if as_json:
        emit(document)
    else:
        typer.echo(sentence)
