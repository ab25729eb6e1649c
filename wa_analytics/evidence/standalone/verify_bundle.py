#!/usr/bin/env python3
"""Verify an evidence bundle, offline, without the program that wrote it.

    python3 verify_bundle.py bundle.zip
    python3 verify_bundle.py bundle.zip --key 'NAME+ID+KEY'      # trust this public key alone

Needs Python 3.8 or newer and, for Ed25519 signatures, the package `cryptography`. Everything else
(the Merkle tree of RFC 6962, C2SP signed notes, AES-256-GCM of NIST SP 800-38D) is written out below,
so that it can be read and judged. README.txt in the bundle says what is checked and what that proves.

Exit code 0: proven. 1: not proven. 2: could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import stat
import sys
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = "wa-bundle/1"
MANIFEST, SEAL, KEYS = "bundle.json", "bundle.note", "keys/verifier-keys.txt"
LARGEST = 4 << 30
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}")


class NotProven(Exception):
    """Something in the bundle does not hold."""


class CannotCheck(Exception):
    """There is no bundle to check, or no means to check it."""


# --- Reading: a zip or the folder it was unpacked to -----------------------------------------------


def read_zip(path: str) -> dict[str, bytes]:
    """Every file of the zip. Nothing is unpacked to disk."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise CannotCheck(f"{path} cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise CannotCheck(f"{path} is no zip file, or its end is missing") from None
    files: dict[str, bytes] = {}
    with archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > LARGEST:
            raise NotProven("the bundle claims to be larger than any bundle")
        for member in members:
            name = member.filename
            if not NAME.fullmatch(name) or stat.S_ISLNK(member.external_attr >> 16):
                raise NotProven("the zip holds a name that no bundle has")
            if name in files:
                raise NotProven(f"{name}: stands twice in the zip")
            try:
                files[name] = archive.read(member)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError):
                raise NotProven(f"{name}: is damaged") from None
    return files


def read_folder(path: str) -> dict[str, bytes]:
    """The files that the manifest names; others beside them are not looked at."""
    files: dict[str, bytes] = {}

    def take(name: str) -> None:
        try:
            with open(os.path.join(path, *name.split("/")), "rb") as file:
                files[name] = file.read()
        except OSError:
            raise NotProven(f"{name}: is missing") from None

    take(MANIFEST)
    take(SEAL)
    for name in loaded(files[MANIFEST]).get("files", {}):
        if not NAME.fullmatch(name):
            raise NotProven("the manifest holds a name that no bundle has")
        take(name)
    return files


def loaded(raw: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name stands twice")
        return dict(pairs)

    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise NotProven(f"{MANIFEST}: cannot be read") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise NotProven(f"{MANIFEST}: is not of the format {FORMAT}")
    return document


# --- Signed notes (c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint) -----------------


def key_of(text: str) -> tuple[str, bytes, bytes]:
    """(name, key id, public key) of `name+id+base64(0x01, public key)`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if not name or len(raw) != 33 or raw[:1] != b"\x01" or expected.hex() != key_id:
        raise ValueError("that is no Ed25519 verifier key")
    return name, expected, raw[1:]


def signed_text(note: bytes, keys: list[tuple[str, bytes, bytes]], what: str) -> tuple[list[str], str]:
    """(lines of the text, name of the key) of a note that one of the keys signed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text, blank, signatures = note.rpartition(b"\n\n")
    if not blank or not signatures.endswith(b"\n"):
        raise NotProven(f"{what}: is no signed note")
    text += b"\n"
    for line in signatures[:-1].split(b"\n"):
        parts = line.split(b" ")
        try:
            if len(parts) != 3 or parts[0].decode() != "—":
                raise ValueError
            value = base64.b64decode(parts[2], validate=True)
        except ValueError:
            raise NotProven(f"{what}: a signature line is malformed") from None
        for name, key_id, public in keys:
            if name.encode() == parts[1] and key_id == value[:4]:
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(value[4:], text)
                except InvalidSignature:
                    raise NotProven(f"{what}: the signature does not match") from None
                try:
                    return text.decode("utf-8").split("\n")[:-1], name
                except UnicodeDecodeError:
                    raise NotProven(f"{what}: is no text") from None
    raise NotProven(f"{what}: no trusted key has signed it")


# --- The Merkle tree (RFC 6962 section 2.1; verification as in RFC 9162 section 2.1.3) --------------


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_by_inclusion(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    at, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ValueError("the proof is too long")
        if at % 2 == 1 or at == last:
            value = node(sibling, value)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            value = node(value, sibling)
        at, last = at // 2, last // 2
    if last != 0:
        raise ValueError("the proof is too short")
    return value


def roots_by_consistency(size1: int, size2: int, root1: bytes, path: list[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees that the proof leads to."""
    if not 0 < size1 <= size2:
        raise ValueError("the sizes do not fit")
    if size1 == size2:
        if path:
            raise ValueError("the proof is too long")
        return root1, root1
    if size1 & (size1 - 1) == 0:
        path = [root1, *path]
    if not path:
        raise ValueError("the proof is too short")
    at, last = size1 - 1, size2 - 1
    while at % 2 == 1:
        at, last = at // 2, last // 2
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ValueError("the proof is too long")
        if at % 2 == 1 or at == last:
            first, second = node(sibling, first), node(sibling, second)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            second = node(second, sibling)
        at, last = at // 2, last // 2
    if last != 0:
        raise ValueError("the proof is too short")
    return first, second


# --- AES-256-GCM, opening only (FIPS 197, NIST SP 800-38D) ------------------------------------------


def _tables() -> tuple[list[int], list[list[int]]]:
    logs, powers, value = [0] * 256, [0] * 256, 1
    for exponent in range(255):
        powers[exponent], logs[value] = value, exponent
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)
        value &= 0xFF
    box = []
    for byte in range(256):
        inverse = powers[(255 - logs[byte]) % 255] if byte else 0
        folded = 0
        for turn in range(5):
            folded ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
        box.append(folded ^ 0x63)
    rounds: list[list[int]] = [[], [], [], []]
    for out in box:
        double = (out << 1 ^ (0x11B if out & 0x80 else 0)) & 0xFF
        word = double << 24 | out << 16 | out << 8 | (double ^ out)
        for turn in range(4):
            rounds[turn].append((word >> 8 * turn | word << (32 - 8 * turn)) & 0xFFFFFFFF)
    return box, rounds


BOX, ROUNDS = _tables()


def _box_word(word: int) -> int:
    return BOX[word >> 24] << 24 | BOX[word >> 16 & 255] << 16 | BOX[word >> 8 & 255] << 8 | BOX[word & 255]


def aes256(key: bytes) -> Callable[[int], int]:
    """The block cipher under a 32-byte key, from and to 128-bit numbers."""
    words = [int.from_bytes(key[at : at + 4], "big") for at in range(0, 32, 4)]
    constant = 1
    while len(words) < 60:
        word = words[-1]
        if len(words) % 8 == 0:
            word = _box_word((word << 8 | word >> 24) & 0xFFFFFFFF) ^ constant << 24
            constant <<= 1
        elif len(words) % 8 == 4:
            word = _box_word(word)
        words.append(words[-8] ^ word)
    t0, t1, t2, t3 = ROUNDS
    inner = [tuple(words[at : at + 4]) for at in range(4, 56, 4)]

    def encrypted(block: int) -> int:
        a = block >> 96 ^ words[0]
        b = block >> 64 & 0xFFFFFFFF ^ words[1]
        c = block >> 32 & 0xFFFFFFFF ^ words[2]
        d = block & 0xFFFFFFFF ^ words[3]
        for k0, k1, k2, k3 in inner:
            a, b, c, d = (
                t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ k0,
                t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ k1,
                t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ k2,
                t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ k3,
            )
        whole = 0
        rows = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
        for place, (w, x, y, z) in enumerate(rows, 56):
            last = BOX[w >> 24] << 24 | BOX[x >> 16 & 255] << 16 | BOX[y >> 8 & 255] << 8 | BOX[z & 255]
            whole = whole << 32 | (last ^ words[place])
        return whole

    return encrypted


_GCM = 0xE1 << 120


def _shifted(value: int, times: int) -> int:
    for _ in range(times):
        value = value >> 1 ^ (_GCM if value & 1 else 0)
    return value


_OVERFLOW = [_shifted(byte, 8) for byte in range(256)]


def ghash(subkey: int, message: bytes) -> int:
    """GHASH of whole blocks."""
    table = [0] * 256
    for bit in range(8):
        table[0x80 >> bit] = _shifted(subkey, bit)
    for byte in range(256):
        low = byte & -byte
        if byte != low:
            table[byte] = table[low] ^ table[byte ^ low]
    total = 0
    for at in range(0, len(message), 16):
        block = (total ^ int.from_bytes(message[at : at + 16], "big")).to_bytes(16, "big")
        total = 0
        for byte in reversed(block):
            total = total >> 8 ^ _OVERFLOW[total & 255] ^ table[byte]
    return total


def opened(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The plaintext. Raises ValueError where the tag does not match."""
    if len(key) != 32 or len(nonce) != 12 or len(sealed) < 16:
        raise ValueError("a key has 32 bytes, a nonce 12, a tag 16")
    encrypted = aes256(key)
    ciphertext, tag = sealed[:-16], sealed[-16:]
    counter = int.from_bytes(nonce + b"\0\0\0\1", "big")
    padded = b"".join(part + bytes(-len(part) % 16) for part in (associated, ciphertext))
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(ciphertext)).to_bytes(8, "big")
    if ghash(encrypted(0), padded + lengths) ^ encrypted(counter) != int.from_bytes(tag, "big"):
        raise ValueError("the tag does not match")
    blocks = -(-len(ciphertext) // 16)
    stream = b"".join(encrypted(counter + 1 + at).to_bytes(16, "big") for at in range(blocks))
    size = len(ciphertext)
    mixed = int.from_bytes(ciphertext, "big") ^ int.from_bytes(stream[:size], "big")
    return mixed.to_bytes(size, "big")


# --- The bundle -------------------------------------------------------------------------------------


def parts_of(container: bytes) -> tuple[bytes, bytes, bytes]:
    """(headers as JSON, context, body): a format byte, two parts behind their 4-byte lengths, the rest."""
    headers_end = 5 + int.from_bytes(container[1:5], "big")
    context_end = headers_end + 4 + int.from_bytes(container[headers_end : headers_end + 4], "big")
    if container[:1] != b"\x01" or context_end > len(container):
        raise ValueError("the container is of no known format")
    return container[5:headers_end], container[headers_end + 4 : context_end], container[context_end:]


def leaf_hash(entry: dict[str, Any]) -> bytes:
    lines = (
        "wa-entry/1",
        str(entry["sequence"]),
        entry["kind"],
        entry["capture_id"],
        entry["provider"],
        str(entry["received_at_microseconds"]),
        entry["signature_code"],
        entry["ciphertext_digest"],
    )
    if any("\n" in line for line in lines):
        raise ValueError("a line of the leaf holds a line feed")
    return hashlib.sha256(b"\x00" + "".join(line + "\n" for line in lines).encode("ascii")).digest()


class Bundle:
    """One bundle and what is found wrong with it."""

    def __init__(self, files: dict[str, bytes], trusted: str | None) -> None:
        self.files = files
        self.problems: list[str] = []
        self.trusted = trusted
        self.signer = ""
        self.opened_count = self.disposed_count = 0
        self.manifest: dict[str, Any] = {}
        self.roots: dict[int, bytes] = {}

    def check(self) -> None:
        if MANIFEST not in self.files or SEAL not in self.files:
            raise CannotCheck("that is no evidence bundle: bundle.json or bundle.note is missing")
        self.manifest = loaded(self.files[MANIFEST])
        self.keys = self._keys()
        lines, self.signer = signed_text(self.files[SEAL], self.keys, SEAL)
        if lines != [FORMAT, hashlib.sha256(self.files[MANIFEST]).hexdigest()]:
            raise NotProven(f"{MANIFEST}: differs from what was signed")
        self._digests()
        self._checkpoints()
        self._entries()
        self._messages()

    def _keys(self) -> list[tuple[str, bytes, bytes]]:
        own = self.files.get(KEYS, b"").decode("utf-8", "replace").split()
        texts = [self.trusted] if self.trusted else own
        try:
            return [key_of(text) for text in texts]
        except ValueError:
            if self.trusted:
                raise CannotCheck("--key is no public key of a log; it reads name+id+key") from None
            raise NotProven(f"{KEYS}: holds what is no key") from None

    def _digests(self) -> None:
        named = self.manifest["files"]
        for name in sorted(set(self.files) - set(named) - {MANIFEST, SEAL}):
            self.problems.append(f"{name}: is not named by the manifest")
        for name, digest in named.items():
            if name not in self.files:
                self.problems.append(f"{name}: is missing")
            elif hashlib.sha256(self.files[name]).hexdigest() != digest:
                self.problems.append(f"{name}: was changed")

    def _checkpoints(self) -> None:
        size = self.manifest["tree_size"]
        for told in self.manifest["checkpoints"]:
            what = f"checkpoint of {told['tree_size']}"
            lines, _ = signed_text(self._file(told["file"]), self.keys, what)
            try:
                root = base64.b64decode(lines[2], validate=True)
                expected = [self.manifest["origin"], str(told["tree_size"])]
                if lines[:2] != expected or len(root) != 32:
                    raise ValueError
            except (ValueError, IndexError):
                raise NotProven(f"{what}: says something else than the manifest") from None
            self.roots[told["tree_size"]] = root
        if size not in self.roots or max(self.roots) != size:
            raise NotProven("the newest checkpoint is missing")
        for told in self.manifest["checkpoints"]:
            path = [bytes.fromhex(one) for one in told["consistency"]]
            known = self.roots[told["tree_size"]]
            try:
                if roots_by_consistency(told["tree_size"], size, known, path) != (known, self.roots[size]):
                    raise ValueError
            except ValueError:
                self.problems.append(f"checkpoint of {told['tree_size']}: the log did not grow out of it")

    def _entries(self) -> None:
        for entry in self.manifest["entries"]:
            try:
                self._entry(entry)
            except (ValueError, NotProven) as error:
                self.problems.append(f"entry {entry['sequence']}: {error}")

    def _entry(self, entry: dict[str, Any]) -> None:
        folder = f"entries/{entry['sequence']:012d}"
        path = [bytes.fromhex(one) for one in entry["inclusion"]]
        size = self.manifest["tree_size"]
        if root_by_inclusion(entry["sequence"], size, leaf_hash(entry), path) != self.roots[size]:
            raise ValueError("its proof leads to another root than the one signed")
        state = entry["state"]
        if state == "disposed":
            self._disposed(entry)
            if f"{folder}/original.bin" in self.files:
                raise ValueError("is said to be disposed of and has an original")
            self.disposed_count += 1
            return
        ciphertext = self._file(f"{folder}/ciphertext.bin")
        if hashlib.sha256(ciphertext).hexdigest() != entry["ciphertext_digest"]:
            raise ValueError("its ciphertext differs from what was sealed")
        capture_id = bytes.fromhex(entry["capture_id"])
        if state == "opened":
            container = opened(bytes.fromhex(entry["key"]), capture_id[:12], ciphertext, capture_id)
        elif state == "clear" and entry["kind"] != "capture":
            container = ciphertext
        else:
            raise ValueError("is in no known state")
        headers, context, body = parts_of(container)
        shown = [self._file(f"{folder}/{name}") for name in ("headers.json", "context.bin", "original.bin")]
        if shown != [headers, context, body]:
            raise ValueError("the original beside it is not what was sealed")
        self.opened_count += 1

    def _disposed(self, entry: dict[str, Any]) -> None:
        """The disposal entry must be in the bundle, come later, and name this one."""
        for other in self.manifest["entries"]:
            number = other["sequence"]
            if number != entry["disposed_by"] or number <= entry["sequence"]:
                continue
            if other["kind"] == "disposal" and other["state"] == "clear":
                said = json.loads(self._file(f"entries/{number:012d}/original.bin").decode("utf-8"))
                if entry["sequence"] in said["sequences"]:
                    return
        raise ValueError("no disposal entry says that its key was destroyed")

    def _messages(self) -> None:
        known = {entry["sequence"] for entry in self.manifest["entries"]}
        if not self.manifest["messages"]:
            self.problems.append("the bundle speaks of no message")
        for message in self.manifest["messages"]:
            if not message["entries"] or not known.issuperset(message["entries"]):
                self.problems.append("a message has no entry in the bundle")

    def _file(self, name: str) -> bytes:
        if name not in self.files:
            raise NotProven(f"{name}: is missing")
        return self.files[name]


def main(arguments: list[str] | None = None) -> int:
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Verify an evidence bundle, offline.")
    parser.add_argument("bundle", nargs="?", default=here, help="the zip, or the folder it was unpacked to")
    parser.add_argument("--key", help="trust this public key alone: name+id+key")
    given = parser.parse_args(arguments)
    try:
        try:
            import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401
        except ImportError:
            raise CannotCheck("the package `cryptography` is missing: pip install cryptography") from None
        folder = os.path.isdir(given.bundle)
        bundle = Bundle(read_folder(given.bundle) if folder else read_zip(given.bundle), given.key)
        try:
            bundle.check()
        except (KeyError, TypeError, AttributeError, ValueError, IndexError):
            raise NotProven(f"{MANIFEST}: lacks what a bundle says") from None
    except NotProven as error:
        print(f"NOT PROVEN\n  {error}")
        return 1
    except CannotCheck as error:
        print(f"Could not check: {error}.", file=sys.stderr)
        return 2
    if bundle.problems:
        print("NOT PROVEN")
        for problem in bundle.problems:
            print(f"  {problem}")
        return 1
    print(f"PROVEN  {len(bundle.manifest['messages'])} messages, {len(bundle.manifest['entries'])} entries")
    print(f"  log          {bundle.manifest['origin']}, {bundle.manifest['tree_size']} entries")
    print(f"  opened       {bundle.opened_count} entries, equal to the originals beside them")
    print(f"  disposed of  {bundle.disposed_count} entries, each with the entry that says so")
    for name, key_id, public in bundle.keys:
        if name == bundle.signer:
            print(f"  signed by    {name}+{key_id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}")
    if not given.key:
        print("  Compare that key with a copy you have from elsewhere, or give it with --key.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
