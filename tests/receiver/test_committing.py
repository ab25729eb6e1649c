"""Captures on their way to the writer, and their outcomes back, without a database."""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import socket
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from wa_analytics.capture import Capture
from wa_analytics.receiver import committing
from wa_analytics.receiver.archive import CACHE_KILOBYTES, impatient
from wa_analytics.receiver.committing import SENT_CAPTURES, GroupCommit, Outcome
from wa_analytics.receiver.figures import Figures
from wa_analytics.receiver.frames import Captures, Report, framed, messages_in


def capture(number: int) -> Capture:
    return Capture(b"%d" % number, {}, "meta-cloud", number)


def arrived(line: socket.socket) -> list[Capture]:
    """What lies in the line now."""
    line.setblocking(False)
    messages = messages_in(bytearray(line.recv(1 << 20)))
    return [one for message in messages if isinstance(message, Captures) for one in message.captures]


async def offered() -> tuple[list[Capture], list[Capture], list[Outcome]]:
    """What the writer has while the loop's turn still lasts, what it has after it, and the outcomes."""
    ours, theirs = socket.socketpair()
    theirs.sendall(framed(Report(is_stored=True)))

    def started() -> tuple[socket.socket, BaseProcess]:
        return ours, multiprocessing.Process()

    commit = GroupCommit(started, Figures())
    await commit.open()
    futures = [commit.offered(capture(number)) for number in range(SENT_CAPTURES + 3)]
    during = arrived(theirs)
    await asyncio.sleep(0)
    after = arrived(theirs)
    theirs.sendall(framed(Report(SENT_CAPTURES, True, {"meta-cloud": SENT_CAPTURES})))
    theirs.sendall(framed(Report(3, False, sentence="away")))
    outcomes = list(await asyncio.gather(*futures))
    theirs.close()
    return during, after, outcomes


def test_a_long_turn_hands_over_before_it_ends() -> None:
    during, after, outcomes = asyncio.run(offered())
    assert during == [capture(number) for number in range(SENT_CAPTURES)]
    assert after == [capture(SENT_CAPTURES + number) for number in range(3)]
    assert outcomes == ["durable"] * SENT_CAPTURES + ["unavailable"] * 3


async def started_at_the_second_try() -> tuple[bool, Outcome]:
    """Whether a writer stands after the first try failed, and what a delivery then gets."""
    ours, theirs = socket.socketpair()
    lines = [ours]
    later, far = socket.socketpair()
    tries = 0

    def started() -> tuple[socket.socket, BaseProcess]:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return lines.pop() if lines else later, multiprocessing.Process()

    theirs.sendall(framed(Report(is_stored=True)))
    commit = GroupCommit(started, Figures())
    await commit.open()
    theirs.close()
    far.sendall(framed(Report(is_stored=True)))
    for _ in range(100):
        await asyncio.sleep(0.05)
        commit.tick()
        if tries == 3 and commit.is_running:
            break
    is_running, waiting = commit.is_running, commit.offered(capture(1))
    far.sendall(framed(Report(int(is_running), True, {"meta-cloud": 1})))
    outcome = await asyncio.wait_for(waiting, 5)
    far.close()
    return is_running, outcome


def test_a_writer_that_could_not_be_started_is_tried_again() -> None:
    assert asyncio.run(started_at_the_second_try()) == (True, "durable")


async def kept_waiting(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Outcome | None, bool]]:
    """A delivery's outcome and whether the figures call the database available: in time, too late, told."""
    monkeypatch.setattr(committing, "PATIENCE_SECONDS", 0.1)
    ours, theirs = socket.socketpair()
    theirs.sendall(framed(Report(is_stored=True)))
    figures = Figures()
    commit = GroupCommit(lambda: (ours, multiprocessing.Process()), figures)
    await commit.open()
    future = commit.offered(capture(1))
    seen: list[tuple[Outcome | None, bool]] = []
    commit.tick()
    seen.append((future.result() if future.done() else None, figures.is_available))
    await asyncio.sleep(0.2)
    commit.tick()
    seen.append((future.result() if future.done() else None, figures.is_available))
    theirs.sendall(framed(Report(1, True, {"meta-cloud": 1})))
    await asyncio.sleep(0.1)
    seen.append((future.result(), figures.is_available))
    theirs.close()
    return seen


def test_a_writer_that_hangs_is_told_as_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(kept_waiting(monkeypatch)) == [
        (None, True),
        ("unavailable", False),
        ("unavailable", True),
    ]


def test_the_writer_keeps_few_pages(tmp_path: Path) -> None:
    """SQLite looks through all that it keeps at nearly every commit."""
    database = impatient(f"sqlite:///{tmp_path / 'wa.db'}")
    assert database.frame("PRAGMA cache_size").row(0) == (-CACHE_KILOBYTES,)
    database.close()
