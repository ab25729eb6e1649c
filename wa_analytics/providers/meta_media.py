"""Media files: fetched by their id, stored like any capture, recognised by what was announced.

A media id from a webhook holds for seven days, the address it resolves to for five minutes. A file
whose SHA-256 is not the announced one is kept and told. Source: Meta, Cloud API media.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed
from wa_analytics.providers.graph import Graph
from wa_analytics.providers.http_api import Answer, Exhausted, TooLarge, whole_number
from wa_analytics.providers.media import mime_of, sha256_hex
from wa_analytics.records import MediaRecord, Record, UnknownRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVIDER = "meta-cloud"
SOURCE = "media"
ID_DAYS = 7
"""How long a media id from a webhook holds."""
UPLOAD_DAYS = 30
"""How long one from an upload does; beyond it nobody need ask."""
ADDRESS_ATTEMPTS = 3
EXPIRED = (401, 403, 404, 410)
# The token is no good or has no permission: the next file will fare no better.
TOKEN_CODES = (10, 102, 190, 200)
# "Object does not exist": what the API says of an id that is gone.
GONE_CODE, GONE_SUBCODE = 100, 33


def fetched_media(graph: Graph, announced: MediaRecord, at: int, limit_bytes: int) -> Capture:
    """The announced file as a capture, or a capture of the answer that it is gone.

    at: microseconds since 1970 UTC. Raises ProviderFailed where asking again later may
    help, Exhausted where asking for another one now does not.
    """
    refusal: Answer | None = None
    for _ in range(ADDRESS_ATTEMPTS):
        resolved = graph.media(announced.media_id)
        if _is_gone(resolved):
            return _capture(announced, at, resolved.body, "lost")
        url = resolved.stated.get("url") if resolved.is_good and resolved.stated is not None else None
        if resolved.stated is None or not isinstance(url, str):
            told = f"{graph.failure(resolved)} where a media address was asked for."
            is_token = resolved.fault is not None and resolved.fault.code in TOKEN_CODES
            raise Exhausted(told) if is_token else ProviderFailed(told)
        size = whole_number(resolved.stated.get("file_size"))
        if size is not None and size > limit_bytes:
            raise TooLarge(
                f"A media file has {size:,} bytes; raise meta_cloud.media_limit_bytes to fetch it."
            )
        answer = graph.download(url, limit_bytes)
        if answer.is_good:
            return _capture(announced, at, answer.body, "fetched", resolved.stated)
        if answer.status not in EXPIRED:
            raise ProviderFailed(f"{graph.failure(answer)} where a media file was asked for.")
        refusal = answer  # The address has expired, or the file is gone: the id is asked anew.
    assert refusal is not None
    raise ProviderFailed(f"{graph.failure(refusal)}: no media address held; try again later.")


def expired_media(announced: MediaRecord, at: int) -> Capture:
    """The note that nobody asked, since the id cannot hold any more."""
    body = msgspec.json.encode({"not_asked": "the media id expired", "days": UPLOAD_DAYS})
    return _capture(announced, at, body, "lost")


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


def _is_gone(answer: Answer) -> bool:
    if answer.status in (404, 410):
        return True
    fault = answer.fault
    return fault is not None and (fault.code, fault.subcode) == (GONE_CODE, GONE_SUBCODE)


def _capture(
    announced: MediaRecord, at: int, body: bytes, outcome: str, stated: Mapping[str, object] | None = None
) -> Capture:
    stated = stated or {}
    told = {
        "message_id": announced.outside_id,
        "type": announced.type,
        "mime_type": mime_of(_text(stated, "mime_type")) or announced.mime_type,
        "announced_sha256": sha256_hex(announced.sha256),
        "stated_sha256": sha256_hex(_text(stated, "sha256")),
        "phone_number_id": announced.channel_id,
        "waba_id": announced.account_id,
    }
    headers = {"source": SOURCE, "outcome": outcome, "media_id": announced.media_id}
    return Capture(
        body=body,
        headers=headers | {name: value for name, value in told.items() if value},
        provider=PROVIDER,
        received_at=at,
        context=_context(outcome, announced.media_id, announced.outside_id),
    )


def _text(stated: Mapping[str, object], name: str) -> str | None:
    value = stated.get(name)
    return value if isinstance(value, str) else None
