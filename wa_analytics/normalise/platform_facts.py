"""Rows of what the platform tells beside messages: media, events, its own counts, chat exports."""

from __future__ import annotations

from wa_analytics.normalise.fact_rows import FactRows
from wa_analytics.records import (
    ChannelEventRecord,
    MediaRecord,
    PlatformMessageRecord,
    SupplementaryRecord,
    VolumeRecord,
)
from wa_analytics.tables.column import instant_text


class PlatformFacts(FactRows):
    """The part of the projection that reads no text."""

    def _media(self, sequence: int, record: MediaRecord) -> None:
        self.rows["media_fact"].append(
            (
                sequence, self._digest("message", record.outside_id) if record.outside_id else None,
                self._digest("media", record.media_id), record.source, instant_text(record.occurred_at),
                record.channel_id, self.entity_of(record.channel_id, record.account_id), record.type,
                record.mime_type, self._digest("content", record.sha256) if record.sha256 else None,
                record.size_bytes, record.is_intact,
            )
        )  # fmt: skip

    def _channel_event(self, sequence: int, record: ChannelEventRecord) -> None:
        entity = self.entity_of(record.channel_id, record.account_id)
        person = self._person(record.people, "contact", record.occurred_at, entity)
        about = self._digest("message", record.outside_id) if record.outside_id else None
        if about is None and person is not None:
            told = (
                record.event, record.occurred_at, person.digest, record.account_id, record.channel_id,
                record.detail, record.subject,
            )  # fmt: skip
            about = self._digest("content", "\x1f".join("" if part is None else str(part) for part in told))
        self.rows["channel_event"].append(
            (
                sequence, about, record.event, instant_text(record.occurred_at), record.account_id,
                record.channel_id, entity, record.detail, record.subject, person.digest if person else None,
            )
        )  # fmt: skip

    def _volume(self, sequence: int, record: VolumeRecord) -> None:
        self.rows["platform_volume"].append(
            (
                sequence, record.account_id, record.channel_id,
                self.entity_of(record.channel_id, record.account_id), record.granularity,
                instant_text(record.start), instant_text(record.end), instant_text(record.observed_at),
                record.sent_count, record.delivered_count,
            )
        )  # fmt: skip

    def _platform_message(self, sequence: int, record: PlatformMessageRecord) -> None:
        self.rows["platform_message"].append(
            (
                sequence, self._digest("message", record.outside_id), record.account_id,
                record.channel_id, self.entity_of(record.channel_id, record.account_id), record.status,
                None if record.occurred_at is None else instant_text(record.occurred_at),
                instant_text(record.observed_at),
            )
        )  # fmt: skip

    def _supplementary(self, sequence: int, record: SupplementaryRecord) -> None:
        at = record.occurred_at
        person = None if at is None else self._person(record.people, "chat_export", at, None)
        words = f"{at or record.type}\x1f{record.sender or ''}\x1f{record.text or record.file_name or ''}"
        self.rows["supplementary_message"].append(
            (
                sequence, self._digest("content", words), None if at is None else instant_text(at),
                person.digest if person else None,
                self._digest("text", record.sender) if record.sender else None, record.type,
                record.has_body, record.is_edited,
                self._digest("content", record.chat) if record.chat else None,
                self._digest("text", record.file_name) if record.file_name else None,
            )
        )  # fmt: skip
