"""Fields `messages` and `smb_message_echoes`: messages, statuses, and whom they link.

Source: Meta, webhooks reference, messages and status (September 2026); business-scoped user ids
(June 2026): `from`, `wa_id` and `recipient_id` may be absent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import seconds_to_micros
from wa_analytics.providers.meta_shapes import Account, Contact, Message, Status, Text, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    Identifier,
    LinkRecord,
    MessageRecord,
    Record,
    StatusRecord,
    UnknownRecord,
)

MESSAGE_TYPES = frozenset(
    (
        "text", "image", "video", "document", "audio", "sticker", "location", "contacts", "interactive",
        "button", "reaction", "order", "system", "unsupported", "edit", "revoke",
    )
)  # fmt: skip
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
            _status(records, status, channel_id, account_id)
    if value.messages:
        for message in value.messages:
            _inbound(records, message, value.contacts, channel_id, account_id)
    if value.contacts:
        link_contacts(records, value.contacts)
    if value.errors:
        records.append(UnknownRecord(kind="field", name="messages.errors"))
    elif not value.messages and not value.statuses:
        records.append(malformed("messages"))


def echoes_field(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Messages staff sent from the Business app. Edits and revocations are not messages."""
    channel_id, account_id = channel_of(value), text_of(account.id)
    for message in value.message_echoes or ():
        kind = safe_name(message.type)
        if kind in ("edit", "revoke"):
            records.append(UnknownRecord(kind="type", name=kind))
            continue
        try:
            sent_at = seconds_to_micros(message.timestamp)
        except ValueError:
            records.append(malformed("message_echoes"))
            continue
        records.append(
            MessageRecord(
                source="echo",
                outside_id=message.id,
                sent_at=sent_at,
                people=people_of(message.to, message.to_user_id) or only_contact(value.contacts),
                direction="outbound",
                channel_id=channel_id,
                account_id=account_id,
                kind="free_form",
                type=kind,
                text=_words(message),
                has_body=True,
                group_id=text_of(message.group_id),
                extra=_extra(message),
            )
        )
        if kind not in MESSAGE_TYPES:
            records.append(UnknownRecord(kind="type", name=kind))
    if value.contacts:
        link_contacts(records, value.contacts)
    if not value.message_echoes:
        records.append(malformed("message_echoes"))


def _inbound(
    records: list[Record],
    message: Message,
    contacts: list[Contact] | None,
    channel_id: str | None,
    account_id: str | None,
) -> None:
    try:
        sent_at = seconds_to_micros(message.timestamp)
    except ValueError:
        records.append(malformed("messages"))
        return
    kind = message.type if message.type in MESSAGE_TYPES else safe_name(message.type)
    people = people_of(message.sender, message.from_user_id) or only_contact(contacts)
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
            text=_words(message),
            has_body=kind != "unsupported",
            group_id=text_of(message.group_id),
            extra=_extra(message),
        )
    )
    if kind not in MESSAGE_TYPES:
        records.append(UnknownRecord(kind="type", name=kind))
    system = message.system
    if system is not None and system.type in _MOVED:
        moved = dict.fromkeys(
            (
                *people,
                *people_of(system.wa_id, system.user_id),
                *people_of(None, system.previous_user_id),
            )
        )
        if len(moved) > 1:
            records.append(LinkRecord(people=tuple(moved), rule=system.type, occurred_at=sent_at))


def _status(records: list[Record], status: Status, channel_id: str | None, account_id: str | None) -> None:
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
    extra: dict[str, Any] = {}
    if status.recipient_type is not None:
        extra["recipient_type"] = status.recipient_type
    if pricing is not None:
        extra["pricing_type"] = pricing.type
        extra["pricing_model"] = pricing.pricing_model
        extra["is_billable"] = pricing.billable
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
            extra=extra,
        )
    )


def _error_code(status: Status) -> int | None:
    """The first error's code; 131050 (the user stopped marketing) wins, because consent reads it."""
    stated = [str(error.code) for error in status.errors or ()]
    codes = [int(code) for code in stated if code.isascii() and code.isdigit() and len(code) < 10]
    if _USER_STOPPED in codes:
        return _USER_STOPPED
    return codes[0] if codes else None


def _words(message: Message) -> str | None:
    """What a person typed or chose: the places in which opt-out words are looked for."""
    if message.type == "text":
        return message.text.body if message.text is not None else None
    if message.type == "button":
        return message.button.text if message.button is not None else None
    if message.type == "interactive" and message.interactive is not None:
        reply = message.interactive.button_reply or message.interactive.list_reply
        return reply.title if reply is not None else None
    return None


def _extra(message: Message) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if message.context is not None:
        extra["context"] = message.context
    if message.referral is not None:
        extra["referral"] = message.referral
    return extra


def link_contacts(records: list[Record], contacts: list[Contact]) -> None:
    """A link for each contact that has both a phone and a user id."""
    for contact in contacts:
        if contact.wa_id is not None and contact.user_id is not None:
            people = people_of(contact.wa_id, contact.user_id)
            if len(people) > 1:
                records.append(LinkRecord(people=people, rule="contact"))


def only_contact(contacts: list[Contact] | None) -> tuple[Identifier, ...]:
    """Whom a body without sender or recipient speaks of, where it names exactly one contact."""
    if contacts is None or len(contacts) != 1:
        return ()
    return people_of(contacts[0].wa_id, contacts[0].user_id)


def channel_of(value: Value) -> str | None:
    return text_of(value.metadata.phone_number_id) if value.metadata is not None else None


def text_of(text: Text) -> str | None:
    return text if type(text) is str else None if text is None else str(text)


@lru_cache(maxsize=32)
def malformed(name: str) -> UnknownRecord:
    return UnknownRecord(kind="malformed", name=name)
