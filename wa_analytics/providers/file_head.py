"""How an import file is laid out: decided from its ending, its provider and its first bytes."""

from __future__ import annotations

import csv
from typing import Literal

import msgspec

from wa_analytics.providers.record_split import Block
from wa_analytics.providers.streams import Refusal
from wa_analytics.providers.table_rows import SHAPES, cells_of, column_names

Layout = Literal["csv", "lines", "documents", "chat", "whole", "facts"]
BOM = b"\xef\xbb\xbf"
_DELIMITERS = (",", ";", "\t")


class FileHead(msgspec.Struct, frozen=True):
    """What the records of one file share; small and picklable.

    layout: `csv`, `lines` (NDJSON), `documents` (JSON objects one after the other), `whole` (the file
        is one record), `chat` (messages of a chat export), `facts` (the capture that stands for the
        file).
    place: shown in sentences, never stored.
    file_digest: SHA-256 of the file's (unpacked) bytes; None for a pipe or a truncated file.
    columns: the header line's cells as JSON; context: its bytes, or how often a message of a chat
    was said before in the same words and minute.
    chat: the order of the dates and the style of the first lines; for a file that came with a chat,
    empty.
    """

    provider: str
    layout: Layout
    place: str
    time_zone: str
    file_digest: str | None = None
    columns: str | None = None
    delimiter: str = ","
    context: bytes = b""
    chat: tuple[str, ...] | None = None


def layout_of(ending: str, provider: str, start: bytes) -> Layout | None:
    """None where the provider does not come in files of this ending."""
    is_table = provider in SHAPES
    if provider == "aws-social" and ending not in (".ndjson", ".jsonl", ".csv"):
        return "documents"
    match ending:
        case ".json":
            return "whole"
        case ".ndjson" | ".jsonl":
            return "lines"
        case ".csv":
            return "csv" if is_table else None
    text = start.removeprefix(BOM).lstrip()
    if is_table and not text.startswith(b"{"):
        return "csv"
    # Text that tells nothing of itself: lines, if one of its first two stands alone as JSON.
    lines = [line for line in text.split(b"\n", 8)[:8] if line.strip()]
    if len(lines) == 1 or any(_is_object(line) for line in lines[:2]):
        return "lines"
    return "whole" if text.startswith((b"{", b"[")) else "lines"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def refused_head(start: bytes) -> str | None:
    """Why a text of lines cannot be read at all, or None."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start[:4096]:
        return "is not UTF-8 text (it looks like UTF-16 or a binary file); save it as UTF-8 and import it."
    if b"\r" in start and b"\n" not in start and b"\r" in start.rstrip(b"\r"):
        return "its lines end with a bare carriage return; save it with \\n or \\r\\n and import it."
    return None


def headed(head: FileHead, block: Block) -> tuple[FileHead, list[str], Block] | Refusal | None:
    """(head with columns, header cells, the lines after it) from a CSV file's first lines; None
    where all of them are blank.

    The delimiter is whichever of comma, semicolon and tab gives the most known columns.
    """
    place = next((index for index, line in enumerate(block.lines) if line.strip()), None)
    if place is None:
        return None
    number = block.first_line + place
    context = block.lines[place].removesuffix(b"\r")
    try:
        text = context.decode()
    except UnicodeDecodeError:
        return _refused(head, number, "is not UTF-8; save the file as UTF-8 and import it.")
    shape = SHAPES[head.provider]
    best: list[str] = []
    delimiter, best_known = ",", -1
    for candidate in _DELIMITERS:
        try:
            cells = cells_of(text, candidate)
        except csv.Error:
            continue
        known = len(set(column_names(cells)) & set(shape.columns))
        if known > best_known:
            best, delimiter, best_known = cells, candidate, known
    names = column_names(best)
    missing = [column for column in shape.needed if column not in names]
    if missing:
        return _refused(
            head,
            number,
            f"the header line lacks {', '.join(missing)}, without which {head.provider} cannot be read; "
            "nothing of this file was imported: add the missing column and import it again.",
        )
    twice = sorted({name for name in names if name in shape.columns and names.count(name) > 1})
    if twice:
        return _refused(
            head,
            number,
            f"the header line holds {', '.join(twice)} twice; keep one and import the file again.",
        )
    columns = msgspec.json.encode(best).decode()
    filled = msgspec.structs.replace(head, columns=columns, delimiter=delimiter, context=context)
    return filled, best, Block(number + 1, block.lines[place + 1 :], block.has_quotes)


def _refused(head: FileHead, line: int, what: str) -> Refusal:
    return Refusal(head.place, line, f"{head.place}, line {line}: {what}")
