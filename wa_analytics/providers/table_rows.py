"""One record of a table (CSV record or NDJSON object) as the cells of its known columns.

SHAPES is the one place that says which columns a table has and which it cannot do without.
Sentences name the line and the column, never what stands there.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers.bodies import no_json
from wa_analytics.providers.instants import micros_of
from wa_analytics.providers.people import safe_name
from wa_analytics.records import UnknownRecord
from wa_analytics.settings import Settings

_LARGEST = 10**30
_BREAK = re.compile(r"[\r\n]")


class TableShape(msgspec.Struct, frozen=True):
    """A table's known columns, and those without which no row of it can be read."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]


SHAPES: dict[str, TableShape] = {
    "send-log": TableShape(
        columns=(
            "message_id", "sent_at", "channel_id", "to", "purpose", "kind", "template_name", "body",
            "custodian_id",
        ),
        needed=("message_id", "sent_at", "channel_id", "to"),
    ),
    "consent-register": TableShape(
        columns=(
            "record_id", "party", "purpose", "action", "occurred_at", "recorded_at", "method", "wording",
            "wording_version", "language", "business_name", "evidence", "expires_at", "jurisdiction",
            "lawful_basis", "recorded_by", "phone", "user_id", "crm_id",
        ),
        needed=("party", "purpose", "action", "occurred_at"),
    ),
    "directory": TableShape(
        columns=(
            "custodian_id", "name", "email", "business_unit", "jurisdiction", "is_regulated", "phone",
            "supervisor_id", "active_from", "active_to",
        ),
        needed=("custodian_id",),
    ),
}  # fmt: skip


class Row(msgspec.Struct):
    """`cells` in the order of the shape's columns, blank where absent; `unknown` counts what was
    not understood; `place` opens every sentence."""

    cells: tuple[str, ...]
    extra: dict[str, Any]
    unknown: list[UnknownRecord]
    place: str
    time_zone: str

    def unreadable(self, what: str) -> CaptureUnreadable:
        return CaptureUnreadable(f"{self.place}: {what}; correct the row and import it again.")

    def needed(self, column: str, text: str) -> str:
        if not text:
            raise self.unreadable(f"column {column} is empty")
        return text

    def needed_time(self, column: str, text: str) -> int:
        """Microseconds since 1970 UTC. Raises CaptureUnreadable."""
        try:
            micros, is_zoneless = micros_of(text, self.time_zone)
        except ValueError:
            what = "holds no readable time (ISO 8601 or unix seconds)" if text else "is empty"
            raise self.unreadable(f"column {column} {what}") from None
        if is_zoneless:
            self.unknown.append(_unknown("zoneless_time", column))
        return micros

    def optional_time(self, column: str, text: str) -> int | None:
        """None where blank; an unreadable one is kept in `extra` and counted, and gives None."""
        if not text:
            return None
        try:
            return self.needed_time(column, text)
        except CaptureUnreadable:
            self.keep(column, text, "unreadable_time")
            return None

    def keep(self, column: str, text: str, kind: str) -> None:
        """Keep a cell whose meaning is not understood, and count its column under `kind`."""
        self.extra[column] = text
        self.unknown.append(_unknown(kind, column))


class _Plan(msgspec.Struct, frozen=True):
    names: tuple[str, ...]
    known: Any
    others: tuple[int, ...]
    unknown: tuple[UnknownRecord, ...]


@lru_cache(maxsize=512)
def _unknown(kind: str, name: str) -> UnknownRecord:
    return UnknownRecord(kind=kind, name=safe_name(name))


def column_names(cells: list[str]) -> tuple[str, ...]:
    """Header cells as names: case and surrounding spaces do not matter."""
    return tuple(cell.strip().lower() for cell in cells)


def cells_of(text: str, delimiter: str) -> list[str]:
    """The cells of one record (RFC 4180). Raises csv.Error where quotes do not match."""
    if '"' not in text:
        return text.split(delimiter)
    parts = text.split('"')
    if len(parts) == 3 and len(text) <= csv.field_size_limit():
        head, cell, tail = parts
        if head[-1:] in ("", delimiter) and tail[:1] in ("", delimiter) and not _BREAK.search(head + tail):
            # One quoted cell, as below, in a third of the time.
            return [*head.split(delimiter)[:-1], cell, *tail.split(delimiter)[1:]]
    records = list(csv.reader([text], delimiter=delimiter, strict=True))
    if len(records) != 1:
        raise csv.Error("not one record")
    return records[0]


@lru_cache(maxsize=64)
def _plan(provider: str, columns: str) -> _Plan:
    names = column_names(msgspec.json.decode(columns, type=list[str]))
    shape = SHAPES[provider].columns
    # -1 reads the blank cell that is put behind every record.
    indexes = [names.index(column) if column in names else -1 for column in shape]
    others = tuple(index for index, name in enumerate(names) if name not in shape)
    return _Plan(
        names=names,
        known=itemgetter(*indexes),
        others=others,
        unknown=tuple(_unknown("column", names[index]) for index in others),
    )


def file_facts(capture: Capture) -> dict[str, Any] | None:
    """`{columns, length_bytes, digest, record_count}` of the capture that stands for a whole
    import file; None for every other capture."""
    if capture.headers.get("kind") != "file":
        return None
    try:
        stated = msgspec.json.decode(capture.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    facts = stated.get("file") if isinstance(stated, dict) else None
    return facts if isinstance(facts, dict) else None


def row_of(capture: Capture, settings: Settings) -> Row | None:
    """The row in a capture; None for a file's own capture and for a record of blank cells.

    Raises CaptureUnreadable: not UTF-8, quotes that do not match, another number of cells than
    the header line, no JSON object.
    """
    headers = capture.headers
    if headers.get("kind") == "file":
        return None
    line = headers.get("line")
    place = f"line {line}" if line else "the record"
    columns = headers.get("columns")
    if columns is None:
        return _object_row(capture, place, settings)
    plan = _plan(capture.provider, columns)
    try:
        cells = cells_of(capture.body.decode(), headers.get("delimiter", ","))
    except UnicodeDecodeError:
        raise CaptureUnreadable(
            f"{place}: is not UTF-8; save the file as UTF-8 and import it again."
        ) from None
    except csv.Error:
        raise CaptureUnreadable(
            f"{place}: its quotes do not match, or a cell is longer than {csv.field_size_limit()} "
            "characters; correct the row and import it again."
        ) from None
    if len(cells) != len(plan.names):
        if not any(cell.strip() for cell in cells):
            return None
        raise CaptureUnreadable(
            f"{place}: has {len(cells)} cells where the header line has {len(plan.names)}; "
            "correct the row and import it again."
        )
    cells.append("")
    known = plan.known(cells)
    known = tuple(map(str.strip, known)) if type(known) is tuple else (known.strip(),)
    if not any(known) and not any(cell.strip() for cell in cells):
        return None
    extra = {plan.names[index]: cells[index] for index in plan.others} if plan.others else {}
    return Row(known, extra, list(plan.unknown), place, settings.imports.time_zone)


def known_cells(capture: Capture) -> tuple[str, ...] | None:
    """The known columns' cells of a record that `row_of` reads for certain; None says nothing."""
    headers = capture.headers
    columns = headers.get("columns")
    if columns is None or "kind" in headers:
        return None
    plan = _plan(capture.provider, columns)
    try:
        cells = cells_of(capture.body.decode(), headers.get("delimiter", ","))
    except (UnicodeDecodeError, csv.Error):
        return None
    if len(cells) != len(plan.names):
        return None
    cells.append("")
    return tuple(map(str.strip, plan.known(cells)))


def is_time(text: str) -> bool:
    """Whether the cell tells an instant, in whichever time zone."""
    try:
        return not micros_of(text, "UTC")[1]
    except ValueError:
        return False


def _object_row(capture: Capture, place: str, settings: Settings) -> Row:
    try:
        stated = msgspec.json.decode(capture.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise no_json(place, capture.body, "correct the line and import it again") from None
    if not isinstance(stated, dict):
        raise CaptureUnreadable(f"{place}: is no JSON object; give one object per line (.ndjson).")
    cells = {str(name).strip().lower(): value for name, value in stated.items()}
    row = Row((), {}, [], place, settings.imports.time_zone)
    known = []
    for column in SHAPES[capture.provider].columns:
        value = cells.pop(column, None)
        if value is None:
            known.append("")
        elif isinstance(value, bool):
            known.append("true" if value else "false")
        elif isinstance(value, str):
            known.append(value.strip())
        elif isinstance(value, int | float) and -_LARGEST < value < _LARGEST:
            known.append(str(value))
        else:
            raise row.unreadable(f"column {column} holds something else than a text or a whole number")
    row.cells = tuple(known)
    row.extra = dict(cells)
    row.unknown.extend(_unknown("column", name) for name in cells)
    return row
