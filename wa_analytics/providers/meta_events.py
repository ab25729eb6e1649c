"""Fields `calls` and `user_preferences`.

Source: Meta, webhooks reference (user_preferences, May 2026; calls).
"""

from __future__ import annotations

from typing import Any, Literal

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import instant
from wa_analytics.providers.meta_content import Origin, announced_file, link_contacts, only_contact, origin_of
from wa_analytics.providers.meta_event_codes import EVENTS
from wa_analytics.providers.meta_parts import malformed, text_of
from wa_analytics.providers.meta_shapes import Account, Call, Status, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    MessageRecord,
    Record,
    UnknownRecord,
)

_CALL_EVENTS = ("connect", "terminate")
_PREFERENCES = ("stop", "resume", "signup")
_PREFERENCE_PURPOSES = {"marketing_messages": "marketing"}


def calls_field(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Calls as messages of source `call`; ringing, accepted and rejected tell of a call too. Recordings
    and transcripts are events and media files of it: when they are ready is not when it was."""
    origin = origin_of(value, account)
    for call in value.calls or ():
        event = EVENTS["calls"].get((call.event or "").upper())
        if event is None and call.event not in _CALL_EVENTS:
            records.append(UnknownRecord(kind="type", name=safe_name(call.event)))
            continue
        # The end of a call is not when it reached the business; its start is.
        at = instant(call.timestamp if call.start_time is None else call.start_time)
        if at is None:
            records.append(malformed("calls"))
            continue
        direction = _direction(call, value)
        people = (
            people_of(call.sender, call.from_user_id)
            if direction == "inbound"
            else people_of(call.to, call.to_user_id)
        ) or only_contact(value.contacts)
        if event is None:
            told = {"event": call.event}
            records.append(_call(call.id, at, people, direction, origin, told, direction == "inbound"))
        else:
            records.append(_call_event(event, call.id, at, people, origin))
            _files(records, "recording", call.call_recording, call.id, at, origin)
            _files(records, "transcript", call.call_transcript, call.id, at, origin)
    for status in value.statuses or ():
        _status(records, status, value, origin)
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.calls and not value.statuses:
        records.append(malformed("calls"))


def _call(
    outside_id: str,
    sent_at: int,
    people: tuple[Identifier, ...],
    direction: Literal["inbound", "outbound"],
    origin: Origin,
    told: dict[str, Any],
    has_body: bool = False,
) -> MessageRecord:
    return MessageRecord(
        source="call",
        outside_id=outside_id,
        sent_at=sent_at,
        people=people,
        direction=direction,
        channel_id=origin.channel_id,
        account_id=origin.account_id,
        type="call",
        has_body=has_body,
        extra=told,
    )


def _call_event(
    event: str, outside_id: str, at: int, people: tuple[Identifier, ...], origin: Origin
) -> ChannelEventRecord:
    return ChannelEventRecord(
        event=event,
        occurred_at=at,
        outside_id=outside_id,
        channel_id=origin.channel_id,
        account_id=origin.account_id,
        people=people,
    )


def _status(records: list[Record], status: Status, value: Value, origin: Origin) -> None:
    """How a call to a person goes. The call is told too, since nothing else may tell of it."""
    event = EVENTS["calls"].get(status.status.upper())
    if event is None:
        records.append(UnknownRecord(kind="status", name=safe_name(status.status)))
        return
    at = instant(status.timestamp)
    if at is None:
        records.append(malformed("statuses"))
        return
    people = people_of(status.recipient_id, status.recipient_user_id) or only_contact(value.contacts)
    records.append(_call_event(event, status.id, at, people, origin))
    records.append(_call(status.id, at, people, "outbound", origin, {"status": status.status}))


def _files(records: list[Record], type_: str, stated: Any, outside_id: str, at: int, origin: Origin) -> None:
    """A recording or transcript, which stands under the name of its kind (`document`, `audio`)."""
    if isinstance(stated, dict):
        for found in (stated, *stated.values()):
            announced_file(records, found, type_, outside_id, at, origin)


def _direction(call: Call, value: Value) -> Literal["inbound", "outbound"]:
    if call.direction == "BUSINESS_INITIATED":
        return "outbound"
    if call.direction == "USER_INITIATED" or value.metadata is None:
        return "inbound"
    own = text_of(value.metadata.display_phone_number)
    return "outbound" if own is not None and text_of(call.sender) == own else "inbound"


def preferences_field(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """A person's stop, resume or sign-up for marketing messages of this business."""
    origin = origin_of(value, account)
    for preference in value.user_preferences or ():
        action = preference.value.lower()
        purpose = _PREFERENCE_PURPOSES.get((preference.category or "").lower())
        if purpose is None or action not in _PREFERENCES:
            name = preference.category if purpose is None else preference.value
            records.append(UnknownRecord(kind="preference", name=safe_name(name)))
            continue
        people = people_of(preference.wa_id, preference.user_id) or only_contact(value.contacts)
        occurred_at = instant(preference.timestamp)
        if occurred_at is None or not people:
            records.append(malformed("user_preferences"))
            continue
        extra = {"detail": preference.detail, "signup_id": preference.signup_id}
        records.append(
            ConsentRecord(
                source="preference",
                people=people,
                purpose=purpose,
                action=action,
                occurred_at=occurred_at,
                channel_id=origin.channel_id,
                account_id=origin.account_id,
                extra={name: cell for name, cell in extra.items() if cell is not None},
            )
        )
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.user_preferences:
        records.append(malformed("user_preferences"))
