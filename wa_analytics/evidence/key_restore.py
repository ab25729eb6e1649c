"""`wa keys restore`: what one place of the keys lost is put back from the other.

Nothing comes back that a disposal entry of the log names, and no copy is believed before it opened
under its wrapping key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wa_analytics.evidence.disposal import KIND, statements
from wa_analytics.evidence.key_copies import (
    CopiedKey,
    KeyCopies,
    copied_until,
    copies_of,
    created_text,
    settle_wrapping_keys,
    standing_wrapping_keys,
)
from wa_analytics.evidence.keys import unwrapped_under_master
from wa_analytics.evidence.log import CHUNK_ROWS, journal
from wa_analytics.evidence.sealing import NONCE_BYTES
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing


@dataclass(frozen=True)
class Restored:
    """wrapping_keys, entry_keys: put back into the database; refused: copies that do not open;
    copies: keys whose copy was written anew."""

    wrapping_keys: int
    entry_keys: int
    refused: int
    copies: int


def restored(database: Database, ring: KeyRing, *, actor: str, reason: str, at: datetime) -> Restored:
    """Put back what the table or the copies lost; journalled. A kill leaves part of it done; the same
    call again does the rest. Raises KeyRefused where a copied wrapping key does not open."""
    copies = copies_of(ring.home, ring.settings)
    with copies.locked():
        wrapping = _wrapping_keys_put_back(database, ring, copies)
        disposed = {number for _, _, said in statements(database) for number in said["sequences"]}
        back = refused = 0
        keys = ring.wrapping_keys(database)
        for number in sorted(copies.numbers() & keys.keys()):
            unwrap = AESGCM(keys[number]).decrypt
            rows = list({row[0]: row for row in copies.rows(number) if row[0] not in disposed}.values())
            for place in range(0, len(rows), CHUNK_ROWS):
                found, bad = _put_back(database, number, rows[place : place + CHUNK_ROWS], unwrap)
                back, refused = back + found, refused + bad
        count = _copied_anew(database, copies) if copied_until(database) is not None else 0
    outcome = Restored(wrapping, back, refused, count)
    journal(
        database,
        ring,
        actor=actor,
        action="keys.restore",
        reason=reason,
        outcome="done",
        at=at,
        detail={
            "wrapping_key_count": wrapping,
            "entry_key_count": back,
            "refused_count": refused,
            "copy_count": count,
        },
    )
    return outcome


def _wrapping_keys_put_back(database: Database, ring: KeyRing, copies: KeyCopies) -> int:
    known = {row[0] for row in stored_rows(database, "SELECT wrapping_key_id FROM wrapping_key")}
    lost = [key for key in copies.wrapping_keys() if key.number not in known]
    for key in lost:
        unwrapped_under_master(ring.master, key.number, key.wrapped)
    with database.writing() as writer:
        for key in lost:
            writer.execute(
                "INSERT INTO wrapping_key (wrapping_key_id, created_at, wrapped) VALUES (:id, :at, :wrapped)",
                {"id": key.number, "at": created_text(key), "wrapped": key.wrapped},
            )
    ring.forget_wrapping_key()
    return len(lost)


def _put_back(database: Database, number: int, rows: list[CopiedKey], unwrap: object) -> tuple[int, int]:
    """(keys put back, copies that do not open) of a chunk under one wrapping key."""
    marks = ", ".join(str(int(row[0])) for row in rows)
    standing = {
        row[0]: row[1]
        for row in stored_rows(
            database,
            "SELECT k.sequence, w.wrapped IS NOT NULL FROM entry_key k LEFT JOIN wrapping_key w"
            f" ON w.wrapping_key_id = k.wrapping_key_id WHERE k.sequence IN ({marks})",
        )
    }
    ids = dict(
        stored_rows(
            database,
            f"SELECT sequence, capture_id FROM entry WHERE sequence IN ({marks}) AND kind <> '{KIND}'",
        )
    )
    good, refused = [], 0
    for sequence, wrapped, recognition in rows:
        if standing.get(sequence) or sequence not in ids:
            continue
        capture_id = bytes(ids[sequence])
        try:
            unwrap(capture_id[:NONCE_BYTES], wrapped, capture_id)  # type: ignore[operator]
        except InvalidTag:
            refused += 1
            continue
        good.append({"sequence": sequence, "number": number, "wrapped": wrapped, "recognition": recognition})
    if good:
        with database.writing() as writer:
            for row in good:
                writer.execute(
                    "DELETE FROM entry_key WHERE sequence = :sequence", {"sequence": row["sequence"]}
                )
                writer.execute(
                    "INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest)"
                    " VALUES (:sequence, :number, :wrapped, :recognition)",
                    row,
                )
    return len(good), refused


def _copied_anew(database: Database, copies: KeyCopies) -> int:
    """Every file as the table has it, where the two differ; returns the keys that were lacking."""
    count = 0
    for key in standing_wrapping_keys(database):
        table = list(_keys_under(database, key.number))
        lacking = {row[0] for row in table} - copies.sequences(key.number)
        if lacking:
            copies.rewrite(key.number, table)
            count += len(lacking)
    settle_wrapping_keys(database, copies)
    return count


def _keys_under(database: Database, number: int) -> Iterator[CopiedKey]:
    for sequence, wrapped, recognition in stored_rows(
        database,
        "SELECT sequence, wrapped_key, recognition_digest FROM entry_key WHERE wrapping_key_id = ?"
        " ORDER BY sequence",
        (number,),
    ):
        yield sequence, bytes(wrapped), bytes(recognition)
