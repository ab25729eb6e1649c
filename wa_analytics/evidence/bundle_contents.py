"""What a bundle's zip file holds, as its verifier reads it; nothing is unpacked to disk.

Stated apart from the writer (`bundle`), so that a bundle is held to what is promised and not to what
was written.
"""

from __future__ import annotations

import json
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import msgspec

from wa_analytics.errors import InputRefused
from wa_analytics.evidence.broken import Broken

FORMAT: Final = "wa-bundle/1"
MANIFEST, SEAL, KEYS = "bundle.json", "bundle.note", "keys/verifier-keys.txt"
LARGEST: Final = 4 << 30
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}")


class Entry(msgspec.Struct, frozen=True):
    """One entry of the log as the manifest tells it; digests and hashes are hex.

    state: `opened` (with its `key`), `clear` (no key needed) or `disposed` (`disposed_by`: the sequence
    of the entry that says so). inclusion: the path from its leaf to the newest root.
    """

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
        """Where its files stand in the zip."""
        return f"entries/{self.sequence:012d}"


class Message(msgspec.Struct, frozen=True):
    """A message and the sequences of the entries that speak of it."""

    message_id: str
    entries: tuple[int, ...]


class CheckpointFile(msgspec.Struct, frozen=True):
    """A checkpoint of `tree_size` entries; consistency: the path from its root to the newest."""

    tree_size: int
    file: str
    consistency: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True):
    """What is signed. files: name in the zip → SHA-256 in hex; tree_size: of the newest checkpoint."""

    format: str
    origin: str
    tree_size: int
    messages: tuple[Message, ...]
    entries: tuple[Entry, ...]
    checkpoints: tuple[CheckpointFile, ...]
    files: dict[str, str]


class Unjudgeable(Exception):
    """Nothing further can be judged."""

    def __init__(self, code: str, where: str) -> None:
        self.found = Broken(code, where=where)


def files_of(path: Path) -> dict[str, bytes]:
    """Every file of the zip by name. Raises InputRefused, and Unjudgeable where it could mislead."""
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
            raise Unjudgeable("bundle_malformed", "zip")
        for member in members:
            name = member.filename
            is_link = stat.S_ISLNK(member.external_attr >> 16)
            if not NAME.fullmatch(name) or is_link or name in files:
                raise Unjudgeable("bundle_malformed", "names in the zip")
            try:
                files[name] = archive.read(member)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError):
                raise Unjudgeable("bundle_file_changed", name) from None
    if MANIFEST not in files or SEAL not in files:
        raise InputRefused(f"{path} is no evidence bundle: it lacks {MANIFEST} or {SEAL}.")
    return files


def manifest_of(raw: bytes) -> Manifest:
    """Raises Unjudgeable."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Two readers might each take another one of two equal names.
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        return msgspec.convert(json.loads(raw, object_pairs_hook=once), Manifest)
    except (ValueError, RecursionError):
        raise Unjudgeable("bundle_malformed", MANIFEST) from None
