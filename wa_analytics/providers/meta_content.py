"""What a message holds: words, media files, or a change of an earlier message.

Source: Meta, webhooks reference, messages (text, media, edit, revoke), September 2026.
"""

from __future__ import annotations

from typing import Any, Literal

from wa_analytics.providers.media import mime_of, sha256_hex
from wa_analytics.providers.meta_parts import malformed, text_of
from wa_analytics.providers.meta_shapes import Contact, Content, MediaPart, Message, Value
from wa_analytics.providers.people import people_of
from wa_analytics.records import Identifier, LinkRecord, MediaRecord, Record, VersionRecord

MEDIA_TYPES = frozenset(("image", "video", "document", "audio", "sticker"))
CHANGES = frozenset(("edit", "revoke"))
MESSAGE_TYPES = MEDIA_TYPES | CHANGES | frozenset(
    (
        "text", "location", "contacts", "interactive", "button", "reaction", "order", "system",
        "unsupported",
    )
)  # fmt: skip


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


def media(
    records: list[Record],
    content: Content,
    outside_id: str,
    occurred_at: int,
    channel_id: str | None,
    account_id: str | None,
) -> None:
    """The file of a media message; a message without one holds no id to fetch it by."""
    found: MediaPart | None = getattr(content, content.type)
    if found is None or found.id is None or found.id == "":
        return
    records.append(
        MediaRecord(
            source="announced",
            media_id=str(found.id),
            occurred_at=occurred_at,
            outside_id=outside_id,
            type=content.type,
            mime_type=mime_of(found.mime_type),
            sha256=sha256_hex(found.sha256),
            channel_id=channel_id,
            account_id=account_id,
        )
    )


def changed(
    records: list[Record],
    message: Message,
    occurred_at: int,
    direction: Literal["inbound", "outbound"],
    people: tuple[Identifier, ...],
    channel_id: str | None,
    account_id: str | None,
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
            channel_id=channel_id,
            account_id=account_id,
            type=None if edited is None else edited.type if edited.type in MESSAGE_TYPES else "other",
            text=None if edited is None else words(edited),
        )
    )
    if edited is not None and edited.type in MEDIA_TYPES:
        media(records, edited, change.original_message_id, occurred_at, channel_id, account_id)
    return True


def extra(message: Message) -> dict[str, Any]:
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


def channel_of(value: Value) -> str | None:
    return text_of(value.metadata.phone_number_id) if value.metadata is not None else None
