"""Media files that messages announce, whatever the provider."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.records import MediaRecord

if TYPE_CHECKING:
    from wa_analytics.capture import Capture
    from wa_analytics.settings import Settings

_HEX = re.compile(r"[0-9a-fA-F]{64}\Z")
_MIME = re.compile(r"[a-z]{1,32}/[a-z0-9.+_-]{1,80}\Z")


def announced_media(capture: Capture, settings: Settings) -> list[MediaRecord]:
    """The media files a capture announces, with their ids in clear; none where nothing reads it.

    Meta keeps a file behind a webhook's id for seven days and its address for five minutes (media
    page), so whoever fetches starts here and not at the tables, which hold digests only.
    """
    try:
        records = parser(capture.provider)(capture, settings)
    except CaptureUnreadable:
        return []
    return [record for record in records if isinstance(record, MediaRecord) and record.source == "announced"]


def sha256_hex(stated: str | None) -> str | None:
    """The 64 hex digits of a SHA-256 written in hex or in base64; None for anything else.

    Meta's samples write base64; senders' tests write hex.
    """
    if not stated:
        return None
    if _HEX.match(stated):
        return stated.lower()
    bare = stated.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        digest = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == 32 else None


def mime_of(stated: str | None) -> str | None:
    """`type/subtype` in lower case, without parameters; None for what is none."""
    bare = (stated or "").partition(";")[0].strip().lower()
    return bare if _MIME.match(bare) else None
