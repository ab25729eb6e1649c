"""Worker processes that know nothing of the program that starts them.

Where the system can, they are forked from a process that has already imported what they need, and that
may do so while this program is still importing for itself (`readied`).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import accumulate
from multiprocessing.context import BaseContext
from os import cpu_count
from types import ModuleType, TracebackType
from typing import Any

from wa_analytics.errors import WorkerLost

# From so many entries, or bytes of files, on.
WORTH_ENTRIES = 12_000
WORTH_BYTES = 10_000_000
IMPORTED = (
    "wa_analytics.database",
    "wa_analytics.evidence.log",
    "wa_analytics.evidence.tiles",
    "wa_analytics.pipeline.intake",
    "wa_analytics.pipeline.refreshing.spans",
    "wa_analytics.pipeline.preloaded",
)


def context() -> BaseContext:
    """How workers start."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(list(IMPORTED))
    return forking


def pay(entries: int) -> bool:
    """Whether workers are faster than this process alone."""
    return entries >= WORTH_ENTRIES and (cpu_count() or 1) > 1


def readied() -> None:
    """Begin to import for workers that will be wanted soon."""
    if context().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        with _nameless_main(), _safe_path():
            ensure_running()


def readied_for(paths: Iterable[str]) -> None:
    """The same, if workers will be faster with these files."""
    if pay_for(paths):
        readied()


def pay_for(paths: Iterable[str]) -> bool:
    """Whether what is to be read is so large that workers are faster than this process alone."""
    return (cpu_count() or 1) > 1 and any(size >= WORTH_BYTES for size in accumulate(_sizes(paths)))


def _sizes(paths: Iterable[str]) -> Iterator[int]:
    for path in paths:
        if os.path.isfile(path):
            yield os.path.getsize(path)
        for folder, _, names in os.walk(path):
            for name in names:
                with suppress(OSError):  # The import itself says what a link to nowhere is.
                    yield os.path.getsize(os.path.join(folder, name))


class Workers(ProcessPoolExecutor):
    """A pool of a process per core, and of `waiting` more where a server does part of their work. A started
    process otherwise begins by running its parent's main module: the whole command line, or an analyst's
    script, which without a guard would start over."""

    def __init__(self, initializer: Callable[..., object], *initargs: Any, waiting: int = 0) -> None:
        readied()
        super().__init__(
            (cpu_count() or 1) + waiting,
            mp_context=context(),
            initializer=_begun,
            initargs=(initializer, *initargs),
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, BrokenExecutor):
            raise worker_lost() from None

    def is_broken(self) -> bool:
        """Whether a process was killed; the others are stopped then, and nothing more is done."""
        return bool(self._broken)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with _nameless_main():
            return super().submit(fn, *args, **kwargs)


def worker_lost() -> WorkerLost:
    """The sentence for a BrokenExecutor."""
    return WorkerLost(
        "A worker process was killed, perhaps for want of memory; what was committed stays, and the same "
        "command goes on from there."
    )


def _begun(initializer: Callable[..., object], *initargs: Any) -> None:
    threading.Thread(target=_ended_with_parent, daemon=True).start()
    initializer(*initargs)


def _ended_with_parent() -> None:
    """A program that is killed tells its workers nothing, and they would keep its keys in memory."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _safe_path() -> Iterator[None]:
    """What starts meanwhile imports nothing from the folder that the program was called in."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


@contextmanager
def _nameless_main() -> Iterator[None]:
    main: Any = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
