"""Checkpoints while deliveries come in, made in a process of their own.

To seal a minute of full load is a second of work or more, which no delivery should wait for. The
process ends by itself when the receiver does, however it ended, and seals once more then.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from wa_analytics.errors import WorkbenchError
from wa_analytics.receiver.figures import Figures

LOOK_SECONDS = 10.0
AGAIN_SECONDS = 60.0
logger = logging.getLogger("wa_analytics.receiver")


class Sealing:
    """The process that seals, started again if it dies."""

    def __init__(self, home: Path, url: str, figures: Figures) -> None:
        self._home, self._url, self._figures = home, url, figures
        self._started_at = 0.0
        self._said = ""
        self.start()

    def start(self) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=sealed_until_alone, args=(theirs, self._home, self._url), name="wa-sealing", daemon=True
        )
        self._process.start()
        theirs.close()
        self._started_at = time.monotonic()

    def tick(self) -> None:
        """Take in what it reports: the size sealed, or a sentence of what went wrong."""
        with suppress(EOFError, OSError):
            while self._connection.poll():
                self._reported(self._connection.recv())
        if not self._process.is_alive() and time.monotonic() - self._started_at > AGAIN_SECONDS:
            self.close(0.0)
            self.start()

    def close(self, seconds: float) -> None:
        """Let it seal what is left and end, or kill it. Call it after the last append."""
        with suppress(OSError):
            self._connection.send(None)
        self._process.join(seconds)
        if self._process.is_alive():
            logger.error("The last checkpoint was not made in time; the next program that seals makes it.")
            self._process.kill()
            self._process.join()
        with suppress(EOFError, OSError):
            while self._connection.poll():
                self._reported(self._connection.recv())
        self._connection.close()

    def _reported(self, report: int | str) -> None:
        if isinstance(report, int):
            self._figures.sealed_count = report
            self._said = ""
            return
        self._figures.seal_failures += 1
        if report != self._said:
            logger.error("No checkpoint was made. %s", report)
        self._said = report


def sealed_until_alone(receiver: Connection, home: Path, url: str) -> None:
    """Seal whenever it is due, until the receiver says it is the end or is gone; then once more."""
    from wa_analytics.database import Database
    from wa_analytics.evidence.checkpoint import seal_if_due, seal_pending
    from wa_analytics.evidence.keys import KeyRing
    from wa_analytics.settings import read_settings

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(5)
    settings = read_settings(home)
    database = Database(url)
    pause = min(LOOK_SECONDS, max(1.0, settings.evidence.seal_seconds / 4))
    is_last = False
    while not is_last:
        is_last = _is_over(receiver, pause)
        try:
            ring = KeyRing.open(home, settings, database)
            make = seal_pending if is_last else seal_if_due
            made = make(database, ring, datetime.now(UTC))
            report: int | str = made.size if made else 0
        except WorkbenchError as error:
            report = str(error)
        except Exception as error:
            report = f"({type(error).__name__})"
        if report:
            with suppress(OSError):
                receiver.send(report)
    database.close()


def _is_over(receiver: Connection, seconds: float) -> bool:
    try:
        if not receiver.poll(seconds):
            return False
        receiver.recv()
    except (EOFError, OSError):
        pass
    return True
