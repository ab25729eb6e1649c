"""A capture: the smallest thing a source delivered that stands alone, as exact bytes.

Signatures and digests are taken over `body` before any parsing. `headers` hold what gives the
bytes their meaning (HTTP headers, a table's header line, the file's digest and line number).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

import msgspec

SignatureCode = Literal["valid", "invalid", "absent"]


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


def signature_code(body: bytes, header: str | None, secret: str | None) -> SignatureCode:
    """Outcome of `X-Hub-Signature-256` over the exact bytes, compared in constant time.

    Source: Meta, "Validating payloads" (create-webhook-endpoint).
    """
    if not header or not secret:
        return "absent"
    expected = "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    stated = header.strip().lower().encode(errors="replace")
    return "valid" if hmac.compare_digest(expected.encode(), stated) else "invalid"
