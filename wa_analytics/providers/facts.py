"""The facts a capture tells of people, of which each can be asked whether it must go."""

from __future__ import annotations

from collections.abc import Iterable

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    MediaRecord,
    MessageRecord,
    PlatformMessageRecord,
    Record,
    StatusRecord,
    SupplementaryRecord,
    VersionRecord,
)
from wa_analytics.settings import Settings

Fact = (
    MessageRecord
    | StatusRecord
    | ConsentRecord
    | VersionRecord
    | MediaRecord
    | ChannelEventRecord
    | PlatformMessageRecord
    | SupplementaryRecord
)


def facts_of(capture: Capture, settings: Settings) -> list[Fact]:
    """The facts a capture tells of people; none where no parser reads it."""
    try:
        records = parser(capture.provider)(capture, settings)
    except CaptureUnreadable:
        return []
    return facts_in(records)


def facts_in(records: Iterable[Record]) -> list[Fact]:
    return [record for record in records if isinstance(record, Fact)]
