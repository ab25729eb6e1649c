"""The two byte formats of the evidence: the Merkle leaf and the plaintext container.

Writer and verifier share this page and nothing else. Neither format may ever change; another one
gets another first line or first byte.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime
from typing import Final

import msgspec

from wa_analytics.errors import EvidenceBroken

LEAF_FORMAT: Final = b"wa-entry/1\n"
CONTAINER_FORMAT: Final = b"\x01"

_length_at = struct.Struct(">I").unpack_from
_headers_encoder = msgspec.json.Encoder(order="sorted")
_headers_decoder = msgspec.json.Decoder(dict[str, str])


def leaf_bytes(
    sequence: int,
    kind: str,
    capture_id: bytes,
    provider: str,
    received_at_us: int,
    signature_code: str,
    ciphertext_digest: bytes,
) -> bytes:
    """What the Merkle tree hashes for one entry: ASCII lines, each ended by a line feed.

    received_at_us: microseconds since 1970 UTC. Raises ValueError where a text holds a line feed
    or is not ASCII, since the lines would then be ambiguous.
    """
    if "\n" in kind or "\n" in provider or "\n" in signature_code:
        raise ValueError("kind, provider and signature_code are single lines")
    return LEAF_FORMAT + (
        f"{sequence}\n{kind}\n{capture_id.hex()}\n{provider}\n{received_at_us}\n"
        f"{signature_code}\n{ciphertext_digest.hex()}\n"
    ).encode("ascii")


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 section 2.1: SHA-256 of 0x00 and the leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def packed(headers: dict[str, str], body: bytes, context: bytes = b"") -> bytes:
    """The container that is encrypted: format byte, headers as JSON and context, each behind its
    length (4 bytes, big-endian), then the exact body to the end."""
    text = _headers_encoder.encode(headers)
    return b"".join(
        (
            CONTAINER_FORMAT,
            len(text).to_bytes(4, "big"),
            text,
            len(context).to_bytes(4, "big"),
            context,
            body,
        )
    )


def unpacked_raw(container: bytes) -> tuple[bytes, bytes, bytes]:
    """(headers as JSON, context, body) of a container, as bytes. Raises EvidenceBroken."""
    if container[:1] != CONTAINER_FORMAT:
        raise EvidenceBroken("A decrypted entry is in no format that this version knows.")
    try:
        headers_end = 5 + _length_at(container, 1)[0]
        context_end = headers_end + 4 + _length_at(container, headers_end)[0]
    except struct.error:
        context_end = len(container) + 1
    if context_end > len(container):
        raise EvidenceBroken("A decrypted entry ends before its headers do.")
    return container[5:headers_end], container[headers_end + 4 : context_end], container[context_end:]


def unpacked(container: bytes) -> tuple[dict[str, str], bytes, bytes]:
    """(headers, body, context) of a container. Raises EvidenceBroken on any other bytes."""
    raw, context, body = unpacked_raw(container)
    try:
        headers = _headers_decoder.decode(raw)
    except msgspec.DecodeError:
        raise EvidenceBroken("A decrypted entry's headers cannot be read.") from None
    return headers, body, context


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)


def microseconds_of(moment: datetime | str) -> int:
    """Whole microseconds since 1970 UTC of an aware datetime (PostgreSQL) or of the stored text
    `YYYY-MM-DD HH:MM:SS.ffffff` (SQLite)."""
    if isinstance(moment, str):
        since = datetime.fromisoformat(moment) - _NAIVE_EPOCH
    else:
        since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
