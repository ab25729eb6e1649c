"""The evidence log: append-only entries, the keys that open them, signed heads.

`entry` never changes (triggers refuse it); destroying a row of `entry_key` is the disposal.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, instant, sealed


class Entry(SQLModel, table=True):
    """One line of the log. `sequence` is the Merkle index: from 0, without gaps."""

    __tablename__ = "entry"
    # Our own few entries (journal, disposal …) among millions of captures.
    __table_args__ = (
        Index(
            "ix_entry_own",
            "kind",
            "sequence",
            sqlite_where=text("kind <> 'capture'"),
            postgresql_where=text("kind <> 'capture'"),
        ),
    )

    sequence: int = clear(
        "place in the log, from 0 without gaps",
        primary_key=True,
        sa_type=WHOLE,
        sa_column_kwargs={"autoincrement": False},
    )
    capture_id: bytes = sealed("16 random bytes; associated data of the encryption")
    kind: str = clear("capture, disposal, journal, hold …")
    provider: str = clear("who delivered it: meta-cloud, send-log …; empty for our own entries")
    received_at: datetime = instant("when the bytes reached us")
    signature_code: str = clear("valid, invalid or absent")
    ciphertext_digest: bytes = sealed("SHA-256 of the ciphertext")
    ciphertext: bytes = sealed("headers and body, AES-256-GCM under a key of their own")


class EntryKey(SQLModel, table=True):
    """The wrapped key of one entry; without this row the entry can never be read again."""

    __tablename__ = "entry_key"

    sequence: int = clear(
        "the entry it opens",
        primary_key=True,
        sa_type=WHOLE,
        sa_column_kwargs={"autoincrement": False},
    )
    wrapping_key_id: int = clear("the wrapping key that wraps it", index=True)
    wrapped_key: bytes = sealed("the entry's key, AES-256-GCM under the wrapping key")
    recognition_digest: bytes = sealed(
        "16 bytes: keyed digest of provider and bytes, by which a repetition is recognised",
        unique=True,
    )


class WrappingKey(SQLModel, table=True):
    """Wraps the keys of one day's or 100,000 captures; itself wrapped by the master key."""

    __tablename__ = "wrapping_key"

    wrapping_key_id: int = clear("number of the wrapping key", primary_key=True)
    created_at: datetime = instant("when it was made")
    wrapped: bytes | None = sealed("the wrapping key under the master key", nullable=True)
    lost_at: datetime | None = instant("when it last lost a capture; then the rest moves away", nullable=True)
    destroyed_at: datetime | None = instant("when it was destroyed", nullable=True)


class KeyCheck(SQLModel, table=True):
    """Check values by which a process with other keys is refused."""

    __tablename__ = "key_check"

    name: str = clear("master or digest", primary_key=True)
    check_value: bytes = sealed("16 bytes derived from the key; tells nothing of it")


class Checkpoint(SQLModel, table=True):
    """A signed head of the log."""

    __tablename__ = "checkpoint"

    tree_size: int = clear(
        "entries sealed",
        primary_key=True,
        sa_type=WHOLE,
        sa_column_kwargs={"autoincrement": False},
    )
    root: bytes = sealed("RFC 6962 root hash")
    note: str = clear("the C2SP signed note")
    created_at: datetime = instant("when it was signed")


class MerkleTile(SQLModel, table=True):
    """Hashes of the Merkle tree, 256 side by side, so that a proof reads a few rows.

    Made from `entry` at every checkpoint; a copy, never the proof itself.
    """

    __tablename__ = "merkle_tile"

    level: int = clear("0 for leaf hashes; each level above stands for 256 times as many", primary_key=True)
    tile_index: int = clear("place of the tile in its level, from 0", primary_key=True, sa_type=WHOLE)
    hashes: bytes = sealed("up to 256 SHA-256 hashes, one after the other")


class VerifierKey(SQLModel, table=True):
    """The public half of a key that signs checkpoints."""

    __tablename__ = "verifier_key"

    verifier_key: str = clear("C2SP form: name+key id+key", primary_key=True)
    created_at: datetime = instant("when it was first used")
