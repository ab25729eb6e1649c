"""Captures into rows of the log and back: pure, picklable, without a database.

Worker processes import this module alone, so it pulls in neither SQLAlchemy nor Polars.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wa_analytics.capture import Capture
from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.digests import Digester
from wa_analytics.evidence.layout import packed, unpacked

ID_BYTES = 16
NONCE_BYTES = 12
_DRAWN = 32 + ID_BYTES
# A processor keeps few instructions at hand: one step for many captures, then the next, takes a third less
# than all steps for one capture after the other.
TOGETHER_ROWS = 64
TOGETHER_BYTES = 1 << 20


class Sealed(NamedTuple):
    """One entry before it has its place: plain tuple, cheap to send between processes.

    received_at: microseconds since 1970 UTC. The last three are None on an entry that is kept in
    clear (`cleared`), which has no key to lose.
    """

    capture_id: bytes
    kind: str
    provider: str
    received_at: int
    signature_code: str
    ciphertext_digest: bytes
    ciphertext: bytes
    wrapping_key_id: int | None
    wrapped_key: bytes | None
    recognition_digest: bytes | None


class EntryRow(NamedTuple):
    """One stored entry with the key that opens it; `received_at` in microseconds since 1970 UTC."""

    sequence: int
    capture_id: bytes
    kind: str
    provider: str
    received_at: int
    signature_code: str
    ciphertext: bytes
    wrapping_key_id: int
    wrapped_key: bytes


def _named(provider: str) -> str:
    if not provider.isascii() or "\n" in provider:
        raise ValueError("a provider's name is one line of ASCII: it stands in the Merkle leaf")
    return provider


class Sealer:
    """Encrypts captures under keys of their own, wrapped by one wrapping key."""

    def __init__(self, wrapping_key_id: int, wrapping_key: bytes, digest_key: bytes) -> None:
        self.wrapping_key_id = wrapping_key_id
        self._wrapping_key = wrapping_key
        self._digest_key = digest_key
        self._wrap = AESGCM(wrapping_key).encrypt
        self._recognition = Digester(digest_key).recognition

    def __reduce__(self) -> tuple[type[Sealer], tuple[int, bytes, bytes]]:
        return Sealer, (self.wrapping_key_id, self._wrapping_key, self._digest_key)

    def __repr__(self) -> str:
        return f"Sealer(wrapping_key_id={self.wrapping_key_id})"

    def sealed(self, captures: Iterable[Capture], kind: str = "capture") -> list[Sealed]:
        """One row per capture, in order. Entries of our own (`kind` other than capture) are never
        repetitions: they are recognised by their random id."""
        captures = list(captures)
        rows: list[Sealed] = []
        for at in range(0, len(captures), TOGETHER_ROWS):
            rows += self._together(captures[at : at + TOGETHER_ROWS], kind)
        return rows

    def _together(self, captures: list[Capture], kind: str) -> list[Sealed]:
        wrap, number, sha256 = self._wrap, self.wrapping_key_id, hashlib.sha256
        for provider in {capture.provider for capture in captures}:
            _named(provider)
        drawn = os.urandom(_DRAWN * len(captures))
        keys = [drawn[at : at + 32] for at in range(0, len(drawn), _DRAWN)]
        ids = [drawn[at : at + ID_BYTES] for at in range(32, len(drawn), _DRAWN)]
        nonces = [capture_id[:NONCE_BYTES] for capture_id in ids]
        recognised = ids if kind != "capture" else [self._recognition(capture) for capture in captures]
        containers = [packed(capture.headers, capture.body, capture.context) for capture in captures]
        ciphertexts = [
            AESGCM(key).encrypt(*one) for key, *one in zip(keys, nonces, containers, ids, strict=True)
        ]
        wrapped = [wrap(*one) for one in zip(nonces, keys, ids, strict=True)]
        digests = [sha256(ciphertext).digest() for ciphertext in ciphertexts]
        return [
            Sealed(
                capture_id, kind, capture.provider, capture.received_at, capture.signature_code, digest,
                ciphertext, number, wrapped_key, recognition,
            )
            for capture, capture_id, digest, ciphertext, wrapped_key, recognition in zip(
                captures, ids, digests, ciphertexts, wrapped, recognised, strict=True
            )
        ]  # fmt: skip


def cleared(kind: str, received_at: int, body: bytes) -> Sealed:
    """An entry kept in clear, for what must be readable without a key and names no person: the
    disposal entries, by which a verifier knows that a missing key was given up lawfully."""
    container = packed({}, body)
    digest = hashlib.sha256(container).digest()
    return Sealed(os.urandom(ID_BYTES), kind, "", received_at, "absent", digest, container, None, None, None)


class Opener:
    """Decrypts stored entries. Picklable, for worker processes."""

    def __init__(self, wrapping_keys: dict[int, bytes], digest_key: bytes) -> None:
        self._wrapping_keys = wrapping_keys
        self._digest_key = digest_key
        self._unwrap = {number: AESGCM(key).decrypt for number, key in wrapping_keys.items()}
        self.digests = Digester(digest_key)

    def __reduce__(self) -> tuple[type[Opener], tuple[dict[int, bytes], bytes]]:
        return Opener, (self._wrapping_keys, self._digest_key)

    def __repr__(self) -> str:
        return "Opener()"

    def digest(self, kind: str, value: str) -> str:
        return self.digests.digest(kind, value)

    def key_of(self, row: EntryRow) -> bytes:
        """The key of one entry alone, for whom it is to be shown to. Raises EvidenceBroken."""
        try:
            return self._unwrap[row.wrapping_key_id](
                row.capture_id[:NONCE_BYTES], row.wrapped_key, row.capture_id
            )
        except (InvalidTag, KeyError, ValueError):
            raise EvidenceBroken(
                f"The key of entry {row.sequence} does not open: it or its wrapping key was altered; "
                "run `wa verify --derived`."
            ) from None

    def container(self, row: EntryRow) -> bytes:
        """The plaintext of an entry (`layout.unpacked` reads it). Raises EvidenceBroken."""
        sequence, capture_id, _, _, _, _, ciphertext, number, wrapped = row
        nonce = capture_id[:NONCE_BYTES]
        try:
            key = self._unwrap[number](nonce, wrapped, capture_id)
            return AESGCM(key).decrypt(nonce, ciphertext, capture_id)
        except (InvalidTag, KeyError, ValueError):
            raise EvidenceBroken(
                f"Entry {sequence} does not open: its bytes, its key or its wrapping key were "
                "altered; run `wa verify`."
            ) from None

    def opens(self, row: EntryRow) -> bool:
        """Whether the entry opens."""
        try:
            self.container(row)
        except EvidenceBroken:
            return False
        return True

    def opened(self, rows: Iterable[EntryRow]) -> Iterator[tuple[int, Capture]]:
        """(sequence, capture) of each row, in order.

        Raises EvidenceBroken, naming the sequence, where key, tag or associated data do not match.
        """
        for row in rows:
            sequence, _, _, provider, received_at, code, _, _, _ = row
            headers, body, context = unpacked(self.container(row))
            yield sequence, Capture(body, headers, provider, received_at, code, context)  # type: ignore[arg-type]

    def captures(self, rows: list[EntryRow]) -> list[Capture]:
        """The captures of the rows, each step for all of them. Raises EvidenceBroken as `opened` does."""
        containers = [self.container(row) for row in rows]
        parts = [unpacked(container) for container in containers]
        return [
            Capture(body, headers, row[3], row[4], row[5], context)  # type: ignore[arg-type]
            for row, (headers, body, context) in zip(rows, parts, strict=True)
        ]


def together(rows: Iterable[EntryRow]) -> Iterator[list[EntryRow]]:
    """Batches of a few rows, of one where rows are large (fetched media)."""
    batch: list[EntryRow] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row[6])
        if len(batch) == TOGETHER_ROWS or size > TOGETHER_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def opened(
    rows: Iterable[EntryRow], wrapping_keys: dict[int, bytes], digest_key: bytes
) -> Iterator[tuple[int, Capture]]:
    """`Opener.opened` in one call."""
    return Opener(wrapping_keys, digest_key).opened(rows)
