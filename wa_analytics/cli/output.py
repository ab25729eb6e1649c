"""What a command prints: results on stdout, sentences on stderr, JSON for programs, `tables` for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from wa_analytics.cli.tables import table

if TYPE_CHECKING:
    import polars as pl


def emit(document: Any) -> None:
    """One JSON document on stdout; instants are ISO 8601 with offset. Where stdout is not UTF-8 it is in
    ASCII, which says the same."""
    import codecs
    import json

    is_utf8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    typer.echo(json.dumps(document, default=_written, ensure_ascii=not is_utf8))


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
