"""`wa verify BUNDLE`: a bundle held to its own signed heads, offline, without a workspace.

Written apart from the writer (`bundle`) and from the verifier that travels inside
(`standalone/verify_bundle.py`); the tests hold the two verifiers to one verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.broken import Broken, Findings
from wa_analytics.evidence.bundle_contents import (
    FORMAT,
    KEYS,
    MANIFEST,
    SEAL,
    Entry,
    Unjudgeable,
    files_of,
    manifest_of,
)
from wa_analytics.evidence.layout import leaf_bytes, leaf_hash, unpacked_raw
from wa_analytics.evidence.merkle import ProofInvalid, check_consistency, check_inclusion
from wa_analytics.evidence.note import Head, NoteInvalid, VerifierKey, opened, verified_text


@dataclass(frozen=True)
class BundleProof:
    """What a bundle's verification gave. signer: the public key that signed it, in C2SP form;
    is_key_given: whether the caller knew that key from elsewhere."""

    findings: tuple[Broken, ...]
    message_count: int = 0
    entry_count: int = 0
    opened_count: int = 0
    disposed_count: int = 0
    tree_size: int = 0
    signer: str = ""
    is_key_given: bool = False

    @property
    def is_proven(self) -> bool:
        return not self.findings

    def document(self) -> dict[str, Any]:
        """The outcome as `wa verify BUNDLE --json` prints it."""
        return {
            "outcome": "pass" if self.is_proven else "fail",
            "message_count": self.message_count,
            "entry_count": self.entry_count,
            "opened_count": self.opened_count,
            "disposed_count": self.disposed_count,
            "tree_size": self.tree_size,
            "signer": self.signer,
            "is_key_given": self.is_key_given,
            "findings": [found.row() for found in self.findings],
        }


def bundle_proof(path: Path, trusted: Iterable[VerifierKey] = ()) -> BundleProof:
    """Verify a bundle. trusted: public keys known from elsewhere; without any, the bundle's own.

    Raises InputRefused where there is no zip file to verify.
    """
    try:
        checking = _Checking(files_of(path), tuple(trusted))
        return checking.run()
    except Unjudgeable as end:
        return BundleProof((end.found,))


class _Checking:
    def __init__(self, files: dict[str, bytes], trusted: tuple[VerifierKey, ...]) -> None:
        self.files = files
        self.findings = Findings()
        self.is_key_given = bool(trusted)
        self.keys = trusted or self._own_keys()
        self.signer = self._signer()
        self.manifest = manifest_of(files[MANIFEST])
        self.entries = {entry.sequence: entry for entry in self.manifest.entries}
        self.heads: dict[int, Head] = {}
        self.opened_count = self.disposed_count = 0

    def run(self) -> BundleProof:
        told = self.manifest
        if told.format != FORMAT or len(self.entries) != len(told.entries):
            raise Unjudgeable("bundle_malformed", MANIFEST)
        self._digests()
        self._heads()
        for entry in told.entries:
            self._included(entry)
            self._original(entry)
        for message in told.messages:
            if not message.entries or not self.entries.keys() >= set(message.entries):
                self.findings.of("bundle_malformed", "a message without its entries")
        if not told.messages:
            self.findings.of("bundle_malformed", "no message")
        return BundleProof(
            self.findings.all(),
            len(told.messages),
            len(told.entries),
            self.opened_count,
            self.disposed_count,
            told.tree_size,
            self.signer.text,
            self.is_key_given,
        )

    def _own_keys(self) -> tuple[VerifierKey, ...]:
        try:
            return tuple(
                VerifierKey.of_text(line)
                for line in self.files.get(KEYS, b"").decode("utf-8", "replace").splitlines()
            )
        except NoteInvalid:
            raise Unjudgeable("bundle_malformed", KEYS) from None

    def _signer(self) -> VerifierKey:
        digest = hashlib.sha256(self.files[MANIFEST]).hexdigest()
        note = self.files[SEAL].decode("utf-8", "replace")
        for key in self.keys:
            try:
                if verified_text(note, [key]) == f"{FORMAT}\n{digest}\n":
                    return key
            except NoteInvalid:
                continue
        raise Unjudgeable("bundle_unsigned", SEAL)

    def _digests(self) -> None:
        named = self.manifest.files
        for name in sorted((self.files.keys() | named.keys()) - {MANIFEST, SEAL}):
            content = self.files.get(name)
            if content is None or hashlib.sha256(content).hexdigest() != named.get(name):
                self.findings.of("bundle_file_changed", name)

    def _heads(self) -> None:
        for told in self.manifest.checkpoints:
            where = f"size {told.tree_size} in the bundle"
            note = self.files.get(told.file, b"").decode("utf-8", "replace")
            try:
                head = opened(note, self.keys)
            except NoteInvalid:
                raise Unjudgeable("checkpoint_forged", where) from None
            if (head.origin, head.size) != (self.manifest.origin, told.tree_size):
                raise Unjudgeable("checkpoint_altered", where)
            self.heads[head.size] = head
        size = self.manifest.tree_size
        if size not in self.heads or max(self.heads) != size:
            raise Unjudgeable("checkpoint_missing", f"size {size} in the bundle")
        for told in self.manifest.checkpoints:
            newest, head = self.heads[size], self.heads[told.tree_size]
            try:
                check_consistency(head.size, size, head.root, newest.root, _hashes(told.consistency))
            except ValueError:
                self.findings.at("root_differs", 0, max(told.tree_size - 1, 0), "bundle")

    def _included(self, entry: Entry) -> None:
        head = self.heads[self.manifest.tree_size]
        try:
            leaf = leaf_bytes(
                entry.sequence,
                entry.kind,
                bytes.fromhex(entry.capture_id),
                entry.provider,
                entry.received_at_microseconds,
                entry.signature_code,
                bytes.fromhex(entry.ciphertext_digest),
            )
            check_inclusion(entry.sequence, head.size, leaf_hash(leaf), head.root, _hashes(entry.inclusion))
        except (ProofInvalid, ValueError):
            self.findings.at("proof_invalid", entry.sequence, where="bundle")

    def _original(self, entry: Entry) -> None:
        if entry.state == "disposed":
            if self._is_disposal_told(entry) and f"{entry.folder}/original.bin" not in self.files:
                self.disposed_count += 1
            else:
                self.findings.at("disposal_unproven", entry.sequence, where="bundle")
            return
        ciphertext = self.files.get(f"{entry.folder}/ciphertext.bin", b"")
        if hashlib.sha256(ciphertext).hexdigest() != entry.ciphertext_digest:
            self.findings.at("ciphertext_changed", entry.sequence, where="bundle")
        elif self._is_original(entry, ciphertext):
            self.opened_count += 1
        else:
            self.findings.at("original_differs", entry.sequence, where="bundle")

    def _is_original(self, entry: Entry, ciphertext: bytes) -> bool:
        try:
            if entry.state == "opened":
                capture_id = bytes.fromhex(entry.capture_id)
                key = AESGCM(bytes.fromhex(entry.key or ""))
                container = key.decrypt(capture_id[:12], ciphertext, capture_id)
            elif entry.state == "clear" and entry.kind != "capture":
                container = ciphertext
            else:
                return False
            parts = unpacked_raw(container)
        except (InvalidTag, ValueError, EvidenceBroken):
            return False
        names = ("headers.json", "context.bin", "original.bin")
        return parts == tuple(self.files.get(f"{entry.folder}/{name}") for name in names)

    def _is_disposal_told(self, entry: Entry) -> bool:
        """Whether a later disposal entry in the bundle names this one; that it is itself what the
        log sealed is found out in its own turn."""
        other = self.entries.get(-1 if entry.disposed_by is None else entry.disposed_by)
        if other is None or other.kind != "disposal" or other.state != "clear":
            return False
        try:
            said = msgspec.json.decode(self.files.get(f"{other.folder}/original.bin", b""))
            return other.sequence > entry.sequence and entry.sequence in said["sequences"]
        except (msgspec.DecodeError, TypeError, KeyError):
            return False


def _hashes(path: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(part) for part in path]
