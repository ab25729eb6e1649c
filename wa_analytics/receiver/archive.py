"""What the writer does with a batch: encrypt, then append to the evidence log.

It stands on a database connection of its own that gives up in seconds, so that a locked or distant
database becomes an honest 503 while the sender still listens.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import event

from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.group import GroupLog
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.log import POSTGRESQL_LOCK, append
from wa_analytics.evidence.sealing import Sealed, Sealer
from wa_analytics.receiver.backfill import OWN_PAGES, Backfill
from wa_analytics.settings import Settings
from wa_analytics.tables.column import instant_text

LOCK_SECONDS = 3
STATEMENT_SECONDS = 10
CACHE_KILOBYTES = 8_192
"""SQLite looks through its whole cache at nearly every commit (it renumbers pages by way of the highest
number there is), which with 256 MB costs more than storing a small group. One that appends needs only
the last pages of each table and index."""

_COUNT = (
    "INSERT INTO import_count (provider, outcome_code, count, last_at)"
    " VALUES (:provider, :outcome, :count, :at)"
    " ON CONFLICT (provider, outcome_code) DO UPDATE SET count = import_count.count + excluded.count,"
    " last_at = CASE WHEN excluded.last_at > import_count.last_at THEN excluded.last_at"
    " ELSE import_count.last_at END"
)


def impatient(url: str) -> Database:
    """The database for a program whose senders wait: locks and dead hosts fail within seconds, and
    a commit is on disk when it returns, whatever the server's default is."""
    database = Database(url)
    database.lock_seconds = LOCK_SECONDS

    @event.listens_for(database.engine, "do_connect")
    def _connecting(_dialect: Any, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:
        if database.dialect == "postgresql":
            named["connect_timeout"] = LOCK_SECONDS
            named["tcp_user_timeout"] = STATEMENT_SECONDS * 1000

    @event.listens_for(database.engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        if database.dialect == "sqlite":
            cursor.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")
            cursor.execute(f"PRAGMA wal_autocheckpoint={OWN_PAGES}")
            cursor.execute(f"PRAGMA cache_size=-{CACHE_KILOBYTES}")
        else:
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
            connection.commit()
        cursor.close()

    return database


Counts = tuple[Counter[str], Counter[str]]
"""Provider → captures: those that are new, and those that the log knew."""


class EvidenceArchive:
    """Appends batches to the workspace's evidence log and counts what came."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._database = impatient(url)
        self._opened: KeyRing | None = None
        self._sealer: Sealer | None = None
        self._turn = threading.Lock()
        self._log = GroupLog(self._database, self._turn)
        self._backfill: Backfill | None = None
        self._expects_new = True

    def open(self) -> KeyRing:
        """The keys, read once. Raises DatabaseUnavailable, KeyRefused."""
        if self._opened is None:
            self._opened = KeyRing.open(self._settings.home, self._settings, self._database)
            if self._database.dialect == "sqlite":
                self._backfill = Backfill(self._database)
        return self._opened

    def sealed(self, captures: Sequence[Capture]) -> list[Sealed]:
        """Their rows, encrypted; any thread may ask."""
        with self._turn:
            ring = self.open()
            handle = ring.wrapping_key(self._database, datetime.now(UTC), len(captures))
            if self._sealer is None or self._sealer.wrapping_key_id != handle.id:
                self._sealer = Sealer(handle.id, handle.key, ring.digest_key)
            return self._sealer.sealed(captures)

    def append(self, captures: Sequence[Capture], rows: list[Sealed] | None) -> Counts:
        """Store them; on disk when it returns, in doubt when it raises.

        rows: what `sealed` made of them, None if that has to be done yet.
        """
        if self._backfill is not None:
            self._backfill.want()
        try:
            return self._appended(self.sealed(captures) if rows is None else rows)
        except KeyRefused:
            # A disposal destroyed the wrapping key meanwhile; the next one will do.
            with self._turn:
                self.open().forget_wrapping_key()
            return self._appended(self.sealed(captures))
        except Exception:
            # The connection may be dead or in an unknown state.
            self._database.engine.dispose()
            raise

    def count(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Add (provider, outcome) → captures to what `wa doctor` shows. Without any it still asks
        for the right to write, which tells whether the database is there."""
        now = instant_text(microseconds_of(datetime.now(UTC)))
        with self._database.writing() as writer:
            if writer.dialect == "postgresql":
                writer.execute("SELECT pg_advisory_xact_lock(:key)", {"key": POSTGRESQL_LOCK})
            for (provider, outcome), count in counts.items():
                writer.execute(_COUNT, {"provider": provider, "outcome": outcome, "count": count, "at": now})

    def close(self) -> None:
        self._log.close()
        if self._backfill is not None:
            self._backfill.stop()
        self._database.close()

    def _appended(self, rows: list[Sealed]) -> Counts:
        stored: Counter[str] = Counter()
        repeated: Counter[str] = Counter()
        for _, group in groupby(rows, attrgetter("wrapping_key_id")):
            under_one = list(group)
            if self._expects_new and self._log.append(under_one):
                stored.update(row.provider for row in under_one)
                continue
            for provider in {row.provider for row in under_one}:
                appended = append(self._database, [row for row in under_one if row.provider == provider])
                stored[provider] += appended.stored
                repeated[provider] += appended.repeated
        self._expects_new = not repeated.total()
        return stored, repeated
