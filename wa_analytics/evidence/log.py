"""The log itself: entries in, entries out.

`sequence` is given inside the append transaction, under the one lock of the log, so the order of
commits is the order of sequences and there is never a gap. Encrypt (`Sealer`) before you append:
the lock is held for the insert alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.database.pace import Pace
from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.sealing import EntryRow, Opener, Sealed, Sealer, cleared, opened
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.tables.evidence import Entry, EntryKey

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.database.bulk import Writer
    from wa_analytics.evidence.keys import KeyRing

__all__ = [
    "Appended",
    "Asked",
    "EntryRow",
    "Opener",
    "Sealed",
    "Sealer",
    "append",
    "append_within",
    "asked",
    "cleared",
    "entries",
    "import_pace",
    "journal",
    "known",
    "opened",
    "size",
]

# One SQLite transaction of this many rows or bytes stays under 100 ms with a million entries in the
# log (measured: 60 ms, when the recognition index still had random places).
CHUNK_ROWS = 1_000
CHUNK_BYTES = 4_000_000
READ_BYTES = 64 << 20
_CIPHERTEXT = EntryRow._fields.index("ciphertext")
_DIGEST = Sealed._fields.index("recognition_digest")
_KEY = Sealed._fields.index("wrapping_key_id")
POSTGRESQL_LOCK = 0x77612D6C6F67  # "wa-log"

_ENTRY_COLUMNS = ("sequence", *Sealed._fields[:_KEY])
_KEY_COLUMNS = ("sequence", *Sealed._fields[_KEY:])


@dataclass(frozen=True)
class Appended:
    """runs: what was stored, as (sequence of the first, rows) per transaction; repeated: captures that
    the log knew already."""

    runs: tuple[tuple[int, list[Sealed]], ...] = ()
    repeated: int = 0

    @property
    def first_sequence(self) -> int | None:
        """Place of the first stored entry, None if none was."""
        return self.runs[0][0] if self.runs else None

    @property
    def stored(self) -> int:
        """New entries."""
        return sum(len(rows) for _, rows in self.runs)

    def __add__(self, other: Appended) -> Appended:
        return Appended(self.runs + other.runs, self.repeated + other.repeated)


class Asked(NamedTuple):
    """What an importer asked before it has the log for itself: the digests that the log knew when it had
    `size` entries."""

    size: int
    known: set[bytes]


def import_pace() -> Pace:
    """For `append`: an import's transactions, on any machine. On PostgreSQL they stay as long as they are:
    only other appends wait for them, and each commit waits for the disk."""
    return Pace(2 * CHUNK_ROWS, 2 * CHUNK_ROWS)


def asked(database: Database, sealed: Iterable[Sealed]) -> Asked:
    """Ask for captures that are to be appended soon, while others still append."""
    there = size(database)
    return Asked(there, known(database, [row[_DIGEST] for row in sealed if row[_DIGEST]]))  # type: ignore[misc]


def append(
    database: Database, sealed: Iterable[Sealed], pace: Pace | None = None, asked: Asked | None = None
) -> Appended:
    """Store sealed entries in order, each recognition digest once; on disk when it returns.

    Commits per chunk: a kill leaves a prefix stored, and the same call again stores the rest.
    """
    total = Appended()
    for chunk in _chunks(sealed, pace):
        with database.writing() as writer:
            begun = perf_counter()
            appended = append_within(writer, chunk, asked)
        if pace is not None and database.dialect == "sqlite":
            pace.learn(len(chunk), perf_counter() - begun)
        total += appended
    return total


def append_within(writer: Writer, chunk: list[Sealed], asked: Asked | None = None) -> Appended:
    """The same inside the caller's transaction, for a disposal that goes with its entry. Keep it
    to a chunk: on SQLite nobody else writes meanwhile."""
    if not chunk:
        return Appended()
    if writer.dialect == "postgresql":
        writer.execute("SELECT pg_advisory_xact_lock(:key)", {"key": POSTGRESQL_LOCK})
    _refuse_destroyed(writer, {row.wrapping_key_id for row in chunk} - {None})
    if asked is None:
        known = _known(writer, [row.recognition_digest for row in chunk if row.recognition_digest])
    else:
        since = "SELECT recognition_digest FROM entry_key WHERE sequence >= :size"
        known = asked.known.union(bytes(row[0]) for row in writer.rows(since, {"size": asked.size}))
    fresh: list[Sealed] = []
    for row in chunk:
        recognition = row.recognition_digest
        if recognition is not None:
            if recognition in known:
                continue
            known.add(recognition)
        fresh.append(row)
    if not fresh:
        return Appended(repeated=len(chunk))
    return Appended(((_inserted(writer, fresh), fresh),), len(chunk) - len(fresh))


def _inserted(writer: Writer, fresh: list[Sealed]) -> int:
    """Insert the rows behind the last one; returns the place of the first."""
    first = int(writer.rows("SELECT coalesce(max(sequence) + 1, 0) FROM entry")[0][0])
    cells = zip(*fresh, strict=True)
    there = (range(first, first + len(fresh)), *islice(cells, _KEY))
    writer.append_columns(Entry, dict(zip(_ENTRY_COLUMNS, there, strict=True)))
    keyed = [(place, *row[_KEY:]) for place, row in enumerate(fresh, first) if row[_KEY] is not None]
    if keyed:
        writer.append_columns(EntryKey, dict(zip(_KEY_COLUMNS, zip(*keyed, strict=True), strict=True)))
    return first


def entries(
    database: Database, start: int = 0, limit: int = 5_000, *, kind: str | None = None
) -> list[EntryRow]:
    """Up to `limit` entries from sequence `start` on, in order, that still have their key; fewer where
    they are large (fetched media), so that a reader's memory is bounded. None means the end.

    kind: only these (`capture`, `journal` …).
    """
    condition = " AND e.kind = ?" if kind is not None else ""
    if kind not in (None, "capture"):
        condition += " AND e.kind <> 'capture'"  # says that the index of our own entries will do
    rows = stored_rows(
        database,
        "SELECT e.sequence, e.capture_id, e.kind, e.provider, e.received_at, e.signature_code,"
        " e.ciphertext, k.wrapping_key_id, k.wrapped_key"
        " FROM entry e JOIN entry_key k ON k.sequence = e.sequence"
        f" WHERE e.sequence >= ?{condition} ORDER BY e.sequence LIMIT ?",
        (start, limit) if kind is None else (start, kind, limit),
        bounded=(_CIPHERTEXT, READ_BYTES),
    )
    return [
        EntryRow(
            sequence, capture_id, own_kind, provider, microseconds_of(at), code, ciphertext, key, wrapped
        )
        for sequence, capture_id, own_kind, provider, at, code, ciphertext, key, wrapped in rows
    ]


def known(database: Database, digests: list[bytes]) -> set[bytes]:
    """Those of the recognition digests that the log holds, so that they need not be encrypted."""
    found: set[bytes] = set()
    for at in range(0, len(digests), CHUNK_ROWS):
        chunk = digests[at : at + CHUNK_ROWS]
        if database.dialect == "postgresql":
            condition, params = "= ANY(?::bytea[])", [_bytea_array(chunk)]
        else:
            condition, params = f"IN ({', '.join('?' * len(chunk))})", chunk  # type: ignore[assignment]
        found.update(
            row[0]
            for row in stored_rows(
                database,
                f"SELECT recognition_digest FROM entry_key WHERE recognition_digest {condition}",
                params,
            )
        )
    return found


def size(database: Database) -> int:
    """Entries in the log."""
    return int(database.scalar("SELECT coalesce(max(sequence) + 1, 0) FROM entry"))


def journal(
    database: Database,
    ring: KeyRing,
    *,
    actor: str,
    action: str,
    reason: str,
    outcome: str,
    at: datetime,
    detail: Mapping[str, Any],
) -> int:
    """Append who did what, why and with what outcome; returns the entry's sequence.

    The words are encrypted like a capture, since a reason may name a person. detail: what can be
    written as JSON.
    """
    moment = microseconds_of(at)
    body = msgspec.json.encode(
        {
            "actor": actor,
            "action": action,
            "reason": reason,
            "outcome": outcome,
            "at": at.isoformat(),
            "detail": dict(detail),
        }
    )
    handle = ring.wrapping_key(database, at, 1)
    row = Sealer(handle.id, handle.key, ring.digest_key).sealed(
        [Capture(body, {"content-type": "application/json"}, "", moment)], "journal"
    )
    first = append(database, row).first_sequence
    assert first is not None
    return first


def _chunks(sealed: Iterable[Sealed], pace: Pace | None = None) -> Iterator[list[Sealed]]:
    chunk: list[Sealed] = []
    volume = 0
    for row in sealed:
        rows = CHUNK_ROWS if pace is None else pace.rows
        if chunk and (len(chunk) >= rows or volume + len(row.ciphertext) > CHUNK_BYTES):
            yield chunk
            chunk, volume = [], 0
        chunk.append(row)
        volume += len(row.ciphertext)
    if chunk:
        yield chunk


def _known(writer: Writer, digests: list[bytes]) -> set[bytes]:
    """Those of the digests that the log holds."""
    cursor = writer.connection.connection.cursor()
    try:
        if writer.dialect == "postgresql":
            cursor.execute(
                "SELECT recognition_digest FROM entry_key WHERE recognition_digest = ANY(%s::bytea[])",
                (_bytea_array(digests),),
            )
        else:
            marks = ", ".join("?" * len(digests))
            cursor.execute(
                f"SELECT recognition_digest FROM entry_key WHERE recognition_digest IN ({marks})",
                digests,
            )
        return {row[0] for row in cursor.fetchall()}
    finally:
        cursor.close()


def _bytea_array(values: list[bytes]) -> str:
    """The array as PostgreSQL writes it; psycopg looks at every value of a list, twice."""
    return '{"\\\\x' + '","\\\\x'.join(map(bytes.hex, values)) + '"}' if values else "{}"


def _refuse_destroyed(writer: Writer, numbers: set[int | None]) -> None:
    """A key wrapped by a wrapping key that is gone would be lost on arrival."""
    for number in numbers:
        if not writer.rows(
            "SELECT 1 FROM wrapping_key WHERE wrapping_key_id = :id AND wrapped IS NOT NULL",
            {"id": number},
        ):
            raise KeyRefused(f"Wrapping key {number} was destroyed meanwhile; nothing was stored: try again.")
