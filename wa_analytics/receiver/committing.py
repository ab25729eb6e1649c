"""The group commit as the event loop sees it: captures go to the writer, outcomes come back.

The writer is a process of its own (`writing`): storing shares no interpreter with answering, and
the program that reads strangers' HTTP holds neither keys nor a database. Captures travel to it in
order, outcomes come back in order, so a report needs to say no more than how many it answers.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, NamedTuple, cast

from wa_analytics.capture import Capture
from wa_analytics.errors import DatabaseUnavailable
from wa_analytics.receiver.figures import Figures
from wa_analytics.receiver.frames import Captures, Refusals, Report, framed, messages_in
from wa_analytics.receiver.writing import written_until_alone

PATIENCE_SECONDS = 5.0
"""How long a sender waits for the disk before it is told 503 and to send again."""

WAITING_BYTES = 64 * 1024 * 1024
"""Captures on their way to the writer; more than that is told 503 at once."""

SENT_CAPTURES = 8
"""So many go to the writer before the turn of the loop is over, lest it idle while all of the turn's
deliveries are read, and then all of these wait for it."""

START_SECONDS = 60.0
END_SECONDS = 8.0

Outcome = Literal["durable", "unavailable"]
logger = logging.getLogger("wa_analytics.receiver")


class Waiting(NamedTuple):
    """A delivery without its answer; `since` on the monotonic clock."""

    future: asyncio.Future[Outcome]
    since: float


def started(home: Path, url: str) -> tuple[socket.socket, BaseProcess]:
    """A writer and our end of the line to it."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    writer = get_context("spawn").Process(
        target=written_until_alone, args=(theirs, home, url), name="wa-writer", daemon=True
    )
    writer.start()
    theirs.close()
    return ours, writer


class GroupCommit(asyncio.Protocol):
    """Gives every capture one outcome. Starts the writer, and starts it again if it dies."""

    def __init__(self, start: Callable[[], tuple[socket.socket, BaseProcess]], figures: Figures) -> None:
        self._start = start
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._writer: BaseProcess | None = None
        self._ready: asyncio.Future[Report] = self._loop.create_future()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._waiting: deque[Waiting] = deque()
        self._unsent: list[Capture] = []
        self._unread = bytearray()
        self._is_full = False

    async def open(self) -> None:
        """Start the writer. Raises DatabaseUnavailable with its sentence if it cannot write."""
        self._ready, self._lost = self._loop.create_future(), self._loop.create_future()
        self._unread.clear()
        line, self._writer = self._start()
        await self._loop.create_unix_connection(lambda: self, sock=line)
        await asyncio.wait([self._ready], timeout=START_SECONDS)
        if not self._ready.done():
            raise DatabaseUnavailable("The database does not answer; see that it runs, then try again.")
        if not self._ready.result().is_stored:
            raise DatabaseUnavailable(self._ready.result().sentence)

    @property
    def is_running(self) -> bool:
        return self._transport is not None

    def offered(self, capture: Capture) -> asyncio.Future[Outcome]:
        """The capture's outcome, once it is known."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        if self._transport is None or self._is_full:
            future.set_result("unavailable")
            return future
        self._waiting.append(Waiting(future, time.monotonic()))
        self._unsent.append(capture)
        count = len(self._unsent)
        if count == 1:
            # One write for all that comes in one turn of the loop.
            self._loop.call_soon(self._flushed)
        elif count == SENT_CAPTURES:
            self._flushed()
        return future

    def tick(self) -> None:
        """Call it now and then: answers those that have waited too long with `unavailable`, tells
        the writer what was refused, and starts a writer that died again.

        What the writer has may still reach the disk after its 503; the sender repeats it, and a
        repetition is recognised.
        """
        before = time.monotonic() - PATIENCE_SECONDS
        for waiting in self._waiting:
            if waiting.since > before:
                break
            _settle(waiting.future, "unavailable")
            self._silent()
        if self._transport is None:
            if self._lost.done() and not self._figures.is_stopping:
                self._lost = self._loop.create_future()
                self._reopening = self._loop.create_task(self._reopened())
        elif refused := self._figures.refusals_untold():
            self._transport.write(framed(Refusals(refused)))

    async def close(self) -> None:
        """Let the writer store what it was given and end; kill it after END_SECONDS: what it has not
        stored by then was acknowledged to nobody."""
        until = time.monotonic() + END_SECONDS
        if self._transport is not None:
            self.tick()
            self._flushed()
            self._transport.write_eof()
            await asyncio.wait([self._lost], timeout=END_SECONDS)
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join, max(0.0, until - time.monotonic()))
            if self._writer.is_alive():
                logger.error("The writer did not end; it is killed.")
                self._writer.kill()
                await asyncio.to_thread(self._writer.join)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.set_write_buffer_limits(high=WAITING_BYTES)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._is_full = False
        self._unsent.clear()
        if not self._figures.is_stopping:
            self._troubled("The writer ended; deliveries are answered 503 until it runs again.")
        while self._waiting:
            _settle(self._waiting.popleft().future, "unavailable")
        if not self._ready.done():
            self._ready.set_result(Report(sentence="The writer ended before it was ready."))
        if not self._lost.done():
            self._lost.set_result(None)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False

    def data_received(self, data: bytes) -> None:
        self._unread += data
        for message in messages_in(self._unread):
            if isinstance(message, Report):
                self._reported(message)

    def _reported(self, report: Report) -> None:
        figures = self._figures
        if not self._ready.done():
            figures.is_available, figures.trouble = report.is_stored, report.sentence
            self._ready.set_result(report)
            return
        if report.is_stored != figures.is_available and not figures.is_stopping:
            if report.is_stored:
                logger.warning("Deliveries are stored again.")
            else:
                logger.error("Deliveries are answered 503 and will be sent again. %s", report.sentence)
        figures.is_available, figures.trouble = report.is_stored, report.sentence
        if report.count:
            outcome: Outcome = "durable" if report.is_stored else "unavailable"
            figures.committed(report)
            for _ in range(report.count):
                _settle(self._waiting.popleft().future, outcome)

    def _silent(self) -> None:
        """The writer keeps a delivery waiting; its next report tells whether it stores again."""
        if self._figures.is_available and not self._figures.is_stopping:
            self._troubled("The writer does not answer; deliveries that wait are answered 503.")

    def _troubled(self, sentence: str) -> None:
        self._figures.is_available, self._figures.trouble = False, sentence
        logger.error(sentence)

    def _flushed(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write(framed(Captures(self._unsent)))
            self._unsent.clear()

    async def _reopened(self) -> None:
        """Another writer; it says itself, later, when it can write again."""
        await asyncio.sleep(1)
        if not self._figures.is_stopping:
            try:
                await self.open()
            except (DatabaseUnavailable, OSError) as error:
                logger.error("The writer cannot write yet. %s", error)
                if self._transport is None and not self._lost.done():
                    self._lost.set_result(None)  # none was started whose end would be told


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
