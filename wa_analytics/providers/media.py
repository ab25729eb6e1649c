"""Media files, whatever the provider: announced by a message, fetched and stored like any capture,
recognised by what was announced.

A file whose SHA-256 is not the announced one is kept and told. Twilio and Infobip announce none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.records import MediaRecord, Record, UnknownRecord

if TYPE_CHECKING:
    from wa_analytics.settings import Settings

SOURCE = "media"

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


def media_capture(
    provider: str,
    announced: MediaRecord,
    at: int,
    body: bytes,
    outcome: str,
    *,
    mime_type: str | None = None,
    sha256: str | None = None,
) -> Capture:
    """The announced file (`outcome` fetched), or what the provider answered where it is gone (`lost`).

    at: microseconds since 1970 UTC. mime_type, sha256: as the provider states them beside the file.
    """
    told = {
        "message_id": announced.outside_id,
        "type": announced.type,
        "mime_type": mime_of(mime_type) or announced.mime_type,
        "announced_sha256": sha256_hex(announced.sha256),
        "stated_sha256": sha256_hex(sha256),
        "phone_number_id": announced.channel_id,
        "waba_id": announced.account_id,
    }
    headers = {"source": SOURCE, "outcome": outcome, "media_id": announced.media_id}
    return Capture(
        body=body,
        headers=headers | {name: value for name, value in told.items() if value},
        provider=provider,
        received_at=at,
        context=_context(outcome, announced.media_id, announced.outside_id),
    )


def expired_media(provider: str, announced: MediaRecord, at: int, days: int) -> Capture:
    """The note that nobody asked, since the id cannot hold any more."""
    body = msgspec.json.encode({"not_asked": "the media id expired", "days": days})
    return media_capture(provider, announced, at, body, "lost")


def unnamed(capture: Capture) -> Capture:
    """The same file without the message that announced it first: others announce it too."""
    headers = {name: value for name, value in capture.headers.items() if name != "message_id"}
    return Capture(
        body=capture.body,
        headers=headers,
        provider=capture.provider,
        received_at=capture.received_at,
        context=_context(headers.get("outcome", ""), headers.get("media_id", ""), None),
    )


def _context(outcome: str, media_id: str, message_id: str | None) -> bytes:
    return msgspec.json.encode([SOURCE, outcome, media_id, message_id])


def media_records(capture: Capture) -> list[Record]:
    """What a stored media capture tells; its bytes are content and never read as text."""
    headers = capture.headers
    media_id, outcome = headers.get("media_id"), headers.get("outcome")
    if not media_id or outcome not in ("fetched", "lost"):
        return [UnknownRecord(kind="malformed", name="media")]
    is_held = outcome == "fetched"
    found = hashlib.sha256(capture.body).hexdigest() if is_held else None
    wanted = headers.get("announced_sha256") or headers.get("stated_sha256")
    return [
        MediaRecord(
            source="fetched" if is_held else "lost",
            media_id=media_id,
            occurred_at=capture.received_at,
            outside_id=headers.get("message_id"),
            type=headers.get("type"),
            mime_type=headers.get("mime_type"),
            sha256=found,
            size_bytes=len(capture.body) if is_held else None,
            is_intact=found == wanted if found and wanted else None,
            channel_id=headers.get("phone_number_id"),
            account_id=headers.get("waba_id"),
        )
    ]


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
