"""Keyed digests: how an outside identifier becomes one of ours.

HMAC-SHA-256 under the digest key, cut to 16 bytes. Who holds that key can enumerate phone
numbers, so it never stands in the database and never changes.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from wa_analytics.capture import Capture

DigestKind = Literal["message", "phone", "user_id", "crm_id", "username", "consent_event", "content", "text"]

_BLOCK = 64
_INNER = bytes(0x36 ^ byte for byte in range(256))
_OUTER = bytes(0x5C ^ byte for byte in range(256))


class Digester:
    """The digest key at work. Picklable, so that worker processes can carry it.

    HMAC by hand from two prepared hash states: `hmac.digest` sets the key up anew at every call,
    which costs more than hashing an identifier (a test compares the two).
    """

    __slots__ = ("_key", "_outer", "_plain", "_prepared")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a digest key has 32 bytes")
        self._key = key
        block = key.ljust(_BLOCK, b"\0")
        self._outer = hashlib.sha256(block.translate(_OUTER))
        self._plain = hashlib.sha256(block.translate(_INNER))
        self._prepared: dict[str, Any] = {}

    def __reduce__(self) -> tuple[type[Digester], tuple[bytes]]:
        return Digester, (self._key,)

    def digest(self, kind: str, value: str) -> str:
        """32 hex characters: HMAC over `kind`, a zero byte and `value`."""
        inner = self._prepared.get(kind)
        if inner is None:
            inner = self._plain.copy()
            inner.update(kind.encode() + b"\0")
            self._prepared[kind] = inner
        inner = inner.copy()
        inner.update(value.encode("utf-8", "surrogatepass"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        text: str = outer.hexdigest()
        return text[:32]

    def recognition(self, capture: Capture) -> bytes:
        """16 bytes by which the same bytes from the same provider are recognised.

        A valid and an absent signature fold into one; an invalid one stays apart, so that a
        forged delivery of bytes that we know remains visible.
        """
        inner = self._plain.copy()
        flag = "invalid" if capture.signature_code == "invalid" else ""
        context = capture.context
        inner.update(f"recognition\0{capture.provider}\0{flag}\0{len(context)}\0".encode())
        inner.update(context)
        inner.update(capture.body)
        outer = self._outer.copy()
        outer.update(inner.digest())
        whole: bytes = outer.digest()
        return whole[:16]
