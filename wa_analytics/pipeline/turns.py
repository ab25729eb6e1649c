"""Whose turn it is to write, among the processes of one import.

Chunks are appended in the order of the file, and nobody waits for SQLite's own lock: its waiters sleep
and ask again, and against writers that follow each other closely they ask in vain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext

LONGEST_WAIT_SECONDS = 30
LOOK_SECONDS = 0.5


class Turns:
    """Handed to worker processes as they start."""

    def __init__(self, context: BaseContext) -> None:
        self._changed = context.Condition()
        self._next = context.Value("q", 0, lock=False)

    @contextmanager
    def of(self, place: int) -> Iterator[None]:
        """The turn of one place, after all smaller ones; every place must take its turn once. One that is
        interrupted as it waits lets all through that came before it, in any order."""
        with self._changed:
            try:
                self._changed.wait_for(lambda: self._next.value >= place)
                yield
            finally:
                self._next.value = max(self._next.value, place + 1)
                self._changed.notify_all()

    @contextmanager
    def between(self, is_broken: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Between two turns, for one that has no place among them. A process that was killed in its turn
        never ends it; then the database's own lock has to do.

        is_broken: whether a process is known to have been killed; none of the others takes a turn then.
        """
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while not (is_between := self._changed.acquire(timeout=LOOK_SECONDS)):
            if is_broken() or time.monotonic() > until:
                break
        try:
            yield
        finally:
            if is_between:
                self._changed.release()
