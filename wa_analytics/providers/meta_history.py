"""Field `history`: chats of the Business app from before the platform was connected, in chunks.

The counterpart of a thread is the person of every message in it. A state such as READ stands without
its time: it is told as of the message's own, the earliest it can be. A message's file comes later, in
a second body under the same field. Source: Meta, webhooks reference, history; business-scoped user ids
(June 2026).
"""

from __future__ import annotations

from typing import Any, Literal

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import instant
from wa_analytics.providers.meta_content import Origin, link_username, stated_origin, told_message
from wa_analytics.providers.meta_event_codes import EVENT, EVENTS
from wa_analytics.providers.meta_parts import code, elements, malformed, moment, part, person, text
from wa_analytics.providers.meta_salvage import parts_of
from wa_analytics.providers.meta_shapes import Account, Message
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    ChannelEventRecord,
    Identifier,
    LinkRecord,
    Record,
    StatusRecord,
    UnknownRecord,
)

_STATES = {"SENT": "sent", "DELIVERED": "delivered", "READ": "read", "PLAYED": "played", "ERROR": "failed"}


def history(
    records: list[Record], field: str, value: dict[str, Any], account: Account, capture: Capture
) -> None:
    """Every chunk, thread and message; a history that its owner declined to share."""
    origin = stated_origin(value, account)
    own = text(value, "metadata", "display_phone_number")
    for chunk in elements(value, "history"):
        _chunk(records, chunk, origin, account, capture)
        for thread in elements(chunk, "threads"):
            people = _counterpart(thread)
            if len(people) > 1:
                records.append(LinkRecord(people=people, rule="contact"))
            if (username := text(thread, "context", "username")) is not None:
                link_username(records, people, username)
            for message in parts_of(records, thread, "messages", Message):
                _message(records, message, people, own, origin)
    for message in parts_of(records, value, "messages", Message):
        _message(records, message, (), own, origin)


def _chunk(
    records: list[Record], chunk: dict[str, Any], origin: Origin, account: Account, capture: Capture
) -> None:
    told = [
        (EVENTS["history"].get(code(error, "code") or "", "history.unlisted"), code(error, "code"))
        for error in elements(chunk, "errors")
    ]
    place = part(chunk, "metadata")
    if isinstance(place, dict):
        numbers = (code(place, name) or "" for name in ("phase", "chunk_order", "progress"))
        told.append((EVENT["history"], ".".join(numbers)))
    for event, detail in told:
        records.append(
            ChannelEventRecord(
                event=event,
                occurred_at=moment(chunk, account, capture),
                channel_id=origin.channel_id,
                account_id=origin.account_id,
                detail=detail,
            )
        )


def _counterpart(thread: dict[str, Any]) -> tuple[Identifier, ...]:
    context = part(thread, "context")
    found = person(context) or person(thread, "id")
    number = people_of(text(thread, "id"))
    return (*found, *(one for one in number if one not in found))


def _message(
    records: list[Record],
    message: Message,
    thread: tuple[Identifier, ...],
    own: str | None,
    origin: Origin,
) -> None:
    sent_at = instant(message.timestamp)
    if sent_at is None:
        records.append(malformed("history"))
        return
    direction = _direction(message, thread, own)
    people = thread or (
        people_of(message.sender, message.from_user_id)
        if direction == "inbound"
        else people_of(message.to, message.to_user_id)
    )
    if not told_message(records, message, "history", direction, people, sent_at, origin):
        return
    state = message.history_context.status if message.history_context is not None else None
    if state is None or direction == "inbound":
        return
    status = _STATES.get(state.upper())
    if status is not None:
        records.append(
            StatusRecord(
                outside_id=message.id,
                status=status,
                occurred_at=sent_at,
                people=people,
                channel_id=origin.channel_id,
                account_id=origin.account_id,
                extra={"source": "history"},
            )
        )
    elif state.upper() != "PENDING":
        records.append(UnknownRecord(kind="status", name=safe_name(state)))


def _direction(
    message: Message, thread: tuple[Identifier, ...], own: str | None
) -> Literal["inbound", "outbound"]:
    """The business's own number tells; without it, whether the sender is the thread's counterpart."""
    sender, to = people_of(message.sender), people_of(message.to)
    if own is not None and (number := people_of(own)):
        if sender == number:
            return "outbound"
        if to == number:
            return "inbound"
    if sender and sender[0] in thread:
        return "inbound"
    return "outbound" if to else "inbound"
