"""Captures on their way to the writer, and their outcomes back, without a database."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from multiprocessing.process import BaseProcess
from pathlib import Path

from wa_analytics.capture import Capture
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


def test_the_writer_keeps_few_pages(tmp_path: Path) -> None:
    """SQLite looks through all that it keeps at nearly every commit."""
    database = impatient(f"sqlite:///{tmp_path / 'wa.db'}")
    assert database.frame("PRAGMA cache_size").row(0) == (-CACHE_KILOBYTES,)
    database.close()
