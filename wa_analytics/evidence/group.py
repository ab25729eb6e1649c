"""One group of captures in one transaction, for a writer whose groups are small.

What is said to the database once per group is paid by each delivery in it, and each of them waits for
it. So nothing is asked here that the database would say itself: that a capture is known already shows
by the unique index, and then `log.append` has to ask. On PostgreSQL it is one statement, commit
included. The rules are the log's: one lock, no gap, each recognition digest once, no key under a
wrapping key that is gone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
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
    " ciphertext_digest, ciphertext) VALUES (?, ?, 'capture', ?, ?, ?, ?, ?)"
)
_KEY = (
    "INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest) VALUES (?, ?, ?, ?)"
)

# One statement sees the database as it was before it waited for the lock. So `last` may be too small,
# and then the primary key refuses the group as if it were known; and the wrapping key, which may have been
# destroyed meanwhile, is locked, for which PostgreSQL looks at the row as it is now.
_GROUP = f"""
WITH locked AS MATERIALIZED (
    SELECT pg_advisory_xact_lock({POSTGRESQL_LOCK})
), place AS MATERIALIZED (
    SELECT wrapping_key_id, (SELECT coalesce(max(sequence), -1) FROM entry) AS last
    FROM locked, wrapping_key WHERE wrapping_key_id = $1::int4 AND wrapped IS NOT NULL
    FOR SHARE OF wrapping_key
), stored AS (
    INSERT INTO entry (sequence, capture_id, kind, provider, received_at, signature_code, ciphertext_digest,
        ciphertext)
    SELECT last + number, capture_id, 'capture', provider, received_at, signature_code, ciphertext_digest,
        ciphertext
    FROM place, unnest($2::bytea[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[], $7::bytea[])
        WITH ORDINALITY AS given (
            capture_id, provider, received_at, signature_code, ciphertext_digest, ciphertext, number
        )
)
INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest)
SELECT last + number, wrapping_key_id, wrapped_key, recognition_digest
FROM place, unnest($8::bytea[], $9::bytea[])
    WITH ORDINALITY AS given (wrapped_key, recognition_digest, number)
"""
_NAME = b"wa_group"
_BYTEA, _TEXT, _TIMESTAMPTZ = 17, 25, 1184
_ARRAY = struct.Struct("!5i").pack
_INSTANT = struct.Struct("!q").pack
_YEAR_2000 = 946_684_800_000_000


class GroupLog:
    """The log as one writer appends to it, over a connection that it keeps.

    turn: held while a group is put together and free while the disk is waited for. A thread that works
    in its own turns alone does not have to fight for the interpreter at every row.
    """

    def __init__(self, database: Database, turn: Lock | None = None) -> None:
        self._database = database
        self._turn = turn or Lock()
        self._kept: PoolProxiedConnection | None = None
        driver = database.engine.dialect.loaded_dbapi
        self._repeated, self._away = driver.IntegrityError, driver.OperationalError

    def append(self, rows: Sequence[Sealed]) -> bool:
        """Store captures sealed under one wrapping key; they are on disk when it returns.

        False, and nothing stored, where the log knows one of them. Raises KeyRefused, nothing stored,
        where the wrapping key was destroyed; DatabaseUnavailable.
        """
        try:
            driver = self._driver()
            try:
                with self._turn:
                    settled = self._placed(driver, rows)
                is_stored = settled()
            except self._repeated:
                driver.rollback()
                return False
            if not is_stored:
                number = rows[0].wrapping_key_id
                raise KeyRefused(
                    f"Wrapping key {number} was destroyed meanwhile; nothing was stored: try again."
                )
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

    def _driver(self) -> Any:
        if self._kept is None:
            self._kept = self._database.engine.raw_connection()
            if self._database.dialect == "postgresql":
                _prepared(self._kept.driver_connection)
        return self._kept.driver_connection

    def _placed(self, driver: Any, rows: Sequence[Sealed]) -> Callable[[], bool]:
        """All but the wait for the disk; what is returned waits, and tells whether the key was there."""
        return _sqlite(driver, rows) if self._database.dialect == "sqlite" else _postgresql(driver, rows)


def _sqlite(driver: Any, rows: Sequence[Sealed]) -> Callable[[], bool]:
    driver.execute("BEGIN IMMEDIATE")
    found = driver.execute(_FIRST, (rows[0].wrapping_key_id,)).fetchone()
    if found is None:
        return lambda: False
    placed = list(enumerate(rows, found[0]))
    driver.executemany(
        _ENTRY, [(place, r[0], r[2], instant_text(r[3]), r[4], r[5], r[6]) for place, r in placed]
    )
    driver.executemany(_KEY, [(place, r[7], r[8], r[9]) for place, r in placed])

    def committed() -> bool:
        driver.commit()
        return True

    return committed


def _prepared(driver: Any) -> None:
    """Each statement its own transaction, and ours known to the server."""
    driver.autocommit = True
    _refused(driver, driver.pgconn.prepare(_NAME, _GROUP.encode()))


def _postgresql(driver: Any, rows: Sequence[Sealed]) -> Callable[[], bool]:
    """By libpq itself: psycopg's own way with lists costs a third of what PostgreSQL needs to store them."""
    ids, _, providers, moments, codes, digests, texts, numbers, keys, known = zip(*rows, strict=True)
    parameters = (
        numbers[0].to_bytes(4, "big"),
        _array(_BYTEA, ids),
        _array(_TEXT, map(str.encode, providers)),
        _array(_TIMESTAMPTZ, [_INSTANT(moment - _YEAR_2000) for moment in moments]),
        _array(_TEXT, map(str.encode, codes)),
        _array(_BYTEA, digests),
        _array(_BYTEA, texts),
        _array(_BYTEA, keys),
        _array(_BYTEA, known),
    )

    def executed() -> bool:
        stored = driver.pgconn.exec_prepared(_NAME, parameters, [1] * len(parameters))
        _refused(driver, stored)
        return bool(stored.command_tuples)

    return executed


def _refused(driver: Any, result: Any) -> None:
    """Raises what psycopg would."""
    from psycopg import OperationalError
    from psycopg.errors import error_from_result
    from psycopg.pq import ConnStatus, ExecStatus

    if driver.pgconn.status != ConnStatus.OK:
        raise OperationalError("the connection is lost")
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result)


def _array(kind: int, values: Iterable[bytes]) -> bytes:
    """A one-dimensional array without nulls: dimensions, nulls, type, length, lower bound, then each value
    behind its length (PostgreSQL, array_send)."""
    parts = []
    for value in values:
        parts.append(len(value).to_bytes(4, "big"))
        parts.append(value)
    return b"".join((_ARRAY(1, 0, kind, len(parts) // 2, 1), *parts))
