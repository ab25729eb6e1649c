"""Spans of the log → rows of the fact tables, in as many processes as pay."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from operator import itemgetter
from os import cpu_count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from wa_analytics.database.pace import Pace
from wa_analytics.evidence.sealing import Opener
from wa_analytics.normalise.project import COLUMNS
from wa_analytics.pipeline.collecting import uncollected
from wa_analytics.pipeline.disposed import disposed_ids
from wa_analytics.pipeline.refreshing.project import Reader, Rows, between, rules_digest
from wa_analytics.pipeline.turns import Turns
from wa_analytics.pipeline.workers import Workers, context, pay, readied
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.evidence.keys import KeyRing
    from wa_analytics.pipeline.record_ids import DisposedIds

Progress = Callable[[int, int], None]

# Entries that are projected, and then their rows written, together.
SPAN = 60_000
SPANS_PER_CORE = 4
# Rows that a span may hold before they are written, its watermark or not.
BATCH_ROWS = 200_000
CHUNK = 2_000
UNIQUE = ("identifier", "identifier_link")
DATED = "identity_event"
# Place of the digest by which a table's widest index is ordered.
SORTED_BY = {"message_fact": 1, "status_fact": 1, "consent_fact": 1, "capture_note": 1, "identifier": 0}


class _Facts:
    """Projects spans of the log into the fact tables.

    Rows are written in the order of their digests, many together, so that each page of an index is
    filled once and not once per chunk. A span's last transaction moves the watermark to its end.
    """

    def __init__(
        self, database: Database, reader: Reader, disposed: DisposedIds, prefix: str, rules: str
    ) -> None:
        self._database = database
        self._reader = reader
        self._disposed = disposed
        self._prefix = prefix
        self._rules = rules
        self._seen: set[Any] = set()
        self._first_told: dict[Any, tuple[Any, int]] = {}
        self._pace = Pace(CHUNK, 6 * CHUNK)
        self._rows: Rows = {}
        self._count = 0

    def of(
        self, start: int, end: int, turn: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> set[int]:
        """Facts of the entries from `start` to before `end`; returns the sequences of captures that
        speak of what was disposed of before. turn: what to wait for before the first row is written."""
        late: set[int] = set()
        with ExitStack() as held:
            is_turn = False
            try:
                for first in range(start, end, CHUNK):
                    rows = self._reader.rows_of(between(self._database, first, min(first + CHUNK, end)))
                    late |= self._disposed.late(rows)
                    self._take(rows)
                    if self._count >= BATCH_ROWS:
                        if not is_turn:
                            held.enter_context(turn())
                            is_turn = True
                        self._written()
            finally:
                # Also one that failed lets on those behind it, who then find the watermark missing.
                if not is_turn:
                    held.enter_context(turn())
            self._written((start, end))
        return late

    def _take(self, rows: Rows) -> None:
        for name, found in self._disposed.taken_from(rows).items():
            if name in UNIQUE:
                found = [row for row in found if row[:3] not in self._seen]
                self._seen.update(row[:3] for row in found)
            elif name == DATED:
                found = _earlier(found, self._first_told)
            if found:
                self._rows.setdefault(name, []).extend(found)
                self._count += len(found)

    def _written(self, span: tuple[int, int] | None = None) -> None:
        """Write what there is; with the last rows of a span, its watermark."""
        rows, self._rows, self._count = self._rows, {}, 0
        if DATED in rows:
            # Each later row of a link tells an earlier time.
            rows[DATED] = list({row[:4]: row for row in rows[DATED]}.values())
        for name, place in SORTED_BY.items():
            if name in rows:
                rows[name].sort(key=itemgetter(place))
        waiting = [(name, COLUMNS[name], rows[name]) for name in COLUMNS if name in rows][::-1]
        is_done = False
        while not is_done:
            left = size = self._pace.rows
            with self._database.writing(self._prefix, is_derived=True) as writer:
                begun = perf_counter()
                while waiting and left > 0:
                    name, columns, found = waiting.pop()
                    if len(found) > left:
                        waiting.append((name, columns, found[left:]))
                        found = found[:left]
                    left -= len(found)
                    writer.append(
                        _table(name),
                        columns,
                        found,
                        skip_known=name in UNIQUE,
                        earliest_by=("occurred_at", "sequence") if name == DATED else (),
                    )
                is_done = not waiting
                if is_done and span is not None and not self._prefix:
                    self._marked(writer, *span)
            self._pace.learn(size - left, perf_counter() - begun)

    def _marked(self, writer: Writer, start: int, end: int) -> None:
        reached = writer.rows("SELECT sequence FROM watermark WHERE name = 'facts'")
        if (reached[0][0] if reached else 0) != start:
            raise RuntimeError(f"entries before {start} were not projected")
        writer.execute("DELETE FROM watermark WHERE name = 'facts'")
        writer.append(
            _table("watermark"), ("name", "sequence", "rules_digest"), [("facts", end, self._rules)]
        )


_worker: tuple[_Facts, Turns] | None = None


def _started(url: str, turns: Turns, *known: Any) -> None:
    global _worker
    # A worker makes no cycles; looking for them among millions of rows costs more than the rows.
    gc.disable()
    from wa_analytics.database import Database

    _worker = _Facts(Database(url), *known), turns


def _projected_there(place: int, start: int, end: int) -> set[int]:
    assert _worker is not None
    facts, turns = _worker
    return facts.of(start, end, partial(turns.of, place))


def projected(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    start: int,
    end: int,
    *,
    prefix: str = "",
    late: set[int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Facts of the entries `start` to `end` into the fact tables; returns how many entries were
    read. A kill leaves a prefix of the log projected. late: gets the sequences of captures that speak
    of what was disposed of."""
    if pay(end - start):
        readied()
    reader = Reader(Opener(ring.wrapping_keys(database), ring.digest_key), settings)
    if not prefix:
        unvouched_removed(database, start)
    known = reader, disposed_ids(database, prefix), prefix, rules_digest(settings)
    with uncollected():
        for reached, found in _in_order(database, known, start, end):
            if late is not None:
                late |= found
            if progress:
                progress(reached - start, end - start)
    return max(0, end - start)


def _in_order(
    database: Database, known: tuple[Reader, DisposedIds, str, str], start: int, end: int
) -> Iterator[tuple[int, set[int]]]:
    """(first sequence not yet projected, late captures) per span, in log order."""
    if not pay(end - start):
        facts = _Facts(database, *known)
        for first in range(start, end, SPAN):
            after = min(first + SPAN, end)
            yield after, facts.of(first, after)
        return
    # Spans end together where they are few, and fill their pages of an index where they are many.
    cores = cpu_count() or 1
    span = min(SPAN, -(-(end - start) // (SPANS_PER_CORE * cores)))
    spans = [(first, min(first + span, end)) for first in range(start, end, span)]
    # Workers read and write for themselves: no row need pass through this process.
    turns = Turns(context())
    with Workers(_started, database.url, turns, *known) as pool:
        try:
            futures = [pool.submit(_projected_there, place, *one) for place, one in enumerate(spans)]
            for (_, after), future in zip(spans, futures, strict=True):
                yield after, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def unvouched_removed(database: Database, start: int) -> None:
    """Facts of entries from `start` on go: an interrupted pass wrote them before its watermark."""
    for name in COLUMNS:
        if name not in UNIQUE and name != DATED:
            while database.scalar(f"SELECT 1 FROM {name} WHERE sequence >= :start LIMIT 1", start=start):
                with database.writing(is_derived=True) as writer:
                    writer.execute(
                        f"DELETE FROM {name} WHERE sequence >= :start AND sequence < "
                        f"(SELECT min(sequence) + {CHUNK} FROM {name} WHERE sequence >= :start)",
                        {"start": start},
                    )


def _earlier(rows: list[tuple[Any, ...]], known: dict[Any, tuple[Any, int]]) -> list[tuple[Any, ...]]:
    """The rows of identity_event that tell an earlier time than those before did; `known` learns it.
    A million webhooks repeat the same few links."""
    found = []
    for row in rows:
        key, told = row[:4], row[4:]
        if key not in known or (told[0] is not None and told < known[key]):
            known[key] = told
            found.append(row)
    return found


def _table(name: str) -> Any:
    from wa_analytics import tables

    return next(table for table in tables.TABLES if table.__tablename__ == name)
