"""Fields `calls`, `user_preferences` and the template updates.

Source: Meta, webhooks reference (user_preferences, May 2026; message_template_status_update,
template_category_update, September 2026; calls).
"""

from __future__ import annotations

from typing import Literal

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import seconds_to_micros
from wa_analytics.providers.meta_messages import (
    channel_of,
    link_contacts,
    malformed,
    only_contact,
    text_of,
)
from wa_analytics.providers.meta_shapes import Account, Call, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import ConsentRecord, MessageRecord, Record, TemplateRecord, UnknownRecord

_CALL_EVENTS = ("connect", "terminate")
_PREFERENCES = ("stop", "resume", "signup")
_PREFERENCE_PURPOSES = {"marketing_messages": "marketing"}


def calls_field(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Calls as messages of source `call`; ringing, accepted and rejected are counted only."""
    for call in value.calls or ():
        if call.event not in _CALL_EVENTS:
            records.append(UnknownRecord(kind="type", name=safe_name(call.event)))
            continue
        try:
            # The end of a call is not when it reached the business; its start is.
            sent_at = seconds_to_micros(call.timestamp if call.start_time is None else call.start_time)
        except ValueError:
            records.append(malformed("calls"))
            continue
        direction = _direction(call, value)
        people = (
            people_of(call.sender, call.from_user_id)
            if direction == "inbound"
            else people_of(call.to, call.to_user_id)
        )
        records.append(
            MessageRecord(
                source="call",
                outside_id=call.id,
                sent_at=sent_at,
                people=people or only_contact(value.contacts),
                direction=direction,
                channel_id=channel_of(value),
                account_id=text_of(account.id),
                type="call",
                has_body=direction == "inbound",
                extra={"event": call.event},
            )
        )
    records.extend(
        UnknownRecord(kind="status", name=safe_name(status.status)) for status in value.statuses or ()
    )
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.calls and not value.statuses:
        records.append(malformed("calls"))


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


def template_field(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """What an update tells of a template's category.

    Meta's page for quality updates shows them under the status field's name; the quality score
    tells them apart. In a category update `new_category` is the category in force, also while a
    correction is only announced.
    """
    if value.new_quality_score is not None:
        records.append(UnknownRecord(kind="field", name="message_template_quality_update"))
        return
    if not value.message_template_name:
        records.append(malformed(field))
        return
    observed_at = capture.received_at
    if account.time_at is not None:
        try:
            observed_at = seconds_to_micros(account.time_at)
        except ValueError:
            records.append(malformed("entry"))
    category = value.new_category or value.message_template_category
    records.append(
        TemplateRecord(
            name=value.message_template_name,
            observed_at=observed_at,
            account_id=text_of(account.id),
            language=value.message_template_language,
            category=category.lower() if category else None,
            status=value.event.lower() if value.event else None,
        )
    )
