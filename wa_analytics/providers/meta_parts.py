"""Reading plain JSON of any shape: the fields that come seldom and whose shape Meta often changes.

Nothing here raises: what is not as documented is None, and the caller counts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import instant
from wa_analytics.providers.meta_shapes import Account, Text
from wa_analytics.providers.people import people_of
from wa_analytics.records import ChannelEventRecord, Identifier, UnknownRecord

# A code may hold short numbers (a limit, an error), never one as long as a phone number.
_CODE = re.compile(r"(?!.*[0-9]{8})[A-Za-z0-9_.:+|-]{1,64}\Z")
_TIER = re.compile(r"[0-9]{1,12}:(?:[0-9]{1,12}|MAX)\Z")


def text_of(text: Text) -> str | None:
    """An id as text, whichever of text and number it came as."""
    return text if type(text) is str else None if text is None else str(text)


@lru_cache(maxsize=64)
def malformed(name: str) -> UnknownRecord:
    """That something of this list or field could not be read; counted, named without its value."""
    return UnknownRecord(kind="malformed", name=name)


def part(stated: Any, *path: str) -> Any:
    """What stands at the path, or None."""
    for name in path:
        stated = stated.get(name) if isinstance(stated, dict) else None
    return stated


def text(stated: Any, *path: str) -> str | None:
    """Text that is not empty, or a whole number as text."""
    found = part(stated, *path)
    if isinstance(found, str) and found:
        return found
    return str(found) if type(found) is int else None


def elements(stated: Any, *path: str) -> Iterator[dict[str, Any]]:
    """The objects of a list, or the one object that stands in its place."""
    found = part(stated, *path)
    for element in found if isinstance(found, list) else [found]:
        if isinstance(element, dict):
            yield element


def code(stated: Any, *path: str) -> str | None:
    """A code of the platform's lists: letters and short numbers; `other` for what may be a value."""
    return code_of(text(stated, *path))


def code_of(found: str | None) -> str | None:
    """The text where it can only be a code, `other` where it may be a value."""
    if found is None or _CODE.match(found) or _TIER.match(found):
        return found
    return "other"


def person(stated: Any, phone: str = "wa_id") -> tuple[Identifier, ...]:
    """One person's phone and user id, as far as they stand there."""
    return people_of(text(stated, phone), text(stated, "user_id"))


def moment(stated: Any, account: Account, capture: Capture, *path: str) -> int:
    """When it happened: at the path, else the entry's time, else when the capture was received."""
    for given in (part(stated, *(path or ("timestamp",))), account.time_at):
        if (found := instant(given)) is not None:
            return found
    return capture.received_at


def channel_event(
    event: str,
    occurred_at: int,
    value: dict[str, Any],
    account: Account,
    *,
    detail: str | None = None,
    people: tuple[Identifier, ...] = (),
    outside_id: str | None = None,
    subject: str | None = None,
    channel_id: str | None = None,
) -> ChannelEventRecord:
    """An event of the account that the body is about, and of the number its value names, if it does."""
    return ChannelEventRecord(
        event=event,
        occurred_at=occurred_at,
        outside_id=outside_id,
        channel_id=channel_id or text(value, "metadata", "phone_number_id"),
        account_id=text_of(account.id),
        detail=detail,
        subject=subject,
        people=people,
    )
