"""A capture: the smallest thing a source delivered that stands alone, as exact bytes.

Signatures and digests are taken over `body` before any parsing. `headers` hold what gives the
bytes their meaning (HTTP headers, a table's header line, the file's digest and line number).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Literal

import msgspec

SignatureCode = Literal["valid", "invalid", "absent"]
_BLOCK = 64
_INNER = bytes(0x36 ^ byte for byte in range(256))
_OUTER = bytes(0x5C ^ byte for byte in range(256))


class Keyed:
    """HMAC-SHA-256 by hand from two prepared hash states: `hmac.digest` sets the key up anew at every
    call, which costs more than hashing an identifier (a test compares the two)."""

    __slots__ = ("inner", "outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        block = key.ljust(_BLOCK, b"\0")
        self.inner = hashlib.sha256(block.translate(_INNER))
        """To be copied, and the copy to be fed with the message."""
        self.outer = hashlib.sha256(block.translate(_OUTER))
        """To be copied, and the copy to be fed with the inner digest."""

    def after(self, opening: bytes) -> Any:
        """The inner state of a message that begins so."""
        inner = self.inner.copy()
        inner.update(opening)
        return inner

    def hexdigest(self, message: bytes) -> str:
        outer = self.outer.copy()
        outer.update(self.after(message).digest())
        text: str = outer.hexdigest()
        return text


class Capture(msgspec.Struct, frozen=True, gc=False):
    """Exact bytes of one delivery.

    body: the bytes as received.
    headers: lower-case names; for table records `columns` (the header line's cells as JSON),
        `file_digest` and `line`.
    provider: `meta-cloud`, `send-log`, `consent-register`, `directory` …
    received_at: integer microseconds since 1970 UTC.
    signature_code: `valid`, `invalid` or `absent` (no signature, or no secret to check it with).
    context: bytes that belong to the capture's identity beside `body` (a table's header line),
        so that equal records under different columns are different captures.
    """

    body: bytes
    headers: dict[str, str]
    provider: str
    received_at: int
    signature_code: SignatureCode = "absent"
    context: bytes = b""


def signature_code(body: bytes, header: str | None, secret: Keyed | None) -> SignatureCode:
    """Outcome of `X-Hub-Signature-256` over the exact bytes, compared in constant time.

    Source: Meta, "Validating payloads" (create-webhook-endpoint).
    """
    if not header or secret is None:
        return "absent"
    expected = "sha256=" + secret.hexdigest(body)
    stated = header.strip().lower().encode(errors="replace")
    return "valid" if hmac.compare_digest(expected.encode(), stated) else "invalid"
