"""Disposal: keys destroyed, the entry that says so, and nothing left of them in the files.

The entry is appended and the keys go in one transaction, so no kill can part them. What survives
under a wrapping key that lost captures then moves to a new one and the old is destroyed, so that a
copy of a destroyed key, in a backup or a replica, opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.exc import ProgrammingError

from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.key_copies import CopiedKey, KeyCopies, copies_of, settle_wrapping_keys
from wa_analytics.evidence.layout import microseconds_of, unpacked
from wa_analytics.evidence.log import CHUNK_ROWS, POSTGRESQL_LOCK, append_within
from wa_analytics.evidence.sealing import NONCE_BYTES, EntryRow, Sealed, cleared
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.evidence.keys import KeyRing

KIND = "disposal"
FORMAT = "wa-disposal/1"


def keyed(database: Database, sequences: Iterable[int]) -> list[EntryRow]:
    """The entries of these sequences that still have their key, in order."""
    wanted = sorted(sequences)
    found: list[EntryRow] = []
    for at in range(0, len(wanted), CHUNK_ROWS):
        marks = ", ".join("?" * len(wanted[at : at + CHUNK_ROWS]))
        rows = stored_rows(
            database,
            "SELECT e.sequence, e.capture_id, e.kind, e.provider, e.received_at, e.signature_code,"
            " e.ciphertext, k.wrapping_key_id, k.wrapped_key"
            f" FROM entry e JOIN entry_key k ON k.sequence = e.sequence WHERE e.sequence IN ({marks})"
            " ORDER BY e.sequence",
            wanted[at : at + CHUNK_ROWS],
        )
        found += [
            EntryRow(r[0], r[1], r[2], r[3], microseconds_of(r[4]), r[5], r[6], r[7], r[8]) for r in rows
        ]
    return found


def destroyed_within(
    writer: Writer,
    sequences: Iterable[int],
    statement: Mapping[str, Any],
    at: datetime,
    rest: Iterable[Sealed] = (),
) -> int:
    """Destroy the keys of `sequences` and append the entry that says so, inside the caller's
    transaction; returns the entry's sequence.

    statement: what else the entry says, as JSON, in clear: ids, days, rule, actor, decision; never a
    person. rest: what remains of carved captures, appended before. Raises EvidenceBroken where a key
    is gone already.
    """
    numbers = sorted(sequences)
    moment = microseconds_of(at)
    body = msgspec.json.encode({"format": FORMAT, "sequences": numbers, **statement})
    # The log's lock first, as every append takes it.
    appended = append_within(writer, [*rest, cleared(KIND, moment, body)])
    assert appended.first_sequence is not None
    for start in range(0, len(numbers), CHUNK_ROWS):
        chunk = ", ".join(str(int(number)) for number in numbers[start : start + CHUNK_ROWS])
        if _destroyed(writer, chunk, at) != len(numbers[start : start + CHUNK_ROWS]):
            raise EvidenceBroken("A key to be destroyed is gone already; run `wa verify` and try again.")
    return appended.first_sequence + appended.stored - 1


def statements(database: Database, start: int = 0) -> Iterator[tuple[int, datetime, dict[str, Any]]]:
    """(sequence, when, what it says) of every disposal entry from `start` on, in order.

    Raises EvidenceBroken, naming the sequence, where one cannot be read.
    """
    while True:
        rows = stored_rows(
            database,
            "SELECT sequence, received_at, ciphertext FROM entry WHERE sequence >= ?"
            f" AND kind = '{KIND}' AND kind <> 'capture' ORDER BY sequence LIMIT ?",
            (start, 100),
        )
        for sequence, received_at, container in rows:
            try:
                said = msgspec.json.decode(unpacked(bytes(container))[1], type=dict[str, Any])
            except (EvidenceBroken, msgspec.DecodeError):
                raise EvidenceBroken(f"Disposal entry {sequence} cannot be read; run `wa verify`.") from None
            moment = timedelta(microseconds=microseconds_of(received_at))
            yield sequence, datetime(1970, 1, 1, tzinfo=UTC) + moment, said
        if len(rows) < 100:
            return
        start = rows[-1][0] + 1


def destroyed_again(database: Database, at: datetime) -> int:
    """Destroy the keys that stand although a disposal entry names them, as after a restore of the key
    tables; returns how many. The log says all there is to say, so no entry is appended."""
    count = 0
    for _, _, said in statements(database):
        named = [int(number) for number in said["sequences"]]
        for start in range(0, len(named), CHUNK_ROWS):
            chunk = ", ".join(map(str, named[start : start + CHUNK_ROWS]))
            if stored_rows(database, f"SELECT 1 FROM entry_key WHERE sequence IN ({chunk}) LIMIT 1"):
                with database.writing() as writer:
                    count += _destroyed(writer, chunk, at)
    return count


def is_newest_undone(database: Database) -> bool:
    """Whether keys stand that were destroyed: those the newest disposal entry names, or any under a
    destroyed wrapping key."""
    if stored_rows(
        database,
        "SELECT 1 FROM wrapping_key w WHERE w.wrapped IS NULL AND EXISTS"
        " (SELECT 1 FROM entry_key k WHERE k.wrapping_key_id = w.wrapping_key_id) LIMIT 1",
    ):
        return True
    newest = stored_rows(
        database, f"SELECT max(sequence) FROM entry WHERE kind = '{KIND}' AND kind <> 'capture'"
    )[0][0]
    if newest is None:
        return False
    ((_, _, said),) = statements(database, newest)
    named = ", ".join(str(int(number)) for number in said["sequences"][:CHUNK_ROWS])
    return bool(named) and bool(
        stored_rows(database, f"SELECT 1 FROM entry_key WHERE sequence IN ({named}) LIMIT 1")
    )


def still_keyed(database: Database, sequences: Iterable[int], ids: Iterable[str]) -> dict[int, str]:
    """sequence → capture id (hex) of those of the entries named that have their key."""
    wanted = dict(zip(sequences, ids, strict=False))
    rows = keyed(database, wanted) if wanted else []
    return {
        row.sequence: wanted[row.sequence] for row in rows if row.capture_id.hex() == wanted[row.sequence]
    }


def _destroyed(writer: Writer, chunk: str, at: datetime) -> int:
    """Destroy the keys of the sequences in the SQL list `chunk`; their wrapping keys lost captures."""
    writer.execute(
        "UPDATE wrapping_key SET lost_at = :at WHERE wrapping_key_id IN"
        f" (SELECT wrapping_key_id FROM entry_key WHERE sequence IN ({chunk}))",
        {"at": at},
    )
    return writer.execute(f"DELETE FROM entry_key WHERE sequence IN ({chunk})")


def has_statements(database: Database, start: int) -> bool:
    """Whether the log holds a disposal entry from sequence `start` on."""
    sql = f"SELECT 1 FROM entry WHERE sequence >= ? AND kind = '{KIND}' AND kind <> 'capture' LIMIT 1"
    return bool(stored_rows(database, sql, (start,)))


def compacted(database: Database, ring: KeyRing, at: datetime) -> int:
    """Move what survives under wrapping keys that lost captures to a new one and destroy the old;
    returns how many were destroyed. A kill leaves both standing; the same call again goes on."""
    lost = [
        row[0]
        for row in stored_rows(
            database,
            "SELECT wrapping_key_id FROM wrapping_key WHERE lost_at IS NOT NULL AND wrapped IS NOT NULL"
            " ORDER BY wrapping_key_id",
        )
    ]
    if not lost:
        return 0
    keys = ring.wrapping_keys(database)
    copies = copies_of(ring.home, ring.settings)
    for number in lost:
        new = ring.fresh_wrapping_key(database, at)
        with copies.locked():
            settle_wrapping_keys(database, copies)
            while not _moved(database, copies, number, keys[number], new.id, new.key, at):
                pass
            settle_wrapping_keys(database, copies)
    ring.forget_wrapping_key()
    return len(lost)


def _moved(
    database: Database, copies: KeyCopies, old: int, old_key: bytes, new: int, new_key: bytes, at: datetime
) -> bool:
    """Re-wrap a chunk of survivors, copies first; when none is left, destroy the old key and say so."""
    unwrap, wrap = AESGCM(old_key).decrypt, AESGCM(new_key).encrypt
    with database.writing() as writer:
        if writer.dialect == "postgresql":
            writer.execute("SELECT pg_advisory_xact_lock(:key)", {"key": POSTGRESQL_LOCK})
        rows = writer.rows(
            "SELECT k.sequence, e.capture_id, k.wrapped_key, k.recognition_digest FROM entry_key k"
            " JOIN entry e ON e.sequence = k.sequence WHERE k.wrapping_key_id = :old LIMIT :limit",
            {"old": old, "limit": CHUNK_ROWS},
        )
        changed = []
        copied: list[CopiedKey] = []
        for sequence, capture_id, wrapped, recognition in rows:
            nonce = bytes(capture_id)[:NONCE_BYTES]
            try:
                key = unwrap(nonce, bytes(wrapped), bytes(capture_id))
            except InvalidTag:
                raise EvidenceBroken(
                    f"The key of entry {sequence} does not open under its wrapping key; run `wa verify`."
                ) from None
            wrapped = wrap(nonce, key, bytes(capture_id))
            changed.append((new, wrapped, sequence))
            copied.append((sequence, wrapped, bytes(recognition)))
        if copied:
            copies.append(new, copied)
        mark = "?" if writer.dialect == "sqlite" else "%s"
        cursor = writer.connection.connection.cursor()
        try:
            cursor.executemany(
                f"UPDATE entry_key SET wrapping_key_id = {mark}, wrapped_key = {mark}"
                f" WHERE sequence = {mark}",
                changed,
            )
        finally:
            cursor.close()
        if not rows:
            writer.execute(
                "UPDATE wrapping_key SET wrapped = NULL, destroyed_at = :at WHERE wrapping_key_id = :old",
                {"old": old, "at": at},
            )
    return not rows


def swept(database: Database) -> None:
    """Leave no destroyed key in the database's files: SQLite (which overwrites what it deletes)
    writes its log back and empties it; PostgreSQL writes the key tables anew and, where it may, ends
    the present segment of its write-ahead log."""
    if database.dialect == "sqlite":
        connection = database.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_busy, *_) = cursor.fetchone() or (0,)
            cursor.close()
        finally:
            connection.close()
        if is_busy:
            raise EvidenceBroken(
                "Another program is reading the database, so its write-ahead log still holds the "
                "destroyed keys; stop it and run `wa dispose` again."
            )
        return
    with database.reading() as reading:
        plain = reading.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = plain.connection.driver_connection
        told: list[str] = []
        driver.add_notice_handler(lambda notice: told.append(notice.message_detail or ""))
        for table in ("entry_key", "wrapping_key"):
            plain.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {table}")
        # The first number, in every language, is that of dead rows which an older transaction may see.
        if any(re.match(r"\D*[1-9]", detail) for detail in told):
            raise EvidenceBroken(
                "An older transaction of another program still sees the destroyed keys, so PostgreSQL keeps "
                "them; end it and run `wa dispose` again."
            )
        # Old bytes stand in the write-ahead log until its segments are written over; a superuser at
        # least lets the server have done with the present one. Others go without.
        for statement in ("CHECKPOINT", "SELECT pg_switch_wal()"):
            with suppress(ProgrammingError):
                plain.exec_driver_sql(statement)
