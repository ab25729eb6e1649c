"""SQLite's write-ahead file, brought into the database beside the commits.

Left to itself SQLite does this within the commit that makes the file large, and every delivery waits for
it. Here a thread does it over a connection of its own, through the same SQLite library (a second one in
this process would drop the locks of both). Most of it blocks nobody; only the small rest is done under
the write lock, since the file starts anew only once all of it has been brought over.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wa_analytics.database import Database

PAUSE_SECONDS = 0.5
LONG_PAGES = 8_000
OWN_PAGES = 64_000
"""Where a commit brings the file over itself, should this thread fall behind."""

LOCK_MILLISECONDS = 20
"""How long the rest may keep the write lock waiting for somebody who reads."""


class Backfill(threading.Thread):
    """Runs until `stop`."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="wa-backfill", daemon=True)
        self._database = database
        self._is_wanted = False
        self._over = threading.Event()
        self.start()

    def want(self) -> None:
        """Something was written."""
        self._is_wanted = True

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            # A database that is away is told by the commits.
            with suppress(Exception), self._database.reading() as connection:
                try:
                    self._brought(connection.connection.driver_connection)
                finally:
                    connection.invalidate()

    def _brought(self, driver: Any) -> None:
        """Whenever something was written, until the end or an error."""
        driver.execute(f"PRAGMA busy_timeout={LOCK_MILLISECONDS}")
        while not self._over.wait(PAUSE_SECONDS):
            if self._is_wanted:
                self._is_wanted = False
                _, pages, _ = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if pages > LONG_PAGES:
                    driver.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
