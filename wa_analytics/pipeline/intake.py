"""Import files → evidence: split, sign, seal in as many processes as pay, append in order.

A record that no parser understands is kept like any other and named once, when it is new.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from os import cpu_count
from typing import TYPE_CHECKING, NamedTuple

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.evidence.digests import Digester
from wa_analytics.evidence.sealing import Sealed, Sealer
from wa_analytics.pipeline.collecting import uncollected
from wa_analytics.pipeline.turns import Turns
from wa_analytics.pipeline.workers import Workers, context, pay, pay_for, worker_lost
from wa_analytics.providers import parser, surely_read
from wa_analytics.providers.files import RawChunk, Refusal, captures_from, raw_records
from wa_analytics.providers.signatures import SignatureCheck, signature_check
from wa_analytics.records import UnknownRecord
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.pace import Pace
    from wa_analytics.evidence.keys import KeyRing
    from wa_analytics.pipeline.record_ids import DisposedIds, RecordIds

Progress = Callable[[int], None]
# Chunks handed to workers and not yet stored.
AHEAD = 3 * (cpu_count() or 1)
OTHER_OBJECT = (
    "is a webhook of another object than a WhatsApp Business Account; `wa doctor` counts it by name: "
    "check what was exported."
)


class Unreadable(NamedTuple):
    """A capture kept although no parser reads it."""

    recognition_digest: bytes
    sentence: str


@dataclass
class Captured:
    """stored: new captures; repeated: known ones; refused: sentences of what was not imported;
    unreadable: sentences of new captures that were kept but cannot be read; already_disposed:
    captures not stored, or without a part of them, because that was disposed of before."""

    stored: int = 0
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    already_disposed: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.refused and not self.unreadable


class SealedChunk(NamedTuple):
    """rows: to be appended; already_disposed and unreadable as in `Captured`; refused: captures that
    speak of something disposed of and cannot be carved; place: where they stand."""

    rows: list[Sealed]
    unreadable: list[Unreadable]
    already_disposed: int = 0
    refused: int = 0
    place: str = ""


class StoredChunk(NamedTuple):
    """What became of a chunk. runs: (sequence of the first, hashes of the Merkle leaves) of what was
    stored; unreadable: sentences of new captures; the others as in `SealedChunk`."""

    stored: int
    repeated: int
    runs: list[tuple[int, bytes]]
    unreadable: list[str]
    already_disposed: int
    refused: int
    place: str


class _Intake:
    """What a worker needs to seal chunks of raw records."""

    def __init__(
        self, settings: Settings, received_at: int, disposed: DisposedIds | None, digest_key: bytes
    ) -> None:
        self._settings = settings
        self._disposed = disposed
        self._ids: RecordIds | None = None
        if disposed:
            # The projection costs a worker a second to import, and most have disposed of nothing.
            from wa_analytics.pipeline.record_ids import RecordIds

            self._ids = RecordIds(Digester(digest_key).digest, settings)
        self._received_at = received_at
        self._checks: dict[str, SignatureCheck] = {}

    def sealed(self, sealer: Sealer, chunk: RawChunk) -> SealedChunk:
        provider = chunk[0].provider
        if provider not in self._checks:
            self._checks[provider] = signature_check(provider, self._settings)
        captures = captures_from(*chunk, self._received_at, self._checks[provider])
        already = refused = 0
        if self._ids is not None and self._disposed is not None:
            captures, already, refused = self._disposed.recalled(captures, self._ids, self._settings)
        rows = sealer.sealed(captures)
        parse, is_surely_read = parser(provider), surely_read(provider)
        unreadable = []
        for capture, row in zip(captures, rows, strict=True):
            if is_surely_read(capture):
                continue
            try:
                records = parse(capture, self._settings)
            except CaptureUnreadable as error:
                told = str(error)
            else:
                last = records[-1] if records else None
                if type(last) is not UnknownRecord or last.kind != "object":
                    continue
                told = f"{_place(capture)}: {OTHER_OBJECT}"
            assert row.recognition_digest is not None
            unreadable.append(Unreadable(row.recognition_digest, f"{chunk[0].place}: {told}"))
        return SealedChunk(rows, unreadable, already, refused, chunk[0].place)


def _place(capture: Capture) -> str:
    line = capture.headers.get("line")
    return f"line {line}" if line else "the body"


def _stored(
    database: Database,
    seal: Callable[[], SealedChunk],
    pace: Pace,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> StoredChunk:
    """turn: what to wait for before the chunk is appended."""
    from wa_analytics.evidence.log import append, asked
    from wa_analytics.evidence.tiles import leaves_of

    try:
        sealed = seal()
        question = asked(database, sealed.rows)
    except BaseException:
        with turn():  # those behind wait for it
            raise
    with turn():
        appended = append(database, sealed.rows, pace, question)
    told = {one.recognition_digest: one.sentence for one in reversed(sealed.unreadable)}
    new = {row.recognition_digest for _, rows in appended.runs for row in rows} if told else set()
    return StoredChunk(
        appended.stored,
        appended.repeated,
        [(first, leaves_of(first, rows)) for first, rows in appended.runs],
        [sentence for digest, sentence in reversed(told.items()) if digest in new],
        sealed.already_disposed,
        sealed.refused,
        sealed.place,
    )


class _Worker:
    """A process that seals chunks beside others and appends them in its turn."""

    def __init__(self, intake: _Intake, url: str, turns: Turns) -> None:
        from wa_analytics.database import Database
        from wa_analytics.evidence.log import import_pace

        self._intake, self._database, self._turns, self._pace = intake, Database(url), turns, import_pace()

    def stored(self, sealer: Sealer, chunk: RawChunk, place: int) -> StoredChunk:
        return _stored(
            self._database,
            partial(self._intake.sealed, sealer, chunk),
            self._pace,
            partial(self._turns.of, place),
        )


_worker: _Worker | None = None


def _started(
    settings: Settings,
    received_at: int,
    disposed: DisposedIds | None,
    digest_key: bytes,
    url: str,
    turns: Turns,
) -> None:
    global _worker
    gc.disable()
    _worker = _Worker(_Intake(settings, received_at, disposed, digest_key), url, turns)


def _stored_there(sealer: Sealer, chunk: RawChunk, place: int) -> StoredChunk:
    assert _worker is not None
    return _worker.stored(sealer, chunk, place)


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
    from wa_analytics.evidence.tiles import GrowingTree

    outcome, tree = Captured(), GrowingTree(database)

    def chunks() -> Iterator[RawChunk]:
        for path in paths:
            for chunk in raw_records(path, provider, settings):
                if isinstance(chunk, Refusal):
                    outcome.refused.append(chunk.sentence)
                else:
                    yield chunk

    with uncollected():
        for chunk in _all_stored(database, ring, settings, received_at, chunks(), is_large=pay_for(paths)):
            outcome.stored += chunk.stored
            outcome.repeated += chunk.repeated
            outcome.unreadable += chunk.unreadable
            outcome.already_disposed += chunk.already_disposed
            if chunk.refused:
                outcome.refused.append(
                    f"{chunk.place}: {chunk.refused} captures speak of something that was disposed "
                    "of and cannot be carved; import a file without it."
                )
            for first, leaves in chunk.runs:
                tree.appended(first, leaves)
            if progress:
                progress(chunk.stored + chunk.repeated)
    counted(database, provider, outcome, received_at)
    return outcome


def _all_stored(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    received_at: datetime,
    chunks: Iterable[RawChunk],
    *,
    is_large: bool,
) -> Iterator[StoredChunk]:
    """is_large: whether workers pay from the first chunk on."""
    from wa_analytics.evidence.layout import microseconds_of
    from wa_analytics.evidence.log import import_pace
    from wa_analytics.pipeline.disposed import disposed_ids

    moment, pace = microseconds_of(received_at), import_pace()
    disposed = disposed_ids(database) or None
    here = _Intake(settings, moment, disposed, ring.digest_key)
    pool: Workers | None = None
    pending: deque[Future[StoredChunk]] = deque()
    done = place = 0
    try:
        for chunk in chunks:
            key = ring.wrapping_key(database, received_at, len(chunk[1]))
            sealer = Sealer(key.id, key.key, ring.digest_key)
            if not is_large and not pay(done):
                yield _stored(database, partial(here.sealed, sealer, chunk), pace)
            else:
                if pool is None:
                    turns = Turns(context())
                    pool = Workers(
                        _started,
                        settings,
                        moment,
                        disposed,
                        ring.digest_key,
                        database.url,
                        turns,
                        waiting=1 if database.dialect == "postgresql" else 0,
                    )
                    database.gate = partial(turns.between, pool.is_broken)
                pending.append(pool.submit(_stored_there, sealer, chunk, place))
                place += 1
                if len(pending) > AHEAD:
                    yield pending.popleft().result()
            done += len(chunk[1])
        while pending:
            yield pending.popleft().result()
    except BrokenExecutor:
        raise worker_lost() from None
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
            database.gate = nullcontext


def counted(database: Database, provider: str, outcome: Captured, at: datetime) -> None:
    """Add an import's outcome to what `wa doctor` shows."""
    from wa_analytics.tables import ImportCount

    numbers = {
        "stored": outcome.stored,
        "repeated": outcome.repeated,
        "refused": len(outcome.refused),
        "unreadable": len(outcome.unreadable),
        "already_disposed": outcome.already_disposed,
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
