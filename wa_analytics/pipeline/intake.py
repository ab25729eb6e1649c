"""Import files → evidence: split, sign, seal in as many processes as pay, append in order.

A record that no parser understands is kept like any other and named once, when it is new.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing import get_context
from os import cpu_count
from typing import TYPE_CHECKING, NamedTuple

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.evidence.sealing import Sealed, Sealer
from wa_analytics.pipeline.collecting import uncollected
from wa_analytics.providers import parser
from wa_analytics.providers.files import RawChunk, Refusal, captures_from, raw_records
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

Progress = Callable[[int], None]
WORTH_WORKERS = 12_000


class Unreadable(NamedTuple):
    """A capture kept although no parser reads it."""

    recognition_digest: bytes
    sentence: str


@dataclass
class Captured:
    """stored: new captures; repeated: known ones; refused: sentences of what was not imported;
    unreadable: sentences of new captures that were kept but cannot be read."""

    stored: int = 0
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.refused and not self.unreadable


class _Intake:
    """What a worker needs to seal chunks of raw records."""

    def __init__(self, settings: Settings, received_at: int) -> None:
        self._settings = settings
        self._received_at = received_at
        secret = settings.meta_cloud.app_secret
        self._app_secret = secret.get_secret_value() if secret else None

    def sealed(self, sealer: Sealer, chunk: RawChunk) -> tuple[list[Sealed], list[Unreadable]]:
        captures = captures_from(*chunk, self._received_at, self._app_secret)
        rows = sealer.sealed(captures)
        parse = parser(chunk[0].provider)
        unreadable = []
        for capture, row in zip(captures, rows, strict=True):
            try:
                parse(capture, self._settings)
            except CaptureUnreadable as error:
                assert row.recognition_digest is not None
                unreadable.append(Unreadable(row.recognition_digest, f"{chunk[0].place}: {error}"))
        return rows, unreadable


_intake: _Intake | None = None


def _started(settings: Settings, received_at: int) -> None:
    global _intake
    _intake = _Intake(settings, received_at)
    gc.disable()


def _sealed(sealer: Sealer, chunk: RawChunk) -> tuple[list[Sealed], list[Unreadable]]:
    assert _intake is not None
    return _intake.sealed(sealer, chunk)


def captured(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    provider: str,
    paths: Sequence[str],
    received_at: datetime,
    *,
    progress: Progress | None = None,
) -> Captured:
    """Store every capture under `paths`. The rest goes on after a refusal; a kill leaves a prefix
    stored, and the same call again stores the rest."""
    from wa_analytics.evidence.layout import microseconds_of
    from wa_analytics.evidence.log import append, known

    outcome = Captured()
    moment = microseconds_of(received_at)

    def chunks() -> Iterator[RawChunk]:
        for path in paths:
            for chunk in raw_records(path, provider, settings):
                if isinstance(chunk, Refusal):
                    outcome.refused.append(chunk.sentence)
                else:
                    yield chunk

    with uncollected():
        for rows, unreadable in _all_sealed(database, ring, settings, received_at, moment, chunks()):
            if unreadable:
                there = known(database, [entry.recognition_digest for entry in unreadable])
                for entry in unreadable:
                    if entry.recognition_digest not in there:
                        there.add(entry.recognition_digest)
                        outcome.unreadable.append(entry.sentence)
            appended = append(database, rows)
            outcome.stored += appended.stored
            outcome.repeated += appended.repeated
            if progress:
                progress(len(rows))
    counted(database, provider, outcome, received_at)
    return outcome


def _all_sealed(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    received_at: datetime,
    moment: int,
    chunks: Iterable[RawChunk],
) -> Iterator[tuple[list[Sealed], list[Unreadable]]]:
    workers = cpu_count() or 1
    here = _Intake(settings, moment)
    pool: ProcessPoolExecutor | None = None
    pending: deque[Future[tuple[list[Sealed], list[Unreadable]]]] = deque()
    done = 0
    try:
        for chunk in chunks:
            handle = ring.wrapping_key(database, received_at, len(chunk[1]))
            sealer = Sealer(handle.id, handle.key, ring.digest_key)
            if done < WORTH_WORKERS or workers < 2:
                yield here.sealed(sealer, chunk)
            else:
                if pool is None:
                    pool = ProcessPoolExecutor(
                        workers,
                        mp_context=get_context("spawn"),
                        initializer=_started,
                        initargs=(settings, moment),
                    )
                pending.append(pool.submit(_sealed, sealer, chunk))
                if len(pending) > workers * 2:
                    yield pending.popleft().result()
            done += len(chunk[1])
        while pending:
            yield pending.popleft().result()
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def captured_from_provider(
    database: Database,
    ring: KeyRing,
    captures: Iterable[Capture],
    received_at: datetime,
) -> Captured:
    """Store what a provider's API answered, page by page."""
    from wa_analytics.evidence.log import append

    outcome = Captured()
    provider = ""
    for capture in captures:
        provider = capture.provider
        handle = ring.wrapping_key(database, received_at, 1)
        appended = append(database, Sealer(handle.id, handle.key, ring.digest_key).sealed([capture]))
        outcome.stored += appended.stored
        outcome.repeated += appended.repeated
    if provider:
        counted(database, provider, outcome, received_at)
    return outcome


def counted(database: Database, provider: str, outcome: Captured, at: datetime) -> None:
    """Add an import's outcome to what `wa doctor` shows."""
    from wa_analytics.tables import ImportCount

    numbers = {
        "stored": outcome.stored,
        "repeated": outcome.repeated,
        "refused": len(outcome.refused),
        "unreadable": len(outcome.unreadable),
    }
    with database.session() as session:
        for code, number in numbers.items():
            if number:
                row = session.get(ImportCount, (provider, code))
                if row is None:
                    row = ImportCount(provider=provider, outcome_code=code, count=0, last_at=at)
                row.count += number
                row.last_at = max(row.last_at, at)
                session.add(row)
