"""The facts a capture tells of people, of which each can be asked whether it must go."""

from __future__ import annotations

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    MediaRecord,
    MessageRecord,
    PlatformMessageRecord,
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
    return [record for record in records if isinstance(record, Fact)]
