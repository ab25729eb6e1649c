"""SQLite's write-ahead file, brought into the database beside the commits.

Left to itself SQLite does this within the commit that makes the file large, and every delivery waits for
it. Here a thread does it over a connection of its own, through the same SQLite library (a second one in
this process would drop the locks of both). The file starts anew only once all of it has been brought
over, and a file that only grows makes every commit slow; so the writer itself, between two commits,
brings over the small rest. Neither waits for whoever reads or writes.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wa_analytics.database import PAGE_BYTES

if TYPE_CHECKING:
    from wa_analytics.database import Database

PAUSE_SECONDS = 0.5
LONG_PAGES = (32 << 20) // PAGE_BYTES
REST_PAGES = (4 << 20) // PAGE_BYTES
OWN_PAGES = (256 << 20) // PAGE_BYTES
"""Where a commit brings the file over itself, should this thread fall behind."""


class Backfill(threading.Thread):
    """Runs until `stop`."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="wa-backfill", daemon=True)
        self._database = database
        self._is_wanted = self._is_long = False
        self._over = threading.Event()
        self.start()

    def want(self) -> None:
        """Something is to be written. Call it between two commits, from the thread that makes them."""
        self._is_wanted = True
        if self._is_long:
            self._is_long = False
            with suppress(Exception), self._database.reading() as connection:
                _brought(connection.connection.driver_connection)

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        before = 0
        pause = PAUSE_SECONDS
        while not self._over.wait(pause):
            pause = PAUSE_SECONDS
            if self._is_wanted:
                self._is_wanted = False
                # A database that is away is told by the commits.
                with suppress(Exception), self._database.reading() as connection:
                    pages = _brought(connection.connection.driver_connection)
                    if pages > LONG_PAGES:
                        # Again at once, until what comes meanwhile is little.
                        self._is_long = 0 <= pages - before < REST_PAGES
                        pause = PAUSE_SECONDS if self._is_long else 0.0
                    before = pages


def _brought(driver: Any) -> int:
    """Pages in the file, all of which were brought over but what came meanwhile."""
    _, pages, _ = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)
