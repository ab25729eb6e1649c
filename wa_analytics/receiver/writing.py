"""The writer: stores whatever came while the last commit ran, in one commit, and reports.

So the disk is asked once for many deliveries, none waits for a timer, and a batch is as large as
the load makes it. The writer ends by itself when the receiver does, however it ended, after it has
stored what it was given.
"""

from __future__ import annotations

import gc
import select
import signal
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from wa_analytics.capture import Capture
from wa_analytics.errors import WorkbenchError
from wa_analytics.receiver.frames import Captures, Refusals, Report, framed, messages_in

if TYPE_CHECKING:
    from wa_analytics.receiver.archive import EvidenceArchive

BATCH_CAPTURES = 500
BATCH_BYTES = 4_000_000
"""One transaction stays well under 100 ms, since others write to the same SQLite file."""

TICK_SECONDS = 2.0
_READ_BYTES = 1 << 20


def written_until_alone(line: socket.socket, home: Path, url: str) -> None:
    """Store what comes over the line until its other end closes."""
    from wa_analytics.receiver.archive import EvidenceArchive
    from wa_analytics.settings import read_settings

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    archive = EvidenceArchive(read_settings(home), url)
    with line, suppress(BrokenPipeError, ConnectionResetError):
        Writer(line, archive).run()


class Writer:
    """One line and the archive behind it."""

    def __init__(self, line: socket.socket, archive: EvidenceArchive) -> None:
        self._line = line
        self._archive = archive
        self._unread = bytearray()
        self._captures: deque[Capture] = deque()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._is_available = True
        self._is_alone = False

    def run(self) -> None:
        try:
            self._report(self._attempted(self._archive.open))
            gc.collect()
            gc.freeze()
            due = time.monotonic() + TICK_SECONDS
            while not (self._is_alone and not self._captures):
                self._read(0 if self._captures else TICK_SECONDS)
                batch = self._batch()
                if batch:
                    self._report(self._stored(batch))
                if time.monotonic() >= due:
                    self._tick()
                    due = time.monotonic() + TICK_SECONDS
        finally:
            self._tick()
            self._archive.close()

    def _read(self, seconds: float) -> None:
        """Take in what is there, up to a batch; wait that long for the first of it."""
        if self._is_alone or len(self._captures) >= BATCH_CAPTURES:
            return
        if not select.select([self._line], [], [], seconds)[0]:
            return
        while True:
            try:
                part = self._line.recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except ConnectionResetError:
                part = b""
            if not part:
                self._is_alone = True
                break
            self._unread += part
            if len(self._unread) >= BATCH_BYTES:
                break
        for message in messages_in(self._unread):
            if isinstance(message, Refusals):
                for provider, count in message.counts.items():
                    self._counts[provider, "refused"] += count
            elif isinstance(message, Captures):
                self._captures += message.captures

    def _batch(self) -> list[Capture]:
        """The oldest captures that fit into one transaction."""
        count = volume = 0
        for capture in islice(self._captures, BATCH_CAPTURES):
            volume += len(capture.body)
            if count and volume > BATCH_BYTES:
                break
            count += 1
        return [self._captures.popleft() for _ in range(count)]

    def _stored(self, batch: Sequence[Capture]) -> Report:
        begun = time.monotonic()
        stored: Counter[str] = Counter()
        repeated: Counter[str] = Counter()

        def append() -> None:
            nonlocal stored, repeated
            stored, repeated = self._archive.append(batch)

        tried = self._attempted(append)
        for provider in stored:
            self._counts[provider, "stored"] += stored[provider]
            self._counts[provider, "repeated"] += repeated[provider]
        seconds = time.monotonic() - begun
        return Report(len(batch), tried.is_stored, dict(stored), dict(repeated), seconds, tried.sentence)

    def _tick(self) -> None:
        """Keep the counts that `wa doctor` shows; see whether a database that was away is back."""
        counts = +self._counts
        if not counts and self._is_available:
            return
        was_available = self._is_available
        tried = self._attempted(lambda: self._archive.count(counts))
        if tried.is_stored:
            self._counts -= counts
        if tried.is_stored != was_available:
            self._report(tried)

    def _attempted(self, write: Callable[[], object]) -> Report:
        try:
            write()
        except WorkbenchError as error:
            self._is_available = False
            return Report(sentence=str(error))
        except Exception as error:
            # Whatever it was, nothing of it is known to be on disk. Its text could quote a value.
            self._is_available = False
            return Report(sentence=f"({type(error).__name__})")
        self._is_available = True
        return Report(is_stored=True)

    def _report(self, report: Report) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self._line.sendall(framed(report))
