"""One group of captures in one transaction, for a writer whose groups are small.

What is said to the database once per group is paid by each delivery in it, and each of them waits for
it. So nothing is said here that the database would say itself: that a capture is known already shows
by the unique index, and then `log.append` has to ask. On PostgreSQL everything up to the commit is one
round trip. The rules are the log's: one lock, no gap, each recognition digest once, no key under a
wrapping key that is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.log import POSTGRESQL_LOCK, Sealed
from wa_analytics.tables.column import instant_text

if TYPE_CHECKING:
    from sqlalchemy import PoolProxiedConnection

    from wa_analytics.database import Database

# No row where the wrapping key is gone.
_FIRST = (
    "SELECT (SELECT coalesce(max(sequence) + 1, 0) FROM entry) FROM wrapping_key"
    " WHERE wrapping_key_id = ? AND wrapped IS NOT NULL"
)
_ENTRY = (
    "INSERT INTO entry (sequence, capture_id, kind, provider, received_at, signature_code,"
    " ciphertext_digest, ciphertext) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_KEY = (
    "INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest) VALUES (?, ?, ?, ?)"
)
_LOCK = f"SELECT pg_advisory_xact_lock({POSTGRESQL_LOCK})"
_GROUP = """
WITH place AS (
    SELECT wrapping_key_id, (SELECT coalesce(max(sequence), -1) FROM entry) AS last
    FROM wrapping_key WHERE wrapping_key_id = %s AND wrapped IS NOT NULL
), fresh AS MATERIALIZED (
    SELECT last + number AS sequence, wrapping_key_id, given.*
    FROM place, unnest(
        %b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::bytea[], %b::bytea[],
        %b::bytea[]
    ) WITH ORDINALITY AS given (
        capture_id, kind, provider, received_at, signature_code, ciphertext_digest, ciphertext, wrapped_key,
        recognition_digest, number
    )
), stored AS (
    INSERT INTO entry (sequence, capture_id, kind, provider, received_at, signature_code, ciphertext_digest,
        ciphertext)
    SELECT sequence, capture_id, kind, provider, received_at::timestamptz, signature_code, ciphertext_digest,
        ciphertext FROM fresh
)
INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest)
SELECT sequence, wrapping_key_id, wrapped_key, recognition_digest FROM fresh
"""


class GroupLog:
    """The log as one writer appends to it, over a connection that it keeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: PoolProxiedConnection | None = None
        self._placed = _placed_sqlite if database.dialect == "sqlite" else _placed_postgresql
        driver = database.engine.dialect.loaded_dbapi
        self._repeated, self._away = driver.IntegrityError, driver.OperationalError

    def append(self, rows: Sequence[Sealed]) -> bool:
        """Store captures sealed under one wrapping key; they are on disk when it returns.

        False, and nothing stored, where the log knows one of them. Raises KeyRefused, nothing stored,
        where the wrapping key was destroyed; DatabaseUnavailable.
        """
        try:
            if self._kept is None:
                self._kept = self._database.engine.raw_connection()
            driver: Any = self._kept.driver_connection
            try:
                is_placed = self._placed(driver, rows)
            except self._repeated:
                driver.rollback()
                return False
            if not is_placed:
                number = rows[0].wrapping_key_id
                raise KeyRefused(
                    f"Wrapping key {number} was destroyed meanwhile; nothing was stored: try again."
                )
            driver.commit()
        except self._away as error:
            self.close()
            raise self._database.unavailable(error) from None
        except BaseException:
            self.close()
            raise
        return True

    def close(self) -> None:
        """Give the connection up: it may be dead, or in the midst of something."""
        if self._kept is not None:
            self._kept.invalidate()
            self._kept = None


def _placed_sqlite(driver: Any, rows: Sequence[Sealed]) -> bool:
    driver.execute("BEGIN IMMEDIATE")
    found = driver.execute(_FIRST, (rows[0].wrapping_key_id,)).fetchone()
    if found is None:
        return False
    placed = list(enumerate(rows, found[0]))
    driver.executemany(
        _ENTRY, [(place, r[0], r[1], r[2], instant_text(r[3]), r[4], r[5], r[6]) for place, r in placed]
    )
    driver.executemany(_KEY, [(place, r[7], r[8], r[9]) for place, r in placed])
    return True


def _placed_postgresql(driver: Any, rows: Sequence[Sealed]) -> bool:
    ids, kinds, providers, moments, codes, digests, ciphertexts, numbers, keys, known = zip(*rows, strict=True)
    columns = (ids, kinds, providers, map(instant_text, moments), codes, digests, ciphertexts, keys, known)
    with driver.pipeline():
        driver.execute(_LOCK)
        stored = driver.execute(_GROUP, (numbers[0], *map(list, columns)), prepare=True)
    return bool(stored.rowcount)
