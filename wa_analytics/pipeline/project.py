"""Evidence → facts: decrypt, parse, project, in as many processes as pay.

The one decrypt pass. Text exists only inside `Reader.rows_of`; what leaves it are keyed digests,
codes and times.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import lru_cache
from multiprocessing import get_context
from operator import itemgetter
from os import cpu_count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from wa_analytics.consent.words import opt_out_test
from wa_analytics.database.pace import Pace
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.evidence.sealing import EntryRow, Opener
from wa_analytics.normalise.project import COLUMNS, Projection
from wa_analytics.pipeline.collecting import uncollected
from wa_analytics.pipeline.workers import Workers
from wa_analytics.providers import parser
from wa_analytics.providers.table_rows import file_facts
from wa_analytics.records import UnknownRecord
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

Rows = dict[str, list[tuple[Any, ...]]]
Progress = Callable[[int, int], None]

# Raise it when a parser or the projection changes: the next refresh then re-reads the evidence.
RULES_VERSION = 2
CHUNK = 2_000
WORTH_WORKERS = 12_000
# Rows that wait to be written together; workers read on meanwhile, as far again.
BATCH_ROWS = 200_000
AHEAD = 80
REMEMBERED = 1 << 16
UNIQUE = ("identifier", "identifier_link")
DATED = "identity_event"
# Place of the digest by which a table's widest index is ordered.
SORTED_BY = {"message_fact": 1, "status_fact": 1, "consent_fact": 1, "capture_note": 1, "identifier": 0}


def rules_digest(settings: Settings) -> str:
    """Tells whether facts were made under these settings."""
    stated = {
        "version": RULES_VERSION,
        "entities": [entity.model_dump(mode="json") for entity in settings.entities],
        "words": {key: list(words) for key, words in settings.consent.opt_out_words.items()},
        "time_zone": settings.imports.time_zone,
        "topics": settings.aws_social.topics,
        "callback": [settings.meta_cloud.callback_url, settings.meta_cloud.app_id],
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


class Reader:
    """Opens, parses and projects entries. Picklable."""

    def __init__(self, opener: Opener, settings: Settings) -> None:
        self._opener = opener
        self._settings = settings
        # One message is told of several times, mostly in a row.
        self._projection = Projection(
            lru_cache(maxsize=REMEMBERED)(opener.digest),
            settings.entities,
            opt_out_test(settings.consent.opt_out_words),
            has_default_entity=settings.has_default_entity,
        )

    def __reduce__(self) -> Any:
        return Reader, (self._opener, self._settings)

    def rows_of(self, entries: Iterable[EntryRow]) -> Rows:
        projection, settings = self._projection, self._settings
        recognition = self._opener.digests.recognition
        for sequence, capture in self._opener.opened(entries):
            provider = capture.provider
            file = file_facts(capture) if capture.headers.get("kind") == "file" else None
            if file is not None:
                projection.file(sequence, provider, int(file.get("record_count", 0)))
                continue
            name = recognition(capture).hex() if capture.signature_code == "invalid" else ""
            if name:
                projection.note(sequence, name, provider, "signature_invalid", provider)
            try:
                records = parser(provider)(capture, settings)
            except CaptureUnreadable:
                projection.note(sequence, recognition(capture).hex(), provider, "unreadable", provider)
                continue
            if not name:
                for record in records:
                    if type(record) is UnknownRecord:
                        name = recognition(capture).hex()
                        break
            projection.add(sequence, name, provider, records)
        return projection.taken(is_stream=True)


_reader: tuple[Reader, Database] | None = None


def _started(reader: Reader, url: str) -> None:
    global _reader
    # A worker makes no cycles; looking for them among millions of rows costs more than the rows.
    gc.disable()
    from wa_analytics.database import Database

    _reader = reader, Database(url)


def _read(start: int, end: int) -> tuple[int, Rows]:
    assert _reader is not None
    reader, database = _reader
    return end, reader.rows_of(_between(database, start, end))


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
    read. Commits per chunk, the watermark in the same transaction. late: gets the sequences of captures
    that speak of what was disposed of."""
    reader = Reader(Opener(ring.wrapping_keys(database), ring.digest_key), settings)
    if not prefix:
        unvouched_removed(database, start)
    gathered = _Gathered(database, prefix, rules_digest(settings))
    with uncollected():
        for reached, rows in _in_order(database, reader, start, end):
            if late is not None:
                late |= gathered.disposed.late(rows)
            gathered.take(reached, rows)
            if progress:
                progress(reached - start, end - start)
        gathered.written()
    return max(0, end - start)


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


class _Gathered:
    """Rows of many chunks, written in the order of their digests, so that each page of an index is
    filled once and not once per chunk. The watermark goes with the last of them."""

    def __init__(self, database: Database, prefix: str, rules: str) -> None:
        self._database = database
        self._prefix = prefix
        self._rules = rules
        from wa_analytics.pipeline.disposed import disposed_ids  # brings Polars, which no reader needs

        self.disposed = disposed_ids(database, prefix)
        self._seen: set[Any] = set()
        self._first_told: dict[Any, tuple[Any, int]] = {}
        self._pace = Pace(CHUNK, 6 * CHUNK)
        self._rows: Rows = {}
        self._count = self._reached = 0

    def take(self, reached: int, rows: Rows) -> None:
        """The rows of the entries before `reached`."""
        self._reached = reached
        for name, found in self.disposed.taken_from(rows).items():
            if name in UNIQUE:
                found = [row for row in found if row[:3] not in self._seen]
                self._seen.update(row[:3] for row in found)
            elif name == DATED:
                found = _earlier(found, self._first_told)
            if found:
                self._rows.setdefault(name, []).extend(found)
                self._count += len(found)
        if self._count >= BATCH_ROWS:
            self.written()

    def written(self) -> None:
        """Write what there is."""
        from wa_analytics.tables import Watermark

        if not self._reached:
            return
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
                if is_done and not self._prefix:
                    writer.execute("DELETE FROM watermark WHERE name = 'facts'")
                    writer.append(
                        Watermark,
                        ("name", "sequence", "rules_digest"),
                        [("facts", self._reached, self._rules)],
                    )
            self._pace.learn(size - left, perf_counter() - begun)


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

    return next(table for table in tables.FACTS if table.__tablename__ == name)


def _between(database: Database, start: int, end: int) -> Iterator[EntryRow]:
    """The captures from `start` to before `end` that still have their key; never many bytes at once."""
    from wa_analytics.evidence.log import entries

    while start < end and (rows := entries(database, start, end - start, kind="capture")):
        yield from (row for row in rows if row.sequence < end)
        start = rows[-1].sequence + 1


def _in_order(database: Database, reader: Reader, start: int, end: int) -> Iterator[tuple[int, Rows]]:
    """(first sequence not yet read, rows) per chunk, in log order; the last one reaches `end`."""
    spans = [(at, min(at + CHUNK, end)) for at in range(start, end, CHUNK)]
    workers = cpu_count() or 1
    if end - start < WORTH_WORKERS or workers < 2:
        for first, after in spans:
            yield after, reader.rows_of(_between(database, first, after))
        return
    # Workers read for themselves: the rows of the log need not pass through this process.
    with Workers(
        workers, mp_context=get_context("spawn"), initializer=_started, initargs=(reader, database.url)
    ) as pool:
        pending: deque[Future[tuple[int, Rows]]] = deque()
        for span in spans:
            pending.append(pool.submit(_read, *span))
            if len(pending) > AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
