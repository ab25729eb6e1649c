"""Fields `messages` and `smb_message_echoes`: messages, statuses, and whom they link.

Source: Meta, webhooks reference, messages and status (September 2026); business-scoped user ids
(June 2026): `from`, `wa_id` and `recipient_id` may be absent.
"""

from __future__ import annotations

from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import instant
from wa_analytics.providers.meta_content import Origin, link_contacts, only_contact, origin_of, told_message
from wa_analytics.providers.meta_event_codes import EVENT
from wa_analytics.providers.meta_parts import code, elements, malformed, moment
from wa_analytics.providers.meta_shapes import Account, Contact, Message, Status, SystemPart, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    ChannelEventRecord,
    Identifier,
    LinkRecord,
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
    origin = origin_of(value, account)
    if value.statuses:
        for status in value.statuses:
            told_status(records, status, origin)
    if value.messages:
        for message in value.messages:
            inbound(records, message, value.contacts, origin)
    if value.contacts:
        link_contacts(records, value.contacts)
    if value.errors:
        told_errors(records, value.errors, origin, account, capture)
    elif not value.messages and not value.statuses:
        records.append(malformed("messages"))


def told_errors(
    records: list[Record], errors: Any, origin: Origin, account: Account, capture: Capture
) -> None:
    """Errors of the number itself, which belong to no message. Source: messages, errors page."""
    told = [
        ChannelEventRecord(
            event=EVENT["messages"],
            occurred_at=moment(None, account, capture),
            channel_id=origin.channel_id,
            account_id=origin.account_id,
            detail=code(error, "code"),
        )
        for error in elements({"": errors}, "")
    ]
    records.extend(told or [malformed("errors")])


def echoes_field(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Messages staff sent from the Business app, and what they edited or revoked there."""
    origin = origin_of(value, account)
    for message in value.message_echoes or ():
        _echo(records, message, value.contacts, origin)
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.message_echoes:
        records.append(malformed("message_echoes"))


def _echo(records: list[Record], message: Message, contacts: list[Contact] | None, origin: Origin) -> None:
    sent_at = instant(message.timestamp)
    if sent_at is None:
        records.append(malformed("message_echoes"))
        return
    people = people_of(message.to, message.to_user_id) or only_contact(contacts)
    told_message(records, message, "echo", "outbound", people, sent_at, origin, kind="free_form")


def inbound(records: list[Record], message: Message, contacts: list[Contact] | None, origin: Origin) -> None:
    """A message a person sent, what it announces, and the change of number or user id it tells."""
    sent_at = instant(message.timestamp)
    if sent_at is None:
        records.append(malformed("messages"))
        return
    people = people_of(message.sender, message.from_user_id) or only_contact(contacts)
    is_message = told_message(records, message, "inbound", "inbound", people, sent_at, origin)
    if message.system is not None and is_message and message.system.type in _MOVED:
        _moved(records, message.system, people, sent_at)


def _moved(
    records: list[Record], system: SystemPart, people: tuple[Identifier, ...], occurred_at: int
) -> None:
    ids = (system.parent_user_id, system.previous_user_id, system.previous_parent_user_id)
    moved = dict.fromkeys(
        (
            *people,
            *people_of(system.wa_id, system.user_id),
            *(one for id_ in ids for one in people_of(None, id_)),
        )
    )
    if len(moved) > 1:
        records.append(LinkRecord(people=tuple(moved), rule=str(system.type), occurred_at=occurred_at))


def told_status(records: list[Record], status: Status, origin: Origin) -> None:
    """A status of a message the business sent; one of a group names the participant."""
    if status.status not in STATUSES:
        records.append(UnknownRecord(kind="status", name=safe_name(status.status)))
        return
    occurred_at = instant(status.timestamp)
    if occurred_at is None:
        records.append(malformed("statuses"))
        return
    is_group = status.recipient_type == "group"
    if is_group:
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
            channel_id=origin.channel_id,
            account_id=origin.account_id,
            category=pricing.category if pricing is not None else None,
            error_code=_error_code(status) if status.errors else None,
            is_group=is_group,
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
