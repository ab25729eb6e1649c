"""The command line: thin, and quick to start, since everything heavy is imported inside commands.

Results go to stdout (`--json`: one document), progress and sentences to stderr. Exit codes: 0 done,
1 findings or not proven, 2 could not.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.errors import WorkbenchError

if TYPE_CHECKING:
    from datetime import datetime

    from wa_analytics.workspace import Workspace

app = typer.Typer(
    name="wa",
    help="WhatsApp compliance workbench: evidence, consent, retention and risk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts twice as fast
)

YEARS = range(1970, 2200)  # calendars and intervals count on from a moment, and must not fall off their ends
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[str | None, typer.Option(metavar="ISO-8601", help="The moment it speaks of; default now.")]


@dataclass
class Invocation:
    """What every command shares: which workspace."""

    home: Path | None
    opened: Workspace | None = None

    def workspace(self) -> Workspace:
        if self.opened is None:
            from wa_analytics.workspace import Workspace

            self.opened = Workspace.open(self.home)
        return self.opened


def current(context: typer.Context) -> Workspace:
    """The workspace of this call. Raises WorkspaceMissing."""
    workspace: Workspace = context.find_object(Invocation).workspace()  # type: ignore[union-attr]
    return workspace


def moment(text: str | None, option: str = "--as-of") -> datetime:
    """`--as-of` and the like: an ISO 8601 instant, UTC where it names no offset; the present without
    one. Raises InputRefused."""
    from datetime import UTC, datetime

    if text is None:
        return datetime.now(UTC)
    given = time_given(text, option)
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given


def time_given(text: str, option: str) -> datetime:
    """An ISO 8601 time as it was written, with or without offset. Raises InputRefused."""
    from datetime import datetime

    from wa_analytics.errors import InputRefused

    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused(
            f"{option} is no ISO 8601 time; write it like 2026-01-31T18:00:00+00:00."
        ) from None
    if given.year not in YEARS:
        raise InputRefused(f"{option} lies outside the years {YEARS[0]} to {YEARS[-1]}; correct it.")
    return given


def emit(document: Any) -> None:
    """One JSON document on stdout; instants are ISO 8601 with offset."""
    import json

    typer.echo(json.dumps(document, default=_written, ensure_ascii=False))


def _written(value: Any) -> Any:
    from datetime import date, datetime

    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def say(sentence: str) -> None:
    """A sentence for people, on stderr."""
    typer.echo(sentence, err=True)


def _told_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"wa-analytics {version('wa-analytics')}")
        raise typer.Exit


@app.callback()
def shared(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The workspace; default WA_HOME, else ./wa-home."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_told_version, is_eager=True, help="Show it and exit.")
    ] = False,
) -> None:
    if not isinstance(context.obj, Invocation):
        context.obj = Invocation(home)


def _registered() -> None:
    """Commands of this package, then those that others add through `wa_analytics.commands`."""
    from wa_analytics.cli import (
        demo,
        evidence,
        gaps,
        identity,
        judging,
        reading,
        receiving,
        retention,
        way_in,
    )

    for room in (way_in, receiving, reading, judging, evidence, retention, gaps, identity, demo):
        room.register(app)
    for entry in sorted(entry_points(group="wa_analytics.commands"), key=lambda entry: entry.name):
        entry.load()(app)


_registered()


def main(arguments: list[str] | None = None) -> None:
    """Run `wa`; a deliberate error is one sentence and exit code 2."""
    try:
        app(arguments, standalone_mode=True)
    except WorkbenchError as error:
        say(str(error))
        sys.exit(2)
    except OSError as error:
        if error.filename is None:
            raise
        say(f"{error.filename}: {error.strerror}; check that path and its rights, then try again.")
        sys.exit(2)
    except KeyboardInterrupt:
        say("Stopped; what was committed stays, and the same command goes on from there.")
        sys.exit(130)
