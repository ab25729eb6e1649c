"""What a message tells, whichever field delivers it: itself, its files, or a change of an earlier one.

Source: Meta, webhooks reference, messages (text, media, edit, revoke), September 2026.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from wa_analytics.providers.media import mime_of, sha256_hex
from wa_analytics.providers.meta_parts import malformed, text, text_of
from wa_analytics.providers.meta_shapes import Account, Contact, Content, MediaPart, Message, Value
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    Identifier,
    LinkRecord,
    MediaRecord,
    MessageRecord,
    Record,
    UnknownRecord,
    VersionRecord,
)

MEDIA_TYPES = frozenset(("image", "video", "document", "audio", "sticker"))
CHANGES = frozenset(("edit", "revoke"))
MESSAGE_TYPES = MEDIA_TYPES | CHANGES | frozenset(
    (
        "text", "location", "contacts", "interactive", "button", "reaction", "order", "system",
        "unsupported", "media_placeholder",
    )
)  # fmt: skip
BODILESS = frozenset(("unsupported", "media_placeholder"))


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Which number, of which account, a body speaks of."""

    channel_id: str | None
    account_id: str | None


def told_message(
    records: list[Record],
    message: Message,
    source: Literal["inbound", "echo", "history"],
    direction: Literal["inbound", "outbound"],
    people: tuple[Identifier, ...],
    sent_at: int,
    origin: Origin,
    kind: str | None = None,
) -> bool:
    """Whether it is a message of its own; an edit or a revocation is a version of another."""
    type_ = message.type if message.type in MESSAGE_TYPES else safe_name(message.type)
    if type_ in CHANGES and _changed(records, message, sent_at, direction, people, origin):
        return False
    records.append(
        MessageRecord(
            source=source,
            outside_id=message.id,
            sent_at=sent_at,
            people=people,
            direction=direction,
            channel_id=origin.channel_id,
            account_id=origin.account_id,
            kind=kind,
            type=type_,
            text=words(message),
            has_body=type_ not in BODILESS,
            group_id=text_of(message.group_id),
            extra=_extra(message),
        )
    )
    if type_ in MEDIA_TYPES:
        _media(records, message, message.id, sent_at, origin)
    elif type_ not in MESSAGE_TYPES:
        records.append(UnknownRecord(kind="type", name=type_))
    return True


def words(content: Content) -> str | None:
    """What a person typed or chose: the places in which opt-out words are looked for."""
    kind = content.type
    if kind == "text":
        return content.text.body if content.text is not None else None
    if kind == "button":
        return content.button.text if content.button is not None else None
    if kind == "interactive" and content.interactive is not None:
        reply = content.interactive.button_reply or content.interactive.list_reply
        return reply.title if reply is not None else None
    return None


def _media(
    records: list[Record], content: Content, outside_id: str, occurred_at: int, origin: Origin
) -> None:
    """The file of a media message; a message without one holds no id to fetch it by."""
    found: MediaPart | None = getattr(content, content.type)
    if found is not None and found.id is not None and found.id != "":
        stated = (str(found.id), found.mime_type, found.sha256)
        records.append(_announced(stated, content.type, outside_id, occurred_at, origin))


def announced_file(
    records: list[Record], stated: Any, type_: str, outside_id: str, occurred_at: int, origin: Origin
) -> None:
    """The file that plain JSON describes, if it names one."""
    if (media_id := text(stated, "id")) is not None:
        file = (media_id, text(stated, "mime_type"), text(stated, "sha256"))
        records.append(_announced(file, type_, outside_id, occurred_at, origin))


def _announced(
    stated: tuple[str, str | None, str | None],
    type_: str,
    outside_id: str,
    occurred_at: int,
    origin: Origin,
) -> MediaRecord:
    """stated: id, MIME type, SHA-256."""
    media_id, mime_type, sha256 = stated
    return MediaRecord(
        source="announced",
        media_id=media_id,
        occurred_at=occurred_at,
        outside_id=outside_id,
        type=type_,
        mime_type=mime_of(mime_type),
        sha256=sha256_hex(sha256),
        channel_id=origin.channel_id,
        account_id=origin.account_id,
    )


def _changed(
    records: list[Record],
    message: Message,
    occurred_at: int,
    direction: Literal["inbound", "outbound"],
    people: tuple[Identifier, ...],
    origin: Origin,
) -> bool:
    """Whether the message is an edit or a revocation that names its original; then as a version.

    One that names none stays a message of its own, so that it is found and can be disposed of.
    """
    change = message.edit if message.type == "edit" else message.revoke
    if change is None or not change.original_message_id:
        records.append(malformed(message.type))
        return False
    edited = change.message if message.type == "edit" else None
    records.append(
        VersionRecord(
            outside_id=change.original_message_id,
            version_id=message.id,
            action="edit" if message.type == "edit" else "revoke",
            occurred_at=occurred_at,
            direction=direction,
            people=people,
            channel_id=origin.channel_id,
            account_id=origin.account_id,
            type=None if edited is None else edited.type if edited.type in MESSAGE_TYPES else "other",
            text=None if edited is None else words(edited),
        )
    )
    if edited is not None and edited.type in MEDIA_TYPES:
        _media(records, edited, change.original_message_id, occurred_at, origin)
    return True


def _extra(message: Message) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    if message.context is not None:
        stated["context"] = message.context
    if message.referral is not None:
        stated["referral"] = message.referral
    return stated


def link_contacts(records: list[Record], contacts: list[Contact]) -> None:
    """A link for each contact that has both a phone and a user id, and one to its user name.

    Its parent user id is left out: it is no id of this business portfolio, and a number that has two
    user ids means something else (`normalise.holders`).
    """
    for contact in contacts:
        if contact.wa_id is not None and contact.user_id is not None:
            people = people_of(contact.wa_id, contact.user_id)
            if len(people) > 1:
                records.append(LinkRecord(people=people, rule="contact"))
        if contact.profile is not None and contact.profile.username:
            link_username(records, people_of(contact.wa_id, contact.user_id), contact.profile.username)


def link_username(
    records: list[Record], people: tuple[Identifier, ...], username: str, occurred_at: int | None = None
) -> None:
    """Who had the user name at the time; it may be another person's later."""
    if people:
        pair = (people[0], Identifier("username", username))
        records.append(LinkRecord(people=pair, rule="username", occurred_at=occurred_at))


def only_contact(contacts: list[Contact] | None) -> tuple[Identifier, ...]:
    """Whom a body without sender or recipient speaks of, where it names exactly one contact."""
    if contacts is None or len(contacts) != 1:
        return ()
    return people_of(contacts[0].wa_id, contacts[0].user_id)


def origin_of(value: Value, account: Account) -> Origin:
    """Of a value read in typed shapes."""
    metadata = value.metadata
    return Origin(None if metadata is None else text_of(metadata.phone_number_id), text_of(account.id))


def stated_origin(value: dict[str, Any], account: Account) -> Origin:
    """The same, of a value read as plain JSON."""
    return Origin(text(value, "metadata", "phone_number_id"), text_of(account.id))
