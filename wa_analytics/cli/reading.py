"""Commands that show: findings, lookup, reveal, explain, doctor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.cli.invocation import Json, Reason, current, invoked, moment
from wa_analytics.cli.output import emit, listed, say
from wa_analytics.cli.tables import table

if TYPE_CHECKING:
    import polars as pl

    from wa_analytics.workspace import Workspace


def register(app: typer.Typer) -> None:
    app.command("findings")(findings)
    app.command("lookup")(lookup)
    app.command("reveal")(reveal)
    app.command("explain")(explain)
    app.command("doctor")(doctor)


def findings(
    context: typer.Context,
    rule: Annotated[
        str | None, typer.Argument(help="A rule (consent.withdrawn) or a subject (consent).")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Facts that rules state, as the latest check run left them."""
    workspace = current(context)
    frame = workspace.findings(rule, None if every else "open")
    if as_json:
        emit(finding_rows(frame))
        return
    import polars as pl

    by = ["rule", "severity_code", "entity"]
    from wa_analytics.reports.wording import several

    counts = frame.group_by(by).len("findings").sort(pl.col("findings"), *by, descending=[True, *[False] * 3])
    table(
        counts.with_columns(pl.col("findings").cast(pl.Int64)),
        title=several(frame.height, "finding"),
        empty=_no_findings(workspace, rule),
    )


def _no_findings(workspace: Workspace, rule: str | None) -> str:
    """Why there are none: nothing wrong, or nothing asked."""
    judgement = workspace.judgement()
    if judgement.check_run is None:
        return "Not evaluated: no check has run; `wa check` runs them."
    asked = [
        each["outcome_code"]
        for each in judgement.check_results
        if not rule or each["check_key"] == rule or each["check_key"].startswith(f"{rule}.")
    ]
    ran = sum(outcome in ("pass", "fail") for outcome in asked)
    return f"No finding; {ran} of {len(asked)} checks ran as of {judgement.as_of:%Y-%m-%d %H:%M} UTC."


def finding_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Findings in the words of the command line."""
    renamed = {
        "severity_code": "severity",
        "status_code": "status",
        "outcome_code": "outcome",
        "purpose_code": "purpose",
        "country_code": "country",
        "template_name": "template",
        "first_seen_at": "detected_at",
    }
    return frame.rename(renamed).to_dicts()


def lookup(
    context: typer.Context,
    outside_ids: Annotated[
        list[str], typer.Argument(metavar="OUTSIDE_ID", help="Ids, or - for stdin, one per line.")
    ],
    as_of: Annotated[
        str | None, typer.Option(metavar="ISO-8601", help="Whose a number was then; default now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Outside ids, phones and e-mails to our ids. Journalled.

    Of messages, people (phone, user id, customer number), consent records and custodians; a row for
    each id given, in that order, blank where nobody is known.
    """
    if outside_ids == ["-"]:
        outside_ids = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    found = current(context).lookup(outside_ids, as_of=moment(as_of) if as_of else None, at=moment(None))
    listed(found, as_json, empty="No id was given.")


def reveal(
    context: typer.Context,
    message_ids: Annotated[list[str], typer.Argument(metavar="MESSAGE_ID", help="Our message ids.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Show who and what in clear. Needs a reason and is journalled."""
    from wa_analytics.errors import InputRefused

    workspace = current(context)
    shown = workspace.reveal(message_ids, reason=reason, at=moment(None))
    if as_json:
        emit(shown.to_dicts())
    elif shown.height:
        table(shown)
    is_unknown = False
    for message_id in dict.fromkeys(message_ids):
        if message_id in set(shown["message_id"]):
            continue
        try:
            workspace.explain(message_id)
            say(f"Nothing of what message {message_id} said is held; `wa explain` tells why.")
        except InputRefused as error:
            is_unknown = True
            say(str(error))
    if is_unknown:
        raise typer.Exit(2)


def explain(
    context: typer.Context,
    subject_id: Annotated[str, typer.Argument(help="Our id of a message, consent event or party.")],
    as_json: Json = False,
) -> None:
    """Why a message, a consent event or a party stands as it does."""
    found = current(context).explain(subject_id)
    if as_json:
        emit(
            {
                "subject": found.subject,
                "subject_id": found.subject_id,
                "lines": list(found.lines),
                "timeline": found.timeline.to_dicts(),
                "identifiers": [] if found.identifiers is None else found.identifiers.to_dicts(),
            }
        )
        return
    typer.echo(str(found))
    if found.identifiers is not None:
        table(found.identifiers, title="Identifiers")
    table(found.timeline, empty="Nothing more is on record.")


def _provider_line(row: dict[str, Any]) -> str:
    """One provider of `wa doctor`, for people: only what there is to say."""
    from wa_analytics.reports.wording import several

    told = [several(row["captures"], "capture")] if row["captures"] else []
    if row["last_capture_at"]:
        told.append(f"last {row['last_capture_at']:%Y-%m-%d %H:%M} UTC")
    if row["missing"]:
        told.append(f"not configured: {row['missing']}")
    elif row["is_configured"]:
        told.append("configured")
    told += [f"{row[name]:,} {name}" for name in ("repeated", "refused", "unreadable") if row[name]]
    if row["unknown"]:
        told.append(several(row["unknown"], "field or type nobody knows", "fields or types nobody knows"))
    if row["declared_gaps"]:
        told.append(several(row["declared_gaps"], "declared gap"))
    return f"{row['provider']}: {', '.join(told) or 'nothing'}"


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """What is configured, connected, missing and overdue.

    Where the database cannot be used, what settings, keys and folders tell without it, the sentence of the
    database behind that and exit code 2.
    """
    from wa_analytics.errors import DatabaseUnavailable
    from wa_analytics.pipeline.doctor import diagnosed, diagnosed_without_database
    from wa_analytics.settings import read_settings

    away: DatabaseUnavailable | None = None
    try:
        workspace = current(context)
        report = diagnosed(workspace.database, workspace.settings, moment(None))
    except DatabaseUnavailable as error:
        away = error
        report = diagnosed_without_database(read_settings(invoked(context).home), str(error))
    if as_json:
        emit(report)
    else:
        _told(report, unless=str(away))
    if away:
        raise away


def _told(report: dict[str, Any], unless: str) -> None:
    """unless: a line that is told elsewhere."""
    import polars as pl

    for line in report["lines"]:
        if line["what"] == unless:
            continue
        typer.echo(f"{line['state']:>14}  {line['what']}")
    for row in report["providers"]:
        typer.echo(f"{row['connection']:>14}  {_provider_line(row)}")
    if report["unknown"]:
        table(pl.DataFrame(report["unknown"]), title="Kept but not understood")
