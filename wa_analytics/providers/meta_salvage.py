"""A webhook body that does not fit the typed shapes, read part by part.

One malformed message must not cost its neighbours: each element is converted alone, an optional
part of an unknown shape is left out, and what cannot be read is counted by the list's name.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, TypeVar, get_args

import msgspec

from wa_analytics.providers.meta_shapes import (
    Account,
    Call,
    Change,
    Contact,
    Envelope,
    Message,
    Preference,
    Status,
    Value,
)
from wa_analytics.records import UnknownRecord

_LISTS: dict[str, type[msgspec.Struct]] = {
    "contacts": Contact,
    "messages": Message,
    "statuses": Status,
    "message_echoes": Message,
    "calls": Call,
    "user_preferences": Preference,
}
Part = TypeVar("Part", bound=msgspec.Struct)


def salvaged(stated: dict[str, Any], fields: Container[str]) -> tuple[Envelope, list[UnknownRecord]]:
    """The readable parts of a body whose `object` is text and whose `entry` is a list.

    Only the values of `fields` are looked into; of the others the name is all that is read.
    """
    malformed: list[UnknownRecord] = []
    accounts = []
    for raw_account in stated["entry"]:
        if not isinstance(raw_account, dict) or not isinstance(raw_account.get("changes"), list):
            malformed.append(UnknownRecord(kind="malformed", name="entry"))
            continue
        account, is_whole = _part({**raw_account, "changes": []}, Account)
        if account is None or not is_whole:
            malformed.append(UnknownRecord(kind="malformed", name="entry"))
        account = account or Account()
        account.changes = list(_changes(raw_account["changes"], fields, malformed))
        accounts.append(account)
    return Envelope(object=stated["object"], entry=accounts), malformed


def _changes(
    raw_changes: list[Any], fields: Container[str], malformed: list[UnknownRecord]
) -> Iterator[Change]:
    for raw in raw_changes:
        field = raw.get("field") if isinstance(raw, dict) else None
        if not isinstance(field, str):
            malformed.append(UnknownRecord(kind="malformed", name="changes"))
            continue
        is_read = field in fields
        yield Change(field=field, value=_value(raw.get("value"), malformed) if is_read else Value())


def _value(raw: Any, malformed: list[UnknownRecord]) -> Value:
    if not isinstance(raw, dict):
        malformed.append(UnknownRecord(kind="malformed", name="value"))
        return Value()
    scalars = {name: cell for name, cell in raw.items() if name not in _LISTS}
    value, _ = _part(scalars, Value)
    value = value or Value()
    for name, kind in _LISTS.items():
        listed = raw.get(name)
        if listed is None:
            continue
        parts = []
        for element in listed if isinstance(listed, list) else [listed]:
            part, is_whole = _part(element, kind)
            if not is_whole:
                malformed.append(UnknownRecord(kind="malformed", name=name))
            if part is not None:
                parts.append(part)
        setattr(value, name, parts)
    return value


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
