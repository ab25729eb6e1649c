"""`wa check`, reached through the entry-point group `wa_analytics.commands`.

Imported by every `wa` call, so nothing heavy is imported here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from data_checks.outcome import RunOutcome
    from data_checks.run import Progress


class FailOn(StrEnum):
    any = "any"
    new = "new"
    critical = "critical"


def register(app: typer.Typer) -> None:
    """Add the commands of this package to `app`."""
    app.command("check")(check)


def check(
    context: typer.Context,
    suite: Annotated[
        list[str] | None, typer.Argument(metavar="SUITE", help="Suites to run; all without any.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="ISO-8601", help="The moment it speaks of; default now.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="Which open findings make the exit code 1.")] = FailOn.any,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    docs: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for Data Docs.")] = None,
) -> None:
    """Run the checks and record their findings.

    Exit code 0: no open finding that --fail-on asks for. 1: there is one. 2: a check could not run.
    """
    from wa_analytics.cli import current

    from data_checks.run import run

    workspace = current(context)
    named = workspace.settings.database_url
    progress = _progress()
    outcome = run(
        named.get_secret_value() if named else None,
        home=workspace.home,
        as_of=moment(as_of) if as_of else None,
        suites=tuple(suite or ()),
        docs=docs,
        progress=progress,
    )
    if as_json:
        import json

        typer.echo(json.dumps(outcome.document()))
    else:
        show(outcome)
    raise typer.Exit(outcome.exit_code(fail_on.value))


def moment(text: str) -> datetime:
    """An ISO 8601 instant; without offset it is UTC. Raises InputRefused."""
    from wa_analytics.errors import InputRefused

    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused("--as-of is no ISO 8601 time; write it like 2026-01-31T18:00:00+00:00.") from None
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given


def show(outcome: RunOutcome) -> None:
    """The run as a table for people."""
    from rich.console import Console
    from rich.table import Table

    from data_checks.docs import OUTCOME_WORDS

    colours = {"pass": "green", "fail": "red", "not_evaluated": "yellow", "error": "magenta"}
    table = Table(box=None, pad_edge=False)
    for name in ("check", "outcome", "severity"):
        table.add_column(name, no_wrap=True)
    for name in ("evaluated", "findings"):
        table.add_column(name, justify="right")
    reasons: dict[str, list[str]] = {}
    for result in outcome.results:
        colour = colours[result.outcome]
        table.add_row(
            result.check,
            f"[{colour}]{OUTCOME_WORDS[result.outcome]}[/{colour}]",
            result.severity,
            f"{result.evaluated_count:,}",
            f"{result.finding_count:,}",
        )
        if result.reason:
            reasons.setdefault(result.reason, []).append(result.check)
    console = Console(soft_wrap=True)
    console.print(table)
    for reason, checks in reasons.items():
        console.print(f"\n{', '.join(checks)}:\n  {reason}", highlight=False, markup=False)
    ran = sum(result.outcome in ("pass", "fail") for result in outcome.results)
    console.print(
        f"\n{ran} of {len(outcome.results)} checks ran as of {outcome.as_of.isoformat()}: "
        f"{outcome.open_count:,} open findings, {outcome.critical_count:,} critical, "
        f"{outcome.new_count:,} new.",
        highlight=False,
    )


def _progress() -> Progress | None:
    """A line on stderr where that is a terminal."""
    import sys

    if not sys.stderr.isatty():
        return None

    def show_one(key: str, done: int, total: int) -> None:
        words = f"check {done + 1} of {total}: {key}" if key else ""
        sys.stderr.write(f"\r\033[K{words}")
        sys.stderr.flush()

    return show_one
