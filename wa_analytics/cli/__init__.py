"""The command line: thin, and quick to start, since everything heavy is imported inside commands.

Results go to stdout (`--json`: one document), progress and sentences to stderr. Exit codes: 0 done,
1 findings or not proven, 2 could not.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from wa_analytics.cli.invocation import AsOf, Invocation, Json, current, moment
from wa_analytics.cli.output import emit, say
from wa_analytics.errors import WorkbenchError

# For commands that others add.
__all__ = ["AsOf", "Json", "app", "current", "emit", "main", "moment", "say"]

INTERRUPTED = 130  # what a shell calls a process that SIGINT ended
READER_GONE = 141  # and one that SIGPIPE ended

app = typer.Typer(
    name="wa",
    help="WhatsApp compliance workbench: evidence, consent, retention and risk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts twice as fast
)


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
        destroying,
        evidence,
        gaps,
        holds,
        identity,
        incidents,
        judging,
        keys,
        reading,
        receiving,
        reports,
        retention,
        way_in,
    )

    for room in (
        way_in, receiving, reading, judging, incidents, reports, evidence, keys, destroying, holds, retention,
        gaps, identity, demo,
    ):  # fmt: skip
        room.register(app)
    for entry in sorted(entry_points(group="wa_analytics.commands"), key=lambda entry: entry.name):
        entry.load()(app)


_registered()


def main(arguments: list[str] | None = None) -> None:
    """Run `wa`; a deliberate error is one sentence and exit code 2."""
    # Imports make many objects that stay: looking through them again and again for cycles is a sixth
    # of a short command's time.
    gc.set_threshold(100_000)
    # Nor need they be taken apart one by one at the end, which is a quarter of it.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a sign that a terminal's encoding lacks stops nothing
            stream.reconfigure(errors="replace")
    try:
        code = app(arguments, prog_name="wa", standalone_mode=False) or 0
    except typer.TyperException as error:
        say(_asked_wrongly(error))
        sys.exit(2)
    except WorkbenchError as error:
        say(str(error))
        sys.exit(2)
    except UnicodeError:
        say("An argument or the standard input holds bytes that are not UTF-8; give it as UTF-8 text.")
        sys.exit(2)
    except SystemExit as error:
        # Typer and Rich end with 1, which here means findings, when whoever read our output has had enough.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left must not raise again
        code = READER_GONE
    except OSError as error:
        what = error.strerror or type(error).__name__
        if error.filename is None:
            say(f"The system refused something: {what}; see to that, then try again.")
        else:
            say(f"{error.filename}: {what}; check that path and its rights, then try again.")
        sys.exit(2)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except typer.Abort:
        code = 1
    if code == INTERRUPTED:
        say("Stopped; what was committed stays, and the same command goes on from there.")
    sys.exit(code)


def _asked_wrongly(error: typer.TyperException) -> str:
    """One sentence on an unknown command, option or value; the help where nothing was asked."""
    context = getattr(error, "ctx", None)
    told = error.format_message().rstrip()
    if context is None or told == context.get_help().rstrip():
        return told
    if getattr(error, "option_name", None) == "--home":
        return (
            f"--home stands before the command: `wa --home DIR {context.command_path.removeprefix('wa ')} …`."
        )
    told = told.replace("Value error, ", "").rstrip(".")
    return f"{told[:1].upper()}{told[1:]}; `{context.command_path} --help` tells what can be given."
