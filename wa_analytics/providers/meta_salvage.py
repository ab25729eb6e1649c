"""A webhook body read part by part: one that does not fit the typed shapes, or tells what comes seldom.

One malformed message must not cost its neighbours: each element is converted alone, an optional
part of an unknown shape is left out, and what cannot be read is counted by the list's name.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec

from wa_analytics.providers.meta_parts import malformed
from wa_analytics.providers.meta_shapes import (
    Account,
    Call,
    Contact,
    Message,
    Preference,
    Status,
    Value,
)
from wa_analytics.records import Record

_LISTS: dict[str, type[msgspec.Struct]] = {
    "contacts": Contact,
    "messages": Message,
    "statuses": Status,
    "message_echoes": Message,
    "calls": Call,
    "user_preferences": Preference,
}
Part = TypeVar("Part", bound=msgspec.Struct)


class Told(NamedTuple):
    """One change of a body: `value` for the fields read in typed shapes, `stated` for the others."""

    account: Account
    field: str
    value: Value
    stated: dict[str, Any]


def changes_of(records: list[Record], stated: dict[str, Any], typed: Container[str]) -> Iterator[Told]:
    """The changes of a body whose `entry` is a list; what is malformed is counted in `records`."""
    for raw_account in stated["entry"]:
        if not isinstance(raw_account, dict) or not isinstance(raw_account.get("changes"), list):
            records.append(malformed("entry"))
            continue
        account, is_whole = _part({**raw_account, "changes": []}, Account)
        if account is None or not is_whole:
            records.append(malformed("entry"))
        for raw in raw_account["changes"]:
            told = _change(records, raw, account or Account(), typed)
            if told is not None:
                yield told


def _change(records: list[Record], raw: Any, account: Account, typed: Container[str]) -> Told | None:
    field = raw.get("field") if isinstance(raw, dict) else None
    if not isinstance(field, str):
        records.append(malformed("changes"))
        return None
    value = raw.get("value")
    if not isinstance(value, dict):
        records.append(malformed("value"))
        value = {}
    return Told(account, field, _value(records, value) if field in typed else Value(), value)


def _value(records: list[Record], raw: dict[str, Any]) -> Value:
    scalars = {name: cell for name, cell in raw.items() if name not in _LISTS}
    value = _part(scalars, Value)[0] or Value()
    for name, kind in _LISTS.items():
        if raw.get(name) is not None:
            setattr(value, name, parts_of(records, raw, name, kind))
    return value


def parts_of(records: list[Record], raw: dict[str, Any], name: str, kind: type[Part]) -> list[Part]:
    """The readable elements of the list of this name, or the one element in its place."""
    listed = raw.get(name)
    if listed is None:
        return []
    parts = []
    for element in listed if isinstance(listed, list) else [listed]:
        part, is_whole = _part(element, kind)
        if not is_whole:
            records.append(malformed(name))
        if part is not None:
            parts.append(part)
    return parts


def _part(raw: Any, kind: type[Part]) -> tuple[Part | None, bool]:
    """(what could be read, whether that is everything)."""
    try:
        return msgspec.convert(raw, kind), True
    except msgspec.ValidationError:
        pass
    if not isinstance(raw, dict):
        return None, False
    kept = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in raw:
            continue
        try:
            msgspec.convert(raw[field.encode_name], field.type)
            kept[field.encode_name] = raw[field.encode_name]
        except msgspec.ValidationError:
            nested = next((t for t in get_args(field.type) if _is_struct(t)), None)
            part = _part(raw[field.encode_name], nested)[0] if nested else None
            if part is not None:
                kept[field.encode_name] = msgspec.to_builtins(part)
    try:
        return msgspec.convert(kept, kind), False
    except msgspec.ValidationError:
        return None, False


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
