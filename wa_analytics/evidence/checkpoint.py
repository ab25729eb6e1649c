"""Sealing: a signed head over all entries so far, kept in the database and in every place; the keys
of what was sealed are copied in the same step (`key_copies`), and every place is told of disposals
(`disposal_notes`).

A head is signed only if the tree still grows out of every earlier head, those in the places
included. So a database that was put back to an older copy, or whose past was rewritten, gets no
new signature by which to look whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from wa_analytics.errors import EvidenceBroken, PlaceUnavailable
from wa_analytics.evidence import disposal_notes
from wa_analytics.evidence.key_copies import copied, copies_of
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.merkle import root
from wa_analytics.evidence.note import Head, NoteInvalid, VerifierKey, opened, signed
from wa_analytics.evidence.places import Place, places_of
from wa_analytics.evidence.tiles import TileReader, grown, rebuilt
from wa_analytics.evidence.timestamp import stamp
from wa_analytics.tables.column import instant_text

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing
    from wa_analytics.settings import Settings


@dataclass(frozen=True)
class Checkpoint:
    """A signed head. size: entries sealed; root: RFC 6962 root; note: the C2SP signed note;
    timestamp_refusal: one sentence where an authority is set and gave no timestamp."""

    origin: str
    size: int
    root: bytes
    note: str
    timestamp_refusal: str = ""


def verifier_key(home: Path, settings: Settings, seed: bytes) -> VerifierKey:
    """The public key under the log's name: `evidence.origin`, or one made from the key itself."""
    public = VerifierKey.of_seed("unnamed", seed).public_key
    name = settings.evidence.origin or f"wa-evidence/{hashlib.sha256(public).hexdigest()[:16]}"
    return VerifierKey(name, public)


def seal(
    database: Database, ring: KeyRing, now: datetime, places: Sequence[Place] | None = None
) -> Checkpoint:
    """Sign the head of the log as it stands; the same head again if nothing came since.

    places: default the workspace's `checkpoints/` and the settings' `evidence.places`.
    Raises EvidenceBroken, unsigned, if the log does not grow out of an earlier head, and
    PlaceUnavailable after the database and all other places have it.
    """
    if places is None:
        places = places_of(ring.home, ring.settings)
    seed = ring.signing_key()
    key = verifier_key(ring.home, ring.settings, seed)
    # Heads first: entries may come meanwhile, never go.
    heads = _earlier_heads(database, places, key)
    size = grown(database)
    if not _grows(database, heads, size):
        size = rebuilt(database)
        if not _grows(database, heads, size):
            raise EvidenceBroken(
                "The log does not grow out of its earlier checkpoints: it was cut, rewritten or put "
                "back to an older copy; run `wa verify`. Nothing was signed."
            )
    with database.reading() as connection:
        head = Head(key.name, size, root(size, TileReader(connection)))
    note = _recorded(database, head, signed(head.text, key.name, seed), key, now)
    failure = _distributed(database, places, key) or disposal_notes.distributed(database, places, key, seed)
    try:
        copied(database, copies_of(ring.home, ring.settings), size)
    except PlaceUnavailable as error:
        failure = error
    refusal = ""
    try:
        refusal = stamp(places, size, note, ring.home, ring.settings)
    except PlaceUnavailable as error:
        failure = error
    if failure is not None:
        raise failure
    return Checkpoint(head.origin, size, head.root, note, refusal)


def seal_if_due(database: Database, ring: KeyRing, now: datetime) -> Checkpoint | None:
    """Seal if entries have waited for `evidence.seal_seconds` since the newest checkpoint (or if
    there is none); None if nothing was due. Receiver and imports call this between batches."""
    with database.reading() as connection:
        newest = connection.execute(
            text("SELECT tree_size, created_at FROM checkpoint ORDER BY tree_size DESC LIMIT 1")
        ).fetchone()
        size = connection.execute(text("SELECT coalesce(max(sequence) + 1, 0) FROM entry")).scalar()
    if newest is None:
        return seal(database, ring, now) if size else None
    waited = microseconds_of(now) - microseconds_of(newest[1])
    # A clock that was set back must not keep entries unsealed until it catches up.
    if size == newest[0] or 0 <= waited < ring.settings.evidence.seal_seconds * 1_000_000:
        return None
    return seal(database, ring, now)


def seal_pending(database: Database, ring: KeyRing, now: datetime) -> Checkpoint | None:
    """Seal what is not sealed yet, None if all is: for programs that end now, since nobody would
    seal after them."""
    newest = latest(database)
    with database.reading() as connection:
        size = connection.execute(text("SELECT coalesce(max(sequence) + 1, 0) FROM entry")).scalar()
    if size == (newest.size if newest else 0):
        return None
    return seal(database, ring, now)


def latest(database: Database) -> Checkpoint | None:
    """The newest checkpoint in the database, unverified."""
    with database.reading() as connection:
        row = connection.execute(
            text("SELECT note, tree_size, root FROM checkpoint ORDER BY tree_size DESC LIMIT 1")
        ).fetchone()
    if row is None:
        return None
    return Checkpoint(row[0].split("\n", 1)[0], int(row[1]), bytes(row[2]), row[0])


def _earlier_heads(database: Database, places: Sequence[Place], key: VerifierKey) -> list[Head]:
    """The newest head of the database and of every place, signatures checked."""
    keys = {key}
    with database.reading() as connection:
        for row in connection.execute(text("SELECT verifier_key FROM verifier_key")):
            keys.add(_key_of(row[0], "the database"))
    own = latest(database)
    notes = [] if own is None else [("the database", own.note)]
    for place in places:
        # One that is away must not keep the others from being served; `_distributed` tells of it.
        with suppress(PlaceUnavailable):
            if (newest := place.newest()) is not None:
                notes.append((place.name, newest[1]))
    heads = []
    own_keys = {known for known in keys if known.public_key == key.public_key}
    for where, note in notes:
        try:
            heads.append(opened(note, own_keys))
        except NoteInvalid as error:
            raise EvidenceBroken(
                f"The newest checkpoint in {where} is not ours ({error}); run `wa verify`. "
                "Nothing was signed."
            ) from None
    return heads


def _key_of(text_form: str, where: str) -> VerifierKey:
    try:
        return VerifierKey.of_text(text_form)
    except NoteInvalid:
        raise EvidenceBroken(f"A verifier key in {where} was altered; run `wa verify`.") from None


def _grows(database: Database, heads: list[Head], size: int) -> bool:
    with database.reading() as connection:
        reader = TileReader(connection)
        try:
            return reader.size() >= size and all(
                head.size <= size and root(head.size, reader) == head.root for head in heads
            )
        except EvidenceBroken:
            return False


def _recorded(database: Database, head: Head, note: str, key: VerifierKey, now: datetime) -> str:
    """Store the note unless one stands for that size; returns the one that stands."""
    moment = instant_text(microseconds_of(now))
    with database.writing() as writer:
        if writer.dialect == "postgresql":
            writer.execute("LOCK TABLE checkpoint IN EXCLUSIVE MODE")
        standing = writer.rows("SELECT note FROM checkpoint WHERE tree_size = :size", {"size": head.size})
        if standing:
            return str(standing[0][0])
        writer.execute(
            "INSERT INTO checkpoint (tree_size, root, note, created_at) VALUES (:size, :root, :note, :at)",
            {"size": head.size, "root": head.root, "note": note, "at": moment},
        )
        writer.execute(
            "INSERT INTO verifier_key (verifier_key, created_at) VALUES (:key, :at)"
            " ON CONFLICT (verifier_key) DO NOTHING",
            {"key": key.text, "at": moment},
        )
    return note


def _distributed(database: Database, places: Sequence[Place], key: VerifierKey) -> PlaceUnavailable | None:
    """Give every place the notes that it has not got yet, so that one that was away catches up;
    returns what went wrong."""
    failure: PlaceUnavailable | None = None
    for place in places:
        try:
            newest = place.newest()
            place.put_key(key.key_id.hex(), key.text)
            with database.reading() as connection:
                rows = connection.execute(
                    text("SELECT tree_size, note FROM checkpoint WHERE tree_size > :size ORDER BY 1"),
                    {"size": -1 if newest is None else newest[0]},
                ).fetchall()
            for size, note in rows:
                place.put(int(size), note)
        except PlaceUnavailable as error:
            failure = error
    return failure
