"""Commands of keys: rotate, restore, list."""

from __future__ import annotations

import os
from typing import Any

import typer

from wa_analytics.cli.invocation import Json, Reason, current, moment
from wa_analytics.cli.output import answered, emit, say
from wa_analytics.cli.tables import table

commands = typer.Typer(help="Keys: rotate, restore and list them.", no_args_is_help=True)
NEW_MASTER = "WA_NEW_MASTER_KEY"


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="keys")


@commands.command("rotate")
def rotate(context: typer.Context, reason: Reason = "", as_json: Json = False) -> None:
    """Make a new master key; the log is not touched. Journalled.

    The wrapping keys are wrapped anew under it. With the master key from the environment, put the new
    one into WA_NEW_MASTER_KEY first.
    """
    from wa_analytics.errors import KeyRefused
    from wa_analytics.evidence.keyfile import key_of_text
    from wa_analytics.reports.wording import several

    workspace = current(context)
    new = None
    if not workspace.ring.makes_new_keys:
        given = os.environ.get(NEW_MASTER)
        if not given:
            raise KeyRefused(
                f"The master key comes from the environment; put the new one into {NEW_MASTER} "
                "(32 bytes as hex or base64), then run this again."
            )
        new = key_of_text(given, NEW_MASTER)
    count = workspace.rotate_keys(reason=reason, new_master=new, at=moment(None))
    if as_json:
        emit({"wrapping_key_count": count})
        return
    stand = several(count, "wrapping key stands", "wrapping keys stand")
    typer.echo(f"{stand} under the new master key. Copy it to where copies are kept.")
    if new is not None:
        say("Now set WA_KEYS__MASTER_KEY to the new key: the old one opens nothing any more.")


@commands.command("restore")
def restore(context: typer.Context, reason: Reason = "", as_json: Json = False) -> None:
    """Put back keys that one of their two places lost. Journalled.

    The places are the database and the folder of copies. What was disposed of stays gone.
    """
    done = current(context).restore_keys(reason=reason, at=moment(None))
    document = {
        "wrapping_key_count": done.wrapping_keys,
        "entry_key_count": done.entry_keys,
        "refused_count": done.refused,
        "copy_count": done.copies,
    }
    answered(
        document,
        f"{done.entry_keys:,} entry keys and {done.wrapping_keys:,} wrapping keys are back in the "
        f"database, {done.copies:,} copies were written anew.",
        as_json,
    )
    if done.refused:
        say(f"{done.refused:,} copies do not open under their wrapping key and were left out.")
        raise typer.Exit(2)


@commands.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """Every wrapping key: since when, how many entries it opens."""
    import polars as pl

    from wa_analytics.evidence.rotation import wrapping_key_use

    workspace = current(context)
    rows: list[dict[str, Any]] = [
        {
            "wrapping_key_id": use.wrapping_key_id,
            "created_at": use.created_at,
            "entry_count": use.entry_count,
            "is_destroyed": use.is_destroyed,
        }
        for use in wrapping_key_use(workspace.database)
    ]
    if as_json:
        emit(rows)
    elif rows:
        table(pl.DataFrame(rows))
    else:
        typer.echo("No wrapping key yet: nothing was captured.")
