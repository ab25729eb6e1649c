"""`wa verify BUNDLE`: a bundle held to its own signed heads, offline, without a workspace.

Written apart from the writer (`bundle`) and from the verifier that travels inside
(`standalone/verify_bundle.py`); the tests hold the two verifiers to one verdict.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wa_analytics.errors import EvidenceBroken, InputRefused
from wa_analytics.evidence.broken import RULE, Broken, Findings
from wa_analytics.evidence.layout import leaf_bytes, leaf_hash, unpacked_raw
from wa_analytics.evidence.merkle import ProofInvalid, check_consistency, check_inclusion
from wa_analytics.evidence.note import Head, NoteInvalid, VerifierKey, opened, verified_text

FORMAT: Final = "wa-bundle/1"
MANIFEST, SEAL, KEYS = "bundle.json", "bundle.note", "keys/verifier-keys.txt"
LARGEST: Final = 4 << 30
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}")


class Entry(msgspec.Struct, frozen=True):
    sequence: int
    kind: str
    capture_id: str
    provider: str
    received_at_microseconds: int
    signature_code: str
    ciphertext_digest: str
    state: str
    inclusion: tuple[str, ...]
    key: str | None = None
    disposed_by: int | None = None

    @property
    def folder(self) -> str:
        return f"entries/{self.sequence:012d}"


class Message(msgspec.Struct, frozen=True):
    message_id: str
    entries: tuple[int, ...]


class CheckpointFile(msgspec.Struct, frozen=True):
    tree_size: int
    file: str
    consistency: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True):
    format: str
    origin: str
    tree_size: int
    messages: tuple[Message, ...]
    entries: tuple[Entry, ...]
    checkpoints: tuple[CheckpointFile, ...]
    files: dict[str, str]


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
            "findings": [
                {
                    "rule": RULE,
                    "code": found.code,
                    "first_sequence": found.first_sequence,
                    "last_sequence": found.last_sequence,
                    "where": found.where,
                    "sentence": found.sentence,
                }
                for found in self.findings
            ],
        }


class _Stop(Exception):
    """Nothing further can be judged."""

    def __init__(self, code: str, where: str) -> None:
        self.found = Broken(code, where=where)


def bundle_proof(path: Path, trusted: Iterable[VerifierKey] = ()) -> BundleProof:
    """Verify a bundle. trusted: public keys known from elsewhere; without any, the bundle's own.

    Raises InputRefused where there is no zip file to verify.
    """
    try:
        checking = _Checking(_files(path), tuple(trusted))
        return checking.run()
    except _Stop as stop:
        return BundleProof((stop.found,))


def _files(path: Path) -> dict[str, bytes]:
    """Every file of the zip by name. Nothing is unpacked to disk."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}); name a bundle's zip file.") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputRefused(f"{path} is no zip file, or its end is missing; ask for it again.") from None
    files: dict[str, bytes] = {}
    with archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > LARGEST:
            raise _Stop("bundle_malformed", "zip")
        for member in members:
            name = member.filename
            is_link = stat.S_ISLNK(member.external_attr >> 16)
            if not NAME.fullmatch(name) or is_link or name in files:
                raise _Stop("bundle_malformed", "names in the zip")
            try:
                files[name] = archive.read(member)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError):
                raise _Stop("bundle_file_changed", name) from None
    if MANIFEST not in files or SEAL not in files:
        raise InputRefused(f"{path} is no evidence bundle: it lacks {MANIFEST} or {SEAL}.")
    return files


class _Checking:
    def __init__(self, files: dict[str, bytes], trusted: tuple[VerifierKey, ...]) -> None:
        self.files = files
        self.findings = Findings()
        self.is_key_given = bool(trusted)
        self.keys = trusted or self._own_keys()
        self.signer = self._signer()
        self.manifest = _manifest(files[MANIFEST])
        self.entries = {entry.sequence: entry for entry in self.manifest.entries}
        self.heads: dict[int, Head] = {}
        self.opened_count = self.disposed_count = 0

    def run(self) -> BundleProof:
        told = self.manifest
        if told.format != FORMAT or len(self.entries) != len(told.entries):
            raise _Stop("bundle_malformed", MANIFEST)
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
            raise _Stop("bundle_malformed", KEYS) from None

    def _signer(self) -> VerifierKey:
        digest = hashlib.sha256(self.files[MANIFEST]).hexdigest()
        note = self.files[SEAL].decode("utf-8", "replace")
        for key in self.keys:
            try:
                if verified_text(note, [key]) == f"{FORMAT}\n{digest}\n":
                    return key
            except NoteInvalid:
                continue
        raise _Stop("bundle_unsigned", SEAL)

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
                raise _Stop("checkpoint_forged", where) from None
            if (head.origin, head.size) != (self.manifest.origin, told.tree_size):
                raise _Stop("checkpoint_altered", where)
            self.heads[head.size] = head
        size = self.manifest.tree_size
        if size not in self.heads or max(self.heads) != size:
            raise _Stop("checkpoint_missing", f"size {size} in the bundle")
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


def _manifest(raw: bytes) -> Manifest:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Two readers might each take another one of two equal names.
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        return msgspec.convert(json.loads(raw, object_pairs_hook=once), Manifest)
    except (ValueError, RecursionError):
        raise _Stop("bundle_malformed", MANIFEST) from None


def _hashes(path: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(part) for part in path]
