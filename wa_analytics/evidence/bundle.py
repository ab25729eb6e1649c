"""Bundles: chosen entries with their proof in one zip, for someone who has never heard of us.

    README.txt                      how to check it and what that proves
    index.html                      the same evidence for reading
    verify_bundle.py                the verifier, one file
    bundle.json, bundle.note        what the bundle says, and its SHA-256 signed by the log's key
    keys/verifier-keys.txt          the log's public keys
    checkpoints/<size>.txt          signed heads of the log
    entries/<sequence>/             ciphertext.bin, and opened: headers.json, context.bin, original.bin

An opened entry travels with its own key, so that anyone can see that the ciphertext which the log
sealed is the original beside it. That key opens this one entry and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import text

from wa_analytics.errors import EvidenceBroken, InputRefused
from wa_analytics.evidence.checkpoint import Checkpoint, verifier_key
from wa_analytics.evidence.disposal import keyed, statements
from wa_analytics.evidence.layout import microseconds_of, unpacked, unpacked_raw
from wa_analytics.evidence.merkle import consistency_proof, inclusion_proof
from wa_analytics.evidence.note import signed
from wa_analytics.evidence.sealing import Opener
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.tiles import TileReader

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

FORMAT: Final = "wa-bundle/1"
MANIFEST, SEAL, KEYS = "bundle.json", "bundle.note", "keys/verifier-keys.txt"
README, VERIFIER = "README.txt", "verify_bundle.py"

_ENTRY = (
    "SELECT sequence, kind, capture_id, provider, received_at, signature_code, ciphertext_digest,"
    " ciphertext FROM entry WHERE sequence = ?"
)


@dataclass(frozen=True)
class Exhibit:
    """One entry as a bundle shows it.

    state: opened (with its key), clear (never had one), disposed (its key was destroyed, and entry
    `disposed_by` says so). container: the plaintext, None if disposed of.
    """

    sequence: int
    kind: str
    capture_id: bytes
    provider: str
    received_at: int
    signature_code: str
    ciphertext_digest: bytes
    ciphertext: bytes
    state: Literal["opened", "clear", "disposed"]
    container: bytes | None
    key: bytes | None = None
    disposed_by: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        return unpacked(self.container)[0] if self.container is not None else {}

    @property
    def body(self) -> bytes:
        return unpacked(self.container)[1] if self.container is not None else b""


def exhibits(database: Database, ring: KeyRing, sequences: Iterable[int]) -> list[Exhibit]:
    """The entries of these sequences, opened where they have their key, in order; with those that
    were disposed of come the disposal entries that say so.

    Raises EvidenceBroken for an entry that does not open or lost its key without a word.
    """
    wanted = sorted(set(sequences))
    keys = {row.sequence: row for row in keyed(database, wanted)}
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    found: dict[int, Exhibit] = {}
    missing = set()
    for sequence in wanted:
        columns = _columns(database, sequence)
        if sequence in keys:
            row = keys[sequence]
            key = opener.key_of(row)
            container = opener.container(row)
            found[sequence] = Exhibit(**columns, state="opened", container=container, key=key)
        elif columns["kind"] == "disposal":
            found[sequence] = Exhibit(**columns, state="clear", container=columns["ciphertext"])
        else:
            missing.add(sequence)
    for told_in, _, said in statements(database) if missing else ():
        for sequence in missing.intersection(said["sequences"]):
            columns = _columns(database, sequence)
            found[sequence] = Exhibit(**columns, state="disposed", container=None, disposed_by=told_in)
            statement = _columns(database, told_in)
            found[told_in] = Exhibit(**statement, state="clear", container=statement["ciphertext"])
        missing -= set(said["sequences"])
    if missing:
        raise EvidenceBroken(
            f"Entry {min(missing)} lost its key and no disposal entry says so; run `wa verify`."
        )
    return [found[sequence] for sequence in sorted(found)]


def _columns(database: Database, sequence: int) -> dict[str, Any]:
    rows = stored_rows(database, _ENTRY, (sequence,))
    if not rows:
        raise EvidenceBroken(f"Entry {sequence} is missing from the log; run `wa verify`.")
    _, kind, capture_id, provider, at, code, digest, ciphertext = rows[0]
    return {
        "sequence": sequence,
        "kind": kind,
        "capture_id": bytes(capture_id),
        "provider": provider,
        "received_at": microseconds_of(at),
        "signature_code": code,
        "ciphertext_digest": bytes(digest),
        "ciphertext": bytes(ciphertext),
    }


def written(
    path: Path,
    database: Database,
    ring: KeyRing,
    checkpoint: Checkpoint,
    shown: Sequence[Exhibit],
    messages: Sequence[Mapping[str, Any]],
    statement: Mapping[str, Any],
    pages: Mapping[str, str],
    made_at: datetime,
) -> str:
    """Write the bundle; returns its SHA-256 in hex.

    messages: `message_id` and `entries` (sequences) each. statement: what else the manifest says.
    pages: further files by name (index.html). Raises InputRefused if `path` exists.
    """
    seed = ring.signing_key()
    key = verifier_key(ring.home, ring.settings, seed)
    contents: dict[str, bytes] = {name: page.encode() for name, page in pages.items()}
    travelling = package_files("wa_analytics.evidence.standalone")
    for name in (README, VERIFIER):
        contents[name] = travelling.joinpath(name).read_bytes()
    with database.reading() as connection:
        known = [row[0] for row in connection.execute(text("SELECT verifier_key FROM verifier_key"))]
        heads = connection.execute(
            text("SELECT tree_size, note FROM checkpoint WHERE tree_size <= :size ORDER BY tree_size"),
            {"size": checkpoint.size},
        ).fetchall()
        reader = TileReader(connection)
        entries = []
        for one in shown:
            contents |= _files(one)
            entries.append(_told(one, inclusion_proof(one.sequence, checkpoint.size, reader)))
        checkpoints = []
        for size, note in _chosen(heads, shown, checkpoint.size):
            name = f"checkpoints/{size}.txt"
            contents[name] = note.encode()
            proof = consistency_proof(size, checkpoint.size, reader) if size < checkpoint.size else []
            checkpoints.append(
                {"tree_size": size, "file": name, "consistency": [part.hex() for part in proof]}
            )
    contents[KEYS] = "".join(f"{one}\n" for one in dict.fromkeys([key.text, *known])).encode()
    manifest = {
        "format": FORMAT,
        "made_at": made_at.isoformat(),
        "origin": checkpoint.origin,
        "tree_size": checkpoint.size,
        "messages": [dict(message) for message in messages],
        **statement,
        "entries": entries,
        "checkpoints": checkpoints,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())},
    }
    contents[MANIFEST] = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    digest = hashlib.sha256(contents[MANIFEST]).hexdigest()
    contents[SEAL] = signed(f"{FORMAT}\n{digest}\n", key.name, seed).encode()
    return _zipped(path, contents, made_at)


def _chosen(heads: Iterable[Any], shown: Sequence[Exhibit], newest: int) -> list[tuple[int, str]]:
    """The newest checkpoint, and of each entry the first that sealed it: it bounds its age."""
    heads = [(int(size), str(note)) for size, note in heads]
    sizes = {newest}
    for one in shown:
        sizes.add(next(size for size, _ in heads if size > one.sequence))
    return [head for head in heads if head[0] in sizes]


def _folder(sequence: int) -> str:
    return f"entries/{sequence:012d}"


def _files(one: Exhibit) -> dict[str, bytes]:
    if one.container is None:
        return {}
    headers, context, body = unpacked_raw(one.container)
    folder = _folder(one.sequence)
    return {
        f"{folder}/ciphertext.bin": one.ciphertext,
        f"{folder}/headers.json": headers,
        f"{folder}/context.bin": context,
        f"{folder}/original.bin": body,
    }


def _told(one: Exhibit, proof: Sequence[bytes]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sequence": one.sequence,
        "kind": one.kind,
        "capture_id": one.capture_id.hex(),
        "provider": one.provider,
        "received_at_microseconds": one.received_at,
        "signature_code": one.signature_code,
        "ciphertext_digest": one.ciphertext_digest.hex(),
        "state": one.state,
        "inclusion": [part.hex() for part in proof],
    }
    if one.key is not None:
        told["key"] = one.key.hex()
    if one.disposed_by is not None:
        told["disposed_by"] = one.disposed_by
    return told


def _zipped(path: Path, contents: Mapping[str, bytes], made_at: datetime) -> str:
    """All or nothing, readable by its owner alone, never over a file that exists."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    stamp = max(made_at.timetuple()[:6], (1980, 1, 1, 0, 0, 0))
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                with zipfile.ZipFile(file, "w") as archive:
                    for name, content in sorted(contents.items()):
                        member = zipfile.ZipInfo(name, stamp)
                        member.compress_type = zipfile.ZIP_DEFLATED
                        member.external_attr = 0o100644 << 16
                        archive.writestr(member, content)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise InputRefused(f"{path} exists already; name another file with --out.") from None
    except OSError as error:
        raise InputRefused(f"{path} cannot be written ({error.strerror}); name another with --out.") from None
    return digest
