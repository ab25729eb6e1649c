"""`wa check` and `wa run`, reached through the entry-point group `wa_analytics.commands`.

Imported by every `wa` call, so nothing heavy is imported here.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from data_checks.outcome import RunOutcome


class FailOn(StrEnum):
    any = "any"
    new = "new"
    critical = "critical"


def register(app: typer.Typer) -> None:
    """Add the commands of this package to `app`."""
    app.command("check")(check)
    app.command("run")(scheduled)


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
    from data_checks.run import run
    from wa_analytics.cli import current, emit, moment, say
    from wa_analytics.cli.progress import bars

    workspace = current(context)
    named = workspace.settings.database_url
    with bars() as bar:
        advance = bar("checks")
        outcome = run(
            named.get_secret_value() if named else None,
            home=workspace.home,
            as_of=moment(as_of),
            suites=tuple(suite or ()),
            docs=docs,
            progress=lambda _key, done, total: advance(done, total),
        )
    if as_json:
        emit(outcome.document())
    else:
        show(outcome)
    crashed = [result.check for result in outcome.results if result.outcome == "error"]
    if crashed:
        say(f"Could not run: {', '.join(crashed)}; the reason of each says why.")
    raise typer.Exit(outcome.exit_code(fail_on.value))


def scheduled(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option(metavar="ISO-8601", help="The moment it speaks of; default now.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="Which open findings make the exit code 1.")] = FailOn.any,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """The scheduled pass: refresh, check, incidents, alerts. Safe to start twice."""
    from data_checks.scheduled import scheduled_pass
    from wa_analytics.cli import current, emit, moment, say
    from wa_analytics.cli.progress import bars
    from wa_analytics.reports.wording import several

    with bars() as bar:
        advance = bar("checks")
        outcome = scheduled_pass(
            current(context),
            moment(as_of),
            refresh_progress=lambda title: bar(title),
            check_progress=lambda _key, done, total: advance(done, total),
        )
    if as_json:
        emit(outcome.document())
    if outcome.checks is None:
        if not as_json:
            say("Another `wa run` is at work here; nothing was done.")
        return
    if not as_json:
        show(outcome.checks)
        typer.echo(
            f"{several(outcome.entries, 'new entry', 'new entries')}; incidents: "
            f"{outcome.incidents_opened:,} opened, {outcome.incidents_updated:,} updated; "
            f"{several(outcome.alerts_sent, 'alert')} sent."
        )
    raise typer.Exit(outcome.checks.exit_code(fail_on.value))


def show(outcome: RunOutcome) -> None:
    """The run as a table for people."""
    from rich.console import Console
    from rich.table import Table

    from data_checks.docs import OUTCOME_WORDS
    from wa_analytics.reports.wording import several

    colours = {"pass": "green", "fail": "red", "not_evaluated": "yellow", "error": "magenta"}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("check", "outcome", "severity"):
        table.add_column(name, no_wrap=True)
    for name in ("evaluated", "findings"):
        table.add_column(name, justify="right", no_wrap=True)
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
    # A narrower terminal wraps the lines; rich would cut the numbers.
    whole = console.measure(table, options=console.options.update(width=1_000)).maximum
    console.width = max(console.width, whole)
    console.print(table)
    for reason, checks in reasons.items():
        console.print(f"\n{', '.join(checks)}:\n  {reason}", highlight=False, markup=False)
    ran = sum(result.outcome in ("pass", "fail") for result in outcome.results)
    console.print(
        f"\n{ran} of {len(outcome.results)} checks ran as of {outcome.as_of.isoformat(timespec='seconds')}: "
        f"{several(outcome.open_count, 'open finding')}, {outcome.critical_count:,} critical, "
        f"{outcome.new_count:,} new.",
        highlight=False,
    )
