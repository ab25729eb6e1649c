"""Fields `messages` and `smb_message_echoes`: messages, statuses, and whom they link.

Source: Meta, webhooks reference, messages and status (September 2026); business-scoped user ids
(June 2026): `from`, `wa_id` and `recipient_id` may be absent.
"""

from __future__ import annotations

from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers import meta_content
from wa_analytics.providers.instants import seconds_to_micros
from wa_analytics.providers.meta_content import (
    CHANGES,
    MEDIA_TYPES,
    MESSAGE_TYPES,
    channel_of,
    extra,
    link_contacts,
    only_contact,
    words,
)
from wa_analytics.providers.meta_event_codes import EVENT
from wa_analytics.providers.meta_parts import code, elements, malformed, moment, text_of
from wa_analytics.providers.meta_shapes import Account, Contact, Message, Status, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    ChannelEventRecord,
    LinkRecord,
    MessageRecord,
    Record,
    StatusRecord,
    UnknownRecord,
)

STATUSES = frozenset(("sent", "delivered", "read", "played", "failed"))
_MOVED = ("user_changed_number", "user_changed_user_id")
_USER_STOPPED = 131050


def messages_field(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """Inbound messages and statuses of outbound ones."""
    channel_id, account_id = channel_of(value), text_of(account.id)
    if value.statuses:
        for status in value.statuses:
            told_status(records, status, channel_id, account_id)
    if value.messages:
        for message in value.messages:
            inbound(records, message, value.contacts, channel_id, account_id)
    if value.contacts:
        link_contacts(records, value.contacts)
    if value.errors:
        told_errors(records, value.errors, channel_id, account, capture)
    elif not value.messages and not value.statuses:
        records.append(malformed("messages"))


def told_errors(
    records: list[Record], errors: Any, channel_id: str | None, account: Account, capture: Capture
) -> None:
    """Errors of the number itself, which belong to no message. Source: messages, errors page."""
    told = [
        ChannelEventRecord(
            event=EVENT["messages"],
            occurred_at=moment(None, account, capture),
            channel_id=channel_id,
            account_id=text_of(account.id),
            detail=code(error, "code"),
        )
        for error in elements({"": errors}, "")
    ]
    records.extend(told or [malformed("errors")])


def echoes_field(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Messages staff sent from the Business app, and what they edited or revoked there."""
    channel_id, account_id = channel_of(value), text_of(account.id)
    for message in value.message_echoes or ():
        _echo(records, message, value.contacts, channel_id, account_id)
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.message_echoes:
        records.append(malformed("message_echoes"))


def _echo(
    records: list[Record],
    message: Message,
    contacts: list[Contact] | None,
    channel_id: str | None,
    account_id: str | None,
) -> None:
    try:
        sent_at = seconds_to_micros(message.timestamp)
    except ValueError:
        records.append(malformed("message_echoes"))
        return
    kind = safe_name(message.type)
    people = people_of(message.to, message.to_user_id) or only_contact(contacts)
    if kind in CHANGES and meta_content.changed(
        records, message, sent_at, "outbound", people, channel_id, account_id
    ):
        return
    records.append(
        MessageRecord(
            source="echo",
            outside_id=message.id,
            sent_at=sent_at,
            people=people,
            direction="outbound",
            channel_id=channel_id,
            account_id=account_id,
            kind="free_form",
            type=kind,
            text=words(message),
            has_body=kind != "unsupported",
            group_id=text_of(message.group_id),
            extra=extra(message),
        )
    )
    if kind in MEDIA_TYPES:
        meta_content.media(records, message, message.id, sent_at, channel_id, account_id)
    elif kind not in MESSAGE_TYPES:
        records.append(UnknownRecord(kind="type", name=kind))


def inbound(
    records: list[Record],
    message: Message,
    contacts: list[Contact] | None,
    channel_id: str | None,
    account_id: str | None,
) -> None:
    """A message a person sent, what it announces, and the change of number or user id it tells."""
    try:
        sent_at = seconds_to_micros(message.timestamp)
    except ValueError:
        records.append(malformed("messages"))
        return
    kind = message.type if message.type in MESSAGE_TYPES else safe_name(message.type)
    people = people_of(message.sender, message.from_user_id) or only_contact(contacts)
    if kind in CHANGES and meta_content.changed(
        records, message, sent_at, "inbound", people, channel_id, account_id
    ):
        return
    records.append(
        MessageRecord(
            source="inbound",
            outside_id=message.id,
            sent_at=sent_at,
            people=people,
            direction="inbound",
            channel_id=channel_id,
            account_id=account_id,
            type=kind,
            text=words(message),
            has_body=kind != "unsupported",
            group_id=text_of(message.group_id),
            extra=extra(message),
        )
    )
    if kind == "text":
        return
    if kind in MEDIA_TYPES:
        meta_content.media(records, message, message.id, sent_at, channel_id, account_id)
    elif kind not in MESSAGE_TYPES:
        records.append(UnknownRecord(kind="type", name=kind))
    system = message.system
    if system is not None and system.type in _MOVED:
        moved = dict.fromkeys(
            (
                *people,
                *people_of(system.wa_id, system.user_id),
                *people_of(None, system.parent_user_id),
                *people_of(None, system.previous_user_id),
                *people_of(None, system.previous_parent_user_id),
            )
        )
        if len(moved) > 1:
            records.append(LinkRecord(people=tuple(moved), rule=system.type, occurred_at=sent_at))


def told_status(
    records: list[Record], status: Status, channel_id: str | None, account_id: str | None
) -> None:
    if status.status not in STATUSES:
        records.append(UnknownRecord(kind="status", name=safe_name(status.status)))
        return
    try:
        occurred_at = seconds_to_micros(status.timestamp)
    except ValueError:
        records.append(malformed("statuses"))
        return
    if status.recipient_type == "group":
        people = people_of(status.recipient_participant_id, status.recipient_participant_user_id)
    else:
        people = people_of(status.recipient_id, status.recipient_user_id)
    pricing = status.pricing
    told: dict[str, Any] = {}
    if status.recipient_type is not None:
        told["recipient_type"] = status.recipient_type
    if pricing is not None:
        told["pricing_type"] = pricing.type
        told["pricing_model"] = pricing.pricing_model
        told["is_billable"] = pricing.billable
    records.append(
        StatusRecord(
            outside_id=status.id,
            status=status.status,
            occurred_at=occurred_at,
            people=people,
            channel_id=channel_id,
            account_id=account_id,
            category=pricing.category if pricing is not None else None,
            error_code=_error_code(status) if status.errors else None,
            extra=told,
        )
    )


def _error_code(status: Status) -> int | None:
    """The first error's code; 131050 (the user stopped marketing) wins, because consent reads it."""
    stated = [str(error.code) for error in status.errors or ()]
    codes = [int(code) for code in stated if code.isascii() and code.isdigit() and len(code) < 10]
    if _USER_STOPPED in codes:
        return _USER_STOPPED
    return codes[0] if codes else None
