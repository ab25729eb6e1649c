"""What a command prints: results on stdout, sentences on stderr, tables for people, JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import polars as pl

ROWS_SHOWN = 25
PIPE_WIDTH = 500


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


def answered(document: dict[str, Any], sentence: str, as_json: bool) -> None:
    """What a command did: one document for programs, one sentence for people."""
    if as_json:
        emit(document)
    else:
        typer.echo(sentence)


def listed(frame: pl.DataFrame, as_json: bool, *, title: str = "", empty: str = "") -> None:
    """A frame as JSON rows for programs, as a table for people."""
    if as_json:
        emit(frame.to_dicts())
    else:
        table(frame, title=title, empty=empty)


def table(frame: pl.DataFrame, *, title: str = "", empty: str = "") -> None:
    """A frame as a table on the terminal; `empty` is said instead of one without rows. Into a pipe or
    a file each row is one line, whatever its length."""
    from rich.console import Console
    from rich.table import Table

    if empty and frame.is_empty():
        typer.echo(empty)
        return
    shown = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name, kind in frame.schema.items():
        words = name.removesuffix("_code").replace("_", " ")
        shown.add_column(words, overflow="fold", justify="right" if kind.is_numeric() else "left")
    for row in frame.head(ROWS_SHOWN).iter_rows():
        shown.add_row(*("" if cell is None else _cell(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(shown)
    if frame.height > ROWS_SHOWN:
        console.print(f"… {frame.height - ROWS_SHOWN:,} more; `--json` gives all.", style="dim")


def _cell(value: Any) -> str:
    from datetime import datetime

    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
