"""The writer: stores whatever came while the last commit ran, in one commit, and reports.

So the disk is asked once for many deliveries, none waits for a timer, and a group is as large as the
load makes it. One thread takes in and encrypts, the other stores: while a group is on its way to the
disk the next one is made ready. The writer ends by itself when the receiver does, however it ended,
after it has stored what it was given.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from wa_analytics.capture import Capture
from wa_analytics.errors import WorkbenchError
from wa_analytics.receiver.frames import Captures, Refusals, Report, framed, messages_in

if TYPE_CHECKING:
    from wa_analytics.evidence.sealing import Sealed
    from wa_analytics.receiver.archive import EvidenceArchive

GROUP_CAPTURES = 250
GROUP_BYTES = 2_000_000
"""A group is stored as soon as it has that many, and has at most twice as many: one transaction stays
well under 100 ms, since others write to the same SQLite file."""

READY_GROUPS = 4
TICK_SECONDS = 2.0
SWITCH_SECONDS = 0.0005
"""How long the thread that comes back from the disk waits for the one that encrypts."""
_READ_BYTES = 1 << 18


def written_until_alone(line: socket.socket, home: Path, url: str) -> None:
    """Store what comes over the line until its other end closes."""
    from wa_analytics.receiver.archive import EvidenceArchive
    from wa_analytics.settings import read_settings

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    archive = EvidenceArchive(read_settings(home), url)
    with line, suppress(BrokenPipeError, ConnectionResetError):
        Writer(line, archive).run()


class Ready(NamedTuple):
    """Captures and their rows; None where they could not be encrypted yet, which storing has to tell."""

    captures: list[Capture]
    rows: list[Sealed] | None


class Writer:
    """One line and the archive behind it."""

    def __init__(self, line: socket.socket, archive: EvidenceArchive) -> None:
        self._line = line
        self._archive = archive
        self._ready: Queue[Ready | None] = Queue(READY_GROUPS)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._refusals: deque[Refusals] = deque()
        self._is_available = True

    def run(self) -> None:
        try:
            self._report(self._attempted(self._archive.open))
            gc.collect()
            gc.freeze()
            sys.setswitchinterval(SWITCH_SECONDS)
            storing = Thread(target=self._store, name="wa-storing", daemon=True)
            storing.start()
            for captures in self._taken():
                self._ready.put(Ready(captures, self._sealed(captures)))
            self._ready.put(None)
            storing.join()
        finally:
            self._archive.close()

    def _taken(self) -> Iterator[list[Capture]]:
        """What comes over the line, in order, until its other end closes; at most a group at once."""
        unread = bytearray()
        with suppress(ConnectionResetError):
            while part := self._line.recv(_READ_BYTES):
                unread += part
                for message in messages_in(unread):
                    if isinstance(message, Refusals):
                        self._refusals.append(message)
                    elif isinstance(message, Captures):
                        yield from _grouped(message.captures)

    def _sealed(self, captures: Sequence[Capture]) -> list[Sealed] | None:
        try:
            return self._archive.sealed(captures)
        except Exception:
            return None

    def _store(self) -> None:
        """Store what is ready, until nothing more comes."""
        due = time.monotonic() + TICK_SECONDS
        is_last = False
        while not is_last:
            captures: list[Capture] = []
            rows: list[Sealed] | None = []
            volume = 0
            with suppress(Empty):
                ready = self._ready.get(timeout=TICK_SECONDS)
                while ready is not None:
                    captures += ready.captures
                    rows = None if rows is None or ready.rows is None else rows + ready.rows
                    volume += sum(len(capture.body) for capture in ready.captures)
                    if len(captures) >= GROUP_CAPTURES or volume >= GROUP_BYTES:
                        break
                    ready = self._ready.get_nowait()
                is_last = ready is None
            if captures:
                self._report(self._stored(captures, rows))
            if is_last or time.monotonic() >= due:
                self._tick()
                due = time.monotonic() + TICK_SECONDS

    def _stored(self, captures: list[Capture], rows: list[Sealed] | None) -> Report:
        begun = time.monotonic()
        stored: Counter[str] = Counter()
        repeated: Counter[str] = Counter()

        def append() -> None:
            nonlocal stored, repeated
            stored, repeated = self._archive.append(captures, rows)

        tried = self._attempted(append)
        for provider in stored:
            self._counts[provider, "stored"] += stored[provider]
            self._counts[provider, "repeated"] += repeated[provider]
        seconds = time.monotonic() - begun
        return Report(len(captures), tried.is_stored, dict(stored), dict(repeated), seconds, tried.sentence)

    def _tick(self) -> None:
        """Keep the counts that `wa doctor` shows; see whether a database that was away is back."""
        while self._refusals:
            for provider, count in self._refusals.popleft().counts.items():
                self._counts[provider, "refused"] += count
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


def _grouped(captures: list[Capture]) -> Iterator[list[Capture]]:
    """The same in order, in lists that are no larger than a group, but for a single large one."""
    begin = volume = 0
    for at, capture in enumerate(captures):
        if at > begin and (at - begin == GROUP_CAPTURES or volume + len(capture.body) > GROUP_BYTES):
            yield captures[begin:at]
            begin, volume = at, 0
        volume += len(capture.body)
    yield captures[begin:]
