"""Rows for people: a table, or names and values under each other where the terminal is too narrow."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

ROWS_SHOWN = 25
GAP = 2
# What strangers wrote is shown too, and a terminal would obey these.
ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def table(frame: pl.DataFrame, *, title: str = "", empty: str = "") -> None:
    """A frame as a table on the terminal; `empty` is said instead of one without rows.

    No word is broken: where the longest ones do not fit beside each other, or the wrapped cells would be
    taller so, the names and values of each row stand under each other. Into a pipe or a file each row is
    one line, whatever its length.
    """
    import polars as pl
    from rich.console import Console

    if empty and frame.is_empty():
        typer.echo(empty)
        return
    console = Console(markup=False, emoji=False, highlight=False)
    names = [_heading(name, kind == pl.Datetime) for name, kind in frame.schema.items()]
    rows = [[_cell(cell) for cell in row] for row in frame.head(ROWS_SHOWN).iter_rows()]
    if not console.is_terminal:
        rows = [[" ".join(cell.split("\n")) for cell in row] for row in rows]
    if title:
        console.print(title, style="italic", soft_wrap=True)
    shown = _beside_each_other(console, frame.dtypes, names, rows)
    if shown is None:
        for row in rows:
            under_each_other(dict(zip(names, row, strict=True)), console.width)
            typer.echo()
    else:
        console.print(shown)
    if frame.height > ROWS_SHOWN:
        console.print(f"… {frame.height - ROWS_SHOWN:,} more; `--json` gives all.", style="dim")


def _beside_each_other(
    console: Console, kinds: Sequence[pl.DataType], names: list[str], rows: list[list[str]]
) -> Table | None:
    """None where it would not fit, or be taller than names and values under each other."""
    from rich.measure import measure_renderables
    from rich.table import Table
    from rich.text import Text

    anywhere = console.options.update(width=1_000_000)
    found = [
        measure_renderables(console, anywhere, [Text(cell) for cell in column])
        for column in zip(names, *rows, strict=True)
    ]
    # A time is one word.
    least = [
        each.maximum if kind.is_temporal() else each.minimum for kind, each in zip(kinds, found, strict=True)
    ]
    most = [each.maximum for each in found]
    gaps = GAP * (len(names) - 1)
    if not console.is_terminal:
        console.width = sum(most) + gaps
    room = console.width - gaps
    if sum(least) > room:
        return None
    shown = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for name, kind, width in zip(names, kinds, _widths(least, most, room), strict=True):
        shown.add_column(name, width=width, justify="right" if kind.is_numeric() else "left")
    for row in rows:
        shown.add_row(*row)
    is_taller = len(console.render_lines(shown)) > (len(names) + 1) * (len(rows) + 1)
    return None if is_taller else shown


def _widths(least: list[int], most: list[int], room: int) -> list[int]:
    """As even as they can be between each column's longest word and its longest line."""

    def held(even: int) -> list[int]:
        return [min(max(even, low), high) for low, high in zip(least, most, strict=True)]

    return held(max(even for even in range(room + 1) if sum(held(even)) <= room))


def under_each_other(row: dict[str, str], width: int) -> None:
    """A line for each name that has a value; longer ones wrap between words."""
    margin = max(map(len, row)) + GAP
    for name, value in row.items():
        lines = [
            part
            for line in value.split("\n")
            for part in textwrap.wrap(
                line, max(width - margin, 1), break_long_words=False, break_on_hyphens=False
            )
        ]
        if lines:
            typer.echo(f"{name:>{margin - GAP}}{' ' * GAP}" + f"\n{' ' * margin}".join(lines))


def _heading(column: str, is_time: bool) -> str:
    return column.removesuffix("_code").replace("_", " ") + (" (UTC)" if is_time else "")


def _cell(value: Any) -> str:
    from datetime import datetime

    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return ORDERS.sub("\N{REPLACEMENT CHARACTER}", "\n".join(str(value).splitlines()))
