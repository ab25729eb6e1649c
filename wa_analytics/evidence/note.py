"""C2SP signed notes and the checkpoint text inside them: format only, no place, no database.

Source: c2sp.org/signed-note and c2sp.org/tlog-checkpoint. Signature type Ed25519 (0x01); key id =
SHA-256(name, line feed, 0x01, public key)[:4].
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
SIGNATURE_LIMIT = 64


class NoteInvalid(ValueError):
    """A note that is malformed, or that no known key has signed."""


@dataclass(frozen=True)
class Head:
    """What a checkpoint says: the log's name, how many entries, their Merkle root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def of_text(cls, text: str) -> Head:
        """Raises NoteInvalid. Extension lines are allowed and not read."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
            raise NoteInvalid("a checkpoint has an origin, a size and a root, each on its line")
        origin, size, root = lines[:3]
        if not (size.isascii() and size.isdigit()) or str(int(size)) != size:
            raise NoteInvalid("the size is not a decimal number")
        return cls(origin, int(size), _decoded(root, 32))


@dataclass(frozen=True)
class VerifierKey:
    """A public key under its name."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names its key (C2SP signed-note)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    @property
    def text(self) -> str:
        """`name+key id (hex)+base64(type, public key)`, the form that Go's sumdb/note reads."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public_key).decode()}"

    @classmethod
    def of_text(cls, text: str) -> VerifierKey:
        name, _, rest = text.strip().partition("+")
        key_id, _, key = rest.partition("+")
        raw = _decoded(key, 33)
        found = cls(name, raw[1:])
        if not is_key_name(name) or raw[:1] != ED25519 or found.key_id.hex() != key_id:
            raise NoteInvalid("that is no Ed25519 verifier key")
        return found

    @classmethod
    def of_seed(cls, name: str, seed: bytes) -> VerifierKey:
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def signed(text: str, name: str, seed: bytes) -> str:
    """The note over `text` (ending in a line feed), signed under `name` by a 32-byte Ed25519 seed."""
    if not is_key_name(name) or not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise ValueError("the text or the name cannot stand in a signed note")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    value = VerifierKey.of_seed(name, seed).key_id + key.sign(text.encode())
    return f"{text}\n— {name} {b64encode(value).decode()}\n"


def opened(note: str, keys: Iterable[VerifierKey]) -> Head:
    """The head in a note that one of `keys` signed. Raises NoteInvalid."""
    return Head.of_text(verified_text(note, keys))


def verified_text(note: str, keys: Iterable[VerifierKey]) -> str:
    """The text of a note that one of `keys` signed, its last line feed included.

    Signatures of unknown keys are ignored; a wrong one of a known key refuses the whole note.
    Raises NoteInvalid.
    """
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise NoteInvalid("that is no signed note")
    text += "\n"
    known = {(key.name, key.key_id): key for key in keys}
    lines = signatures[:-1].split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise NoteInvalid("the note bears too many signatures")
    is_signed = False
    for line in lines:
        dash, name, encoded = (*line.split(" "), "", "")[:3]
        if dash != "—" or not is_key_name(name) or line.count(" ") != 2:
            raise NoteInvalid("a signature line is malformed")
        value = _decoded(encoded)
        key = known.get((name, value[:4]))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(value[4:], text.encode())
        except InvalidSignature:
            raise NoteInvalid("the signature does not match the text") from None
        is_signed = True
    if not is_signed:
        raise NoteInvalid("no known key has signed the note")
    return text


def _decoded(text: str, length: int | None = None) -> bytes:
    try:
        value = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise NoteInvalid("base64 was expected") from None
    if b64encode(value).decode() != text or (length is not None and len(value) != length):
        raise NoteInvalid("base64 of another length was expected")
    return value
