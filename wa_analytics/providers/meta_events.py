"""Fields `calls` and `user_preferences`.

Source: Meta, webhooks reference (user_preferences, May 2026; calls).
"""

from __future__ import annotations

from typing import Any, Literal

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import seconds_to_micros
from wa_analytics.providers.media import mime_of, sha256_hex
from wa_analytics.providers.meta_content import channel_of, link_contacts, only_contact
from wa_analytics.providers.meta_event_codes import EVENTS
from wa_analytics.providers.meta_parts import malformed, text, text_of
from wa_analytics.providers.meta_shapes import Account, Call, Status, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    MediaRecord,
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
    channel_id, account_id = channel_of(value), text_of(account.id)
    for call in value.calls or ():
        event = EVENTS["calls"].get((call.event or "").upper())
        if event is None and call.event not in _CALL_EVENTS:
            records.append(UnknownRecord(kind="type", name=safe_name(call.event)))
            continue
        try:
            # The end of a call is not when it reached the business; its start is.
            at = seconds_to_micros(call.timestamp if call.start_time is None else call.start_time)
        except ValueError:
            records.append(malformed("calls"))
            continue
        direction = _direction(call, value)
        people = (
            people_of(call.sender, call.from_user_id)
            if direction == "inbound"
            else people_of(call.to, call.to_user_id)
        ) or only_contact(value.contacts)
        if event is None:
            records.append(
                MessageRecord(
                    source="call",
                    outside_id=call.id,
                    sent_at=at,
                    people=people,
                    direction=direction,
                    channel_id=channel_id,
                    account_id=account_id,
                    type="call",
                    has_body=direction == "inbound",
                    extra={"event": call.event},
                )
            )
        else:
            records.append(_call_event(event, call.id, at, people, channel_id, account_id))
            for type_, stated in (("recording", call.call_recording), ("transcript", call.call_transcript)):
                _file(records, type_, stated, call.id, at, channel_id, account_id)
    for status in value.statuses or ():
        _status(records, status, value, channel_id, account_id)
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.calls and not value.statuses:
        records.append(malformed("calls"))


def _call_event(
    event: str,
    outside_id: str,
    at: int,
    people: tuple[Identifier, ...],
    channel_id: str | None,
    account_id: str | None,
) -> ChannelEventRecord:
    return ChannelEventRecord(
        event=event,
        occurred_at=at,
        outside_id=outside_id,
        channel_id=channel_id,
        account_id=account_id,
        people=people,
    )


def _status(
    records: list[Record], status: Status, value: Value, channel_id: str | None, account_id: str | None
) -> None:
    """How a call to a person goes. The call is told too, since nothing else may tell of it."""
    event = EVENTS["calls"].get(status.status.upper())
    if event is None:
        records.append(UnknownRecord(kind="status", name=safe_name(status.status)))
        return
    try:
        at = seconds_to_micros(status.timestamp)
    except ValueError:
        records.append(malformed("statuses"))
        return
    people = people_of(status.recipient_id, status.recipient_user_id) or only_contact(value.contacts)
    records.append(_call_event(event, status.id, at, people, channel_id, account_id))
    records.append(
        MessageRecord(
            source="call",
            outside_id=status.id,
            sent_at=at,
            people=people,
            direction="outbound",
            channel_id=channel_id,
            account_id=account_id,
            type="call",
            extra={"status": status.status},
        )
    )


def _file(
    records: list[Record],
    type_: str,
    stated: Any,
    outside_id: str,
    at: int,
    channel_id: str | None,
    account_id: str | None,
) -> None:
    """A recording or transcript, which stands under the name of its kind (`document`, `audio`)."""
    if not isinstance(stated, dict):
        return
    for found in (stated, *stated.values()):
        media_id = text(found, "id")
        if media_id is not None:
            records.append(
                MediaRecord(
                    source="announced",
                    media_id=media_id,
                    occurred_at=at,
                    outside_id=outside_id,
                    type=type_,
                    mime_type=mime_of(text(found, "mime_type")),
                    sha256=sha256_hex(text(found, "sha256")),
                    channel_id=channel_id,
                    account_id=account_id,
                )
            )


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
    for preference in value.user_preferences or ():
        action = preference.value.lower()
        purpose = _PREFERENCE_PURPOSES.get((preference.category or "").lower())
        if purpose is None or action not in _PREFERENCES:
            name = preference.category if purpose is None else preference.value
            records.append(UnknownRecord(kind="preference", name=safe_name(name)))
            continue
        people = people_of(preference.wa_id, preference.user_id) or only_contact(value.contacts)
        try:
            occurred_at = seconds_to_micros(preference.timestamp)
        except ValueError:
            occurred_at = -1
        if occurred_at < 0 or not people:
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
                channel_id=channel_of(value),
                account_id=text_of(account.id),
                extra={name: cell for name, cell in extra.items() if cell is not None},
            )
        )
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.user_preferences:
        records.append(malformed("user_preferences"))
