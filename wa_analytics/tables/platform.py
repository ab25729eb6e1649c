"""What the platform tells beside messages and statuses: versions, media, events, its own counts.

All derived. `sequence` names the entry a fact came from and is no part of the state.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, digest, instant


class MessageVersion(SQLModel, table=True):
    """An edit or a revocation; the original message stays."""

    __tablename__ = "message_version"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    message_id: str = digest("the message that was changed", index=True)
    version_digest: str = digest("keyed digest of the change's own message id")
    action_code: str = clear("edit or revoke")
    occurred_at: datetime = instant("when it was changed")
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    identifier_digest: str | None = digest("the outside person's identifier", nullable=True)
    direction_code: str = clear("inbound or outbound")
    type_code: str | None = clear("text, image …", nullable=True)


class MediaFact(SQLModel, table=True):
    """A media file as one source tells it: announced, fetched or lost."""

    __tablename__ = "media_fact"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    message_id: str | None = digest("the message that announces it", nullable=True, index=True)
    media_digest: str = digest("keyed digest of the media id", index=True)
    source_code: str = clear("announced, fetched or lost")
    occurred_at: datetime = instant("when it was announced, fetched or found lost")
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    type_code: str | None = clear("image, video, document, audio, sticker", nullable=True)
    mime_code: str | None = clear("media type as announced", nullable=True)
    content_digest: str | None = digest("keyed digest of the content's SHA-256", nullable=True)
    size_bytes: int | None = clear("length", nullable=True, sa_type=WHOLE)
    is_intact: bool | None = clear("fetched bytes have the announced SHA-256", nullable=True)


class ChannelEvent(SQLModel, table=True):
    """Something the platform told of an account, a number, a template, a group or a call."""

    __tablename__ = "channel_event"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    message_id: str | None = digest(
        "the message or call it is about; of an event about none that names a person, its own id",
        nullable=True,
        index=True,
    )
    event_code: str = clear("dotted: account.offboarded, number.quality, webhook.override …")
    occurred_at: datetime = instant("when it happened, or when it was observed")
    account_id: str | None = clear("WhatsApp Business Account", nullable=True)
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    entity: str | None = clear("company it concerns", nullable=True)
    detail_code: str | None = clear("code of the platform's closed lists", nullable=True)
    subject_name: str | None = clear("template or flow it is about", nullable=True)
    identifier_digest: str | None = digest("an outside person it names", nullable=True)


class PlatformVolume(SQLModel, table=True):
    """The platform's own count of messages in an interval."""

    __tablename__ = "platform_volume"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    account_id: str | None = clear("WhatsApp Business Account", nullable=True)
    channel_id: str | None = clear("phone number id, null for the whole account", nullable=True)
    entity: str | None = clear("company it concerns", nullable=True)
    granularity_code: str = clear("half_hour, day or month")
    counted_from: datetime = instant("start of the interval")
    counted_to: datetime = instant("end of the interval, exclusive")
    observed_at: datetime = instant("when the platform said so")
    sent_count: int | None = clear("messages sent, by the platform's count", nullable=True)
    delivered_count: int | None = clear("messages delivered, by the platform's count", nullable=True)


class PlatformMessage(SQLModel, table=True):
    """A message id that the platform's history names."""

    __tablename__ = "platform_message"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    message_id: str = digest("keyed digest of the provider's message id", index=True)
    account_id: str | None = clear("WhatsApp Business Account", nullable=True)
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    status_code: str | None = clear("delivery status it names", nullable=True)
    occurred_at: datetime | None = instant("time of that status", nullable=True)
    observed_at: datetime = instant("when the platform said so")


class SupplementaryMessage(SQLModel, table=True):
    """One line of a chat export: supplementary evidence that no rule reads."""

    __tablename__ = "supplementary_message"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    content_digest: str = digest("keyed digest of time, sender and words, or of a file's name", index=True)
    occurred_at: datetime | None = instant(
        "when it was written, by the export; a file tells no time", nullable=True
    )
    identifier_digest: str | None = digest("the sender, where a number stands", nullable=True)
    sender_digest: str | None = digest("keyed digest of the sender's name", nullable=True)
    type_code: str = clear("text, media, deleted, system, call, or file for one that came with the chat")
    has_body: bool = clear("whether words are held")
    is_edited: bool = clear("marked as edited")
    chat_digest: str | None = digest("the exported file it stands in", nullable=True, index=True)
    file_digest: str | None = digest("name of the file it announces, or is", nullable=True, index=True)
