"""The workspace's keys: which there are, where they stand, how a wrong one is refused.

    master key    wraps the wrapping keys; a file, the environment or KMS (`master`); can be rotated
    digest key    behind every keyed digest; keys/digest.key; made once, never rotated
    signing key   signs checkpoints (Ed25519); keys/signing.key
    wrapping key  in the database, under the master key; wraps the keys of at most 100,000 captures
    entry key     in the database, under a wrapping key; opens one entry; destroying it is disposal

No AES-GCM nonce repeats under a key. An entry key encrypts one text, once. A wrapping key wraps at
most about 100,000 entry keys, each under the first 12 bytes of that entry's random capture id: the
odds of any two being equal are below 2^-63, and an entry is never wrapped twice under the same
wrapping key. The master key draws 12 random bytes for each of its few wraps.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from wa_analytics.capture import Capture
from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.digests import Digester
from wa_analytics.evidence.keyfile import (
    KEY_BYTES,
    folder_checked,
    make_folder,
    read_key,
    write_key,
)
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.master import MasterSource, master_source
from wa_analytics.tables.column import instant_text

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.settings import Settings

CAPTURES_PER_WRAPPING_KEY = 100_000
DIGEST, SIGNING = "digest.key", "signing.key"


def check_value(name: str, key: bytes) -> bytes:
    """16 bytes that tell two keys apart and nothing else of them."""
    return hmac.digest(key, b"wa-key-check/1\n" + name.encode(), hashlib.sha256)[:16]


def wrapped_under_master(master: bytes, wrapping_key_id: int, key: bytes) -> bytes:
    """nonce and AES-256-GCM of a wrapping key; its number is the associated data."""
    nonce = os.urandom(12)
    return nonce + AESGCM(master).encrypt(nonce, key, b"wrapping_key %d" % wrapping_key_id)


def unwrapped_under_master(master: bytes, wrapping_key_id: int, wrapped: bytes) -> bytes:
    try:
        return AESGCM(master).decrypt(wrapped[:12], wrapped[12:], b"wrapping_key %d" % wrapping_key_id)
    except (InvalidTag, ValueError):
        raise KeyRefused(
            f"Wrapping key {wrapping_key_id} does not open under the master key; "
            "its row was altered: run `wa verify` and restore the table wrapping_key from a backup."
        ) from None


@dataclass(frozen=True)
class WrappingKeyHandle:
    """One wrapping key, opened. Never log it."""

    id: int
    key: bytes

    def __repr__(self) -> str:
        return f"WrappingKeyHandle(id={self.id})"


class KeyRing:
    """The opened keys of one workspace."""

    def __init__(
        self, home: Path, settings: Settings, source: MasterSource, master: bytes, digest_key: bytes
    ) -> None:
        self.home = Path(home)
        self.settings = settings
        self.digests = Digester(digest_key)
        self.digest_key = digest_key
        self._source = source
        self._master = master
        self._current: tuple[WrappingKeyHandle, str, int] | None = None

    def __repr__(self) -> str:
        return "KeyRing()"

    @property
    def master(self) -> bytes:
        """The 32 bytes of the master key. Never log it."""
        return self._master

    @property
    def makes_new_keys(self) -> bool:
        """Whether `rotate` needs no `new_master`: file and KMS make one, the environment does not."""
        return self._source.makes_new_keys

    @staticmethod
    def create(home: Path, settings: Settings) -> None:
        """Make the keys that are not there yet. Raises KeyRefused if those there are too open."""
        folder = Path(home) / "keys"
        make_folder(folder)
        folder_checked(folder)
        master_source(home, settings).create()
        for name in (DIGEST, SIGNING):
            if not write_key(folder / name, os.urandom(KEY_BYTES)):
                read_key(folder / name)

    @classmethod
    def open(cls, home: Path, settings: Settings, database: Database) -> KeyRing:
        """Read the keys and compare them with the database's check values.

        A database without evidence takes the keys as its own. Raises KeyRefused.
        """
        folder = Path(home) / "keys"
        source = master_source(home, settings)
        ring = cls(Path(home), settings, source, source.key(), read_key(folder / DIGEST))
        stored = _check_values(database)
        if not stored:
            stored = ring._introduced(database)
        if stored.get("digest") != check_value("digest", ring.digest_key):
            raise KeyRefused(
                f"{folder / DIGEST} is not the digest key of this database; "
                "put the workspace's own key back, or open the database that belongs to it."
            )
        ring._follow_rotation(stored.get("master"))
        return ring

    def digest(self, kind: str, value: str) -> str:
        """32 hex characters that stand for an outside identifier; see `Digester.digest`."""
        return self.digests.digest(kind, value)

    def recognition(self, capture: Capture) -> bytes:
        return self.digests.recognition(capture)

    def signing_key(self) -> bytes:
        """The 32-byte Ed25519 seed that signs checkpoints. Raises KeyRefused."""
        return read_key(self.home / "keys" / SIGNING)

    def wrapping_key(self, database: Database, now: datetime, count: int) -> WrappingKeyHandle:
        """The wrapping key for the next `count` captures: a new one per UTC day of `now` or per
        100,000 captures. Raises ValueError where `count` is larger than that."""
        if not 0 <= count <= CAPTURES_PER_WRAPPING_KEY:
            raise ValueError(f"ask for at most {CAPTURES_PER_WRAPPING_KEY:,} captures at once")
        day = now.astimezone(UTC).date().isoformat()
        current = self._current or self._newest(database)
        if current is None or current[1] != day or current[2] + count > CAPTURES_PER_WRAPPING_KEY:
            current = (self._made(database, now), day, 0)
        self._current = (current[0], day, current[2] + count)
        return current[0]

    def fresh_wrapping_key(self, database: Database, now: datetime) -> WrappingKeyHandle:
        """A wrapping key that has wrapped nothing yet, for what moves away from one that lost captures."""
        return self._made(database, now)

    def forget_wrapping_key(self) -> None:
        """Ask the database again next time, after a wrapping key was destroyed."""
        self._current = None

    def wrapping_keys(self, database: Database) -> dict[int, bytes]:
        """Every wrapping key that was not destroyed, opened."""
        with database.reading() as connection:
            check = connection.execute(text("SELECT check_value FROM key_check WHERE name = 'master'"))
            self._follow_rotation(check.scalar())
            rows = connection.execute(
                text("SELECT wrapping_key_id, wrapped FROM wrapping_key WHERE wrapped IS NOT NULL")
            ).fetchall()
        return {row[0]: unwrapped_under_master(self._master, row[0], bytes(row[1])) for row in rows}

    def rotate(self, database: Database, new_master: bytes | None = None) -> int:
        """Wrap every wrapping key under a new master key; returns how many.

        The log is not touched. A key of our own making is replaced in three steps (draft, database,
        move), and `open` finishes what a kill interrupted. With a master key from the environment
        give `new_master`, and set the variable to it afterwards.
        """
        if new_master is not None and len(new_master) != KEY_BYTES:
            raise KeyRefused("A master key has 32 bytes.")
        new = self._source.drafted(new_master)
        with database.writing() as writer:
            count = self._rewrapped(writer, new)
        self._source.settle()
        self._master = new
        return count

    def _follow_rotation(self, stored: bytes | None) -> None:
        """Take up the master key that the database expects, if its source holds it by now."""
        stored = None if stored is None else bytes(stored)
        if stored == check_value("master", self._master):
            return
        key = self._source.taken_up(lambda key: stored == check_value("master", key))
        if key is None:
            raise KeyRefused(
                f"{self._source.place} is not the master key of this database; "
                "put the workspace's own key back, or open the database that belongs to it."
            )
        self._master = key

    def _rewrapped(self, writer: Writer, new: bytes) -> int:
        if writer.dialect == "postgresql":
            writer.execute("LOCK TABLE wrapping_key, key_check IN EXCLUSIVE MODE")
        rows = writer.rows("SELECT wrapping_key_id, wrapped FROM wrapping_key WHERE wrapped IS NOT NULL")
        for number, wrapped in rows:
            key = unwrapped_under_master(self._master, number, bytes(wrapped))
            writer.execute(
                "UPDATE wrapping_key SET wrapped = :wrapped WHERE wrapping_key_id = :id",
                {"wrapped": wrapped_under_master(new, number, key), "id": number},
            )
        writer.execute(
            "UPDATE key_check SET check_value = :value WHERE name = 'master'",
            {"value": check_value("master", new)},
        )
        return len(rows)

    def _newest(self, database: Database) -> tuple[WrappingKeyHandle, str, int] | None:
        with database.reading() as connection:
            row = connection.execute(
                text(
                    "SELECT w.wrapping_key_id, w.created_at, w.wrapped, (SELECT count(*) FROM entry_key k"
                    " WHERE k.wrapping_key_id = w.wrapping_key_id) FROM wrapping_key w"
                    " WHERE w.wrapped IS NOT NULL ORDER BY w.wrapping_key_id DESC LIMIT 1"
                )
            ).fetchone()
        if row is None:
            return None
        created = row[1] if isinstance(row[1], str) else row[1].astimezone(UTC).isoformat()
        key = unwrapped_under_master(self._master, row[0], bytes(row[2]))
        return WrappingKeyHandle(row[0], key), created[:10], int(row[3])

    def _made(self, database: Database, now: datetime) -> WrappingKeyHandle:
        key = os.urandom(KEY_BYTES)
        moment = instant_text(microseconds_of(now))
        with database.writing() as writer:
            if writer.dialect == "postgresql":
                writer.execute("LOCK TABLE wrapping_key IN EXCLUSIVE MODE")
            check = writer.rows("SELECT check_value FROM key_check WHERE name = 'master'")
            self._follow_rotation(check[0][0] if check else None)
            number = int(writer.rows("SELECT coalesce(max(wrapping_key_id), 0) + 1 FROM wrapping_key")[0][0])
            writer.execute(
                "INSERT INTO wrapping_key (wrapping_key_id, created_at, wrapped) VALUES (:id, :at, :wrapped)",
                {"id": number, "at": moment, "wrapped": wrapped_under_master(self._master, number, key)},
            )
        return WrappingKeyHandle(number, key)

    def _introduced(self, database: Database) -> dict[str, bytes]:
        """Leave check values in a database that has none, unless it holds evidence already."""
        with database.writing() as writer:
            if writer.rows("SELECT 1 FROM wrapping_key LIMIT 1") or writer.rows(
                "SELECT 1 FROM entry LIMIT 1"
            ):
                raise KeyRefused(
                    "The database holds evidence but no check values of its keys; "
                    "restore the table key_check from a backup."
                )
            for name, key in (("master", self._master), ("digest", self.digest_key)):
                writer.execute(
                    "INSERT INTO key_check (name, check_value) VALUES (:name, :value)"
                    " ON CONFLICT (name) DO NOTHING",
                    {"name": name, "value": check_value(name, key)},
                )
        return _check_values(database)


def _check_values(database: Database) -> dict[str, bytes]:
    with database.reading() as connection:
        rows = connection.execute(text("SELECT name, check_value FROM key_check")).fetchall()
    return {row[0]: bytes(row[1]) for row in rows}
