"""The retention schedule: which rows bind a message, until when it must and may be kept.

Decision: the schedule is data (`schedule.csv`, replaced by `retention.csv` in the workspace). Of the
rows in force at the trigger, the floor that ends last gives `retain_until`, the ceiling that ends
first `dispose_by`; a fallback floor counts only where no other floor applies (FINRA 4511(b)). Where
the ceiling ends before the floor the conflict is a person's to decide.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
import narwhals as nw

from wa_analytics.errors import SettingsInvalid
from wa_analytics.settings import Entity, RecordClassRule, country_of

Frame = nw.LazyFrame[Any]

SHIPPED = Path(__file__).parent / "schedule.csv"
CORRESPONDENCE = "correspondence"
YES, NO = ("true", "1", "yes"), ("", "false", "0", "no")
TRIGGERS = ("sent_at", "last_entry_at", "created_at")
# Records of the workbench itself: the schedule says how long, messages never fall under them.
OWN_CLASSES = (
    "access_log", "check_result", "consent_record", "finding", "incident", "journal", "suppression",
)  # fmt: skip
COLUMNS = (
    "record_class", "entity_kind", "jurisdiction", "authority", "floor", "ceiling", "is_fallback",
    "trigger", "effective_from", "effective_to", "law", "accessible_for", "extendable_to",
)  # fmt: skip
EUROPEAN_UNION = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
        "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    )
)  # fmt: skip
DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


class ScheduleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the schedule; empty class, kind or jurisdiction means any, jurisdiction `EU` every
    member state, a country all its parts (`US` binds a company of `US-NY`).

    law: whose law asks for it (ISO country or EU; empty: the company's policy or a contract).
    accessible_for: how much of the floor must be at hand at once. extendable_to: what an authority
    may extend the floor to; then write that as the floor in `retention.csv`.
    """

    record_class: str = ""
    entity_kind: str = ""
    jurisdiction: str = ""
    authority: str = ""
    floor: str = ""
    ceiling: str = ""
    is_fallback: bool = False
    trigger: str = "sent_at"
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    law: str = ""
    accessible_for: str = ""
    extendable_to: str = ""

    def binds(self, entity: Entity) -> bool:
        """Whether the row speaks of this company."""
        place, seat = self.jurisdiction.upper(), entity.jurisdiction.strip().upper()
        country = country_of(seat)
        is_there = (
            place in ("", seat)
            or ("-" not in place and country_of(place) == country)
            or (place == "EU" and country in EUROPEAN_UNION)
        )
        return is_there and self.entity_kind in ("", entity.kind)

    @property
    def is_union_law(self) -> bool:
        """Whether Union or Member-State law asks for it (GDPR Art. 17(3)(b)). A row that names no
        law is judged by the jurisdiction it names."""
        law = self.law or self.jurisdiction
        return law == "EU" or law in EUROPEAN_UNION

    def key(self, length: str) -> str:
        """Names one side of the row in findings, e.g. `SEC-01/correspondence/P3Y`."""
        return f"{self.authority or 'policy'}/{self.record_class or 'any'}/{length}"


def offsets(duration: str) -> tuple[str, ...]:
    """An ISO 8601 duration as calendar offsets of the frames, applied in turn (`P1Y7D` → `12mo`,
    `7d`).

    Years and months go by the calendar: 29 February + 1 year is 28 February.
    """
    found = DURATION.fullmatch(duration)
    if not found or not any(found.groups()):
        raise ValueError(f"{duration!r} is no ISO 8601 duration such as P3Y, P18M or P90D")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    parts = (
        (years * 12 + months, "mo"),
        (weeks * 7 + days, "d"),
        (hours, "h"),
        (minutes, "m"),
        (seconds, "s"),
    )
    return tuple(f"{amount}{unit}" for amount, unit in parts if amount) or ("0d",)


def later(moment: Any, duration: str) -> Any:
    """The instant expression plus an ISO 8601 duration."""
    for part in offsets(duration):
        moment = moment.dt.offset_by(part)
    return moment


def read_schedule(workspace: Path | None = None) -> tuple[ScheduleRow, ...]:
    """Rows of `retention.csv` in the workspace, else the shipped ones.

    Raises SettingsInvalid naming file, line and column.
    """
    given = workspace / "retention.csv" if workspace else None
    path = given if given and given.is_file() else SHIPPED
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{path.name} is not UTF-8; save it as UTF-8 and try again.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_columns(path.name, reader.fieldnames or ())
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise SettingsInvalid(
            f"{path.name}, line {reader.reader.line_num}: not CSV ({error}); correct its quotes."
        ) from None
    # Spreadsheets save empty rows as commas; read as a row they would bind everything.
    return tuple(_row(path.name, line, cells) for line, cells in rows if _is_filled(cells))


def _is_filled(cells: dict[str, Any]) -> bool:
    return any(cell if isinstance(cell, list) else (cell or "").strip() for cell in cells.values())


def _check_columns(name: str, given: Sequence[str]) -> None:
    """Columns of one's own are notes, but what looks like a misspelt one is refused: the rule would go."""
    meant = {column: get_close_matches(column.strip().lower(), COLUMNS, 1, 0.75) for column in given}
    for column, near in meant.items():
        if near and column not in COLUMNS:
            raise SettingsInvalid(f"{name}, line 1: column {column!r} is not known; write it {near[0]}.")
    if "record_class" not in given:
        raise SettingsInvalid(
            f"{name}, line 1: column record_class is missing; its columns are {', '.join(COLUMNS)}."
        )


def _row(name: str, line: int, cells: dict[str, Any]) -> ScheduleRow:
    if None in cells:
        raise SettingsInvalid(f"{name}, line {line}: more cells than columns; quote cells that hold commas.")
    clean = {key: (cells.get(key) or "").strip() for key in COLUMNS}
    for column in ("floor", "ceiling", "accessible_for", "extendable_to"):
        if clean[column]:
            try:
                offsets(clean[column])
            except ValueError as error:
                raise SettingsInvalid(f"{name}, line {line}, column {column}: {error}.") from None
    if clean["is_fallback"].lower() not in YES + NO:
        raise SettingsInvalid(f"{name}, line {line}, column is_fallback: must be true, false or empty.")
    trigger = clean["trigger"] or "sent_at"
    if trigger not in TRIGGERS:
        raise SettingsInvalid(f"{name}, line {line}, column trigger: must be one of {', '.join(TRIGGERS)}.")
    if trigger == "created_at" and clean["record_class"] not in OWN_CLASSES:
        raise SettingsInvalid(
            f"{name}, line {line}, column trigger: created_at is for {', '.join(OWN_CLASSES)}; "
            "messages go by sent_at or last_entry_at."
        )
    return ScheduleRow(
        law=clean["law"],
        accessible_for=clean["accessible_for"],
        extendable_to=clean["extendable_to"],
        record_class=clean["record_class"],
        entity_kind=clean["entity_kind"],
        jurisdiction=clean["jurisdiction"],
        authority=clean["authority"],
        floor=clean["floor"],
        ceiling=clean["ceiling"],
        is_fallback=clean["is_fallback"].lower() in YES,
        trigger=trigger,
        effective_from=_moment(name, line, "effective_from", clean["effective_from"]),
        effective_to=_moment(name, line, "effective_to", clean["effective_to"]),
    )


def _moment(name: str, line: int, column: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsInvalid(
            f"{name}, line {line}, column {column}: not an ISO 8601 date; write it as 2026-01-31."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def classed(messages: Frame, rules: Sequence[RecordClassRule]) -> Frame:
    """The messages with `record_class`: the first rule that matches, else correspondence."""
    expression: Any = nw.lit(CORRESPONDENCE)
    for rule in reversed(rules):
        conditions = [
            nw.col(column) == value
            for column, value in (
                ("entity", rule.entity),
                ("channel_id", rule.channel),
                ("purpose_code", rule.purpose),
                ("template_name", rule.template),
            )
            if value
        ]
        matches: Any = nw.lit(True)
        for condition in conditions:
            matches = matches & condition.fill_null(False)
        expression = nw.when(matches).then(nw.lit(rule.record_class)).otherwise(expression)
    return messages.with_columns(record_class=expression)


def scheduled(
    messages: Frame,
    rows: Sequence[ScheduleRow],
    entities: Iterable[Entity],
) -> Frame:
    """Retention of each message.

    messages: message_id, entity, party_id, record_class, sent_at.
    Returns message_id, retain_until, retain_rule, dispose_by, dispose_rule, retention_code
    (scheduled, conflict, unscheduled).
    """
    newest = nw.col("sent_at").max().over("party_id", "entity", "record_class")
    # Messages of unknown people are not one person's record.
    triggered = messages.with_columns(
        last_entry_at=nw.when(nw.col("party_id").is_null()).then(nw.col("sent_at")).otherwise(newest)
    )
    companies = tuple(entities)
    rows = [row for row in rows if _may_bind(row, companies)]
    masks = [_bound(row, companies) for row in rows]
    floors = [(r, m) for r, m in zip(rows, masks, strict=True) if r.floor and not r.is_fallback]
    fallbacks = [(r, m) for r, m in zip(rows, masks, strict=True) if r.floor and r.is_fallback]
    ceilings = [(r, m) for r, m in zip(rows, masks, strict=True) if r.ceiling]

    with_floor = _extreme(triggered, floors, "floor", latest=True)
    with_fallback = _extreme(with_floor, fallbacks, "fallback", latest=True)
    with_ceiling = _extreme(with_fallback, ceilings, "ceiling", latest=False)
    anything: Any = nw.lit(False)
    for mask in masks:
        anything = anything | mask
    return (
        with_ceiling.with_columns(is_bound=anything)
        .with_columns(
            retain_until=nw.coalesce("floor_at", "fallback_at"),
            retain_rule=nw.coalesce("floor_rule", "fallback_rule"),
            dispose_by=nw.col("ceiling_at"),
            dispose_rule=nw.col("ceiling_rule"),
        )
        .select(
            "message_id",
            "retain_until",
            "retain_rule",
            "dispose_by",
            "dispose_rule",
            nw.when(~nw.col("is_bound"))
            .then(nw.lit("unscheduled"))
            .otherwise(
                nw.when((nw.col("dispose_by") < nw.col("retain_until")).fill_null(False))
                .then(nw.lit("conflict"))
                .otherwise(nw.lit("scheduled"))
            )
            .alias("retention_code"),
        )
    )


def _may_bind(row: ScheduleRow, entities: tuple[Entity, ...]) -> bool:
    if row.record_class in OWN_CLASSES:
        return False
    return not (row.entity_kind or row.jurisdiction) or any(map(row.binds, entities))


def _bound(row: ScheduleRow, entities: tuple[Entity, ...]) -> Any:
    """Whether the row binds a message: its class and company, in force at the trigger."""
    keys = [entity.key for entity in entities if row.binds(entity)]
    mask: Any = nw.lit(not row.entity_kind and not row.jurisdiction)
    if row.entity_kind or row.jurisdiction:
        mask = nw.col("entity").is_in(keys).fill_null(False) if keys else nw.lit(False)
    if row.record_class:
        mask = mask & (nw.col("record_class") == row.record_class)
    if row.effective_from:
        mask = mask & (nw.col(row.trigger) >= nw.lit(row.effective_from))
    if row.effective_to:
        mask = mask & (nw.col(row.trigger) < nw.lit(row.effective_to))
    return mask


def _extreme(frame: Frame, bound: Sequence[tuple[ScheduleRow, Any]], name: str, *, latest: bool) -> Frame:
    """Adds `<name>_at` and `<name>_rule` of the row that ends last (or first); of equals the
    smaller key."""
    if not bound:
        return frame.with_columns(
            nw.lit(None, dtype=nw.Datetime("us", "UTC")).alias(f"{name}_at"),
            nw.lit(None, dtype=nw.String).alias(f"{name}_rule"),
        )
    named = sorted(
        (
            (row.key(length := row.ceiling if name == "ceiling" else row.floor), row, length, mask)
            for row, mask in bound
        ),
        key=lambda entry: entry[0],
    )
    ends = {
        f"__{name}_{number}": nw.when(mask).then(later(nw.col(row.trigger), length))
        for number, (_, row, length, mask) in enumerate(named)
    }
    horizontal = nw.max_horizontal if latest else nw.min_horizontal
    chosen = frame.with_columns(**ends).with_columns(horizontal(*ends).alias(f"{name}_at"))
    rule: Any = nw.lit(None, dtype=nw.String)
    for column, (key, *_) in reversed(list(zip(ends, named, strict=True))):
        is_it = (nw.col(column) == nw.col(f"{name}_at")).fill_null(False)
        rule = nw.when(is_it).then(nw.lit(key)).otherwise(rule)
    return chosen.with_columns(rule.alias(f"{name}_rule")).drop(*ends)
