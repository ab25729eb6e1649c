"""What was disposed of, kept where a restored database cannot forget it.

When the log is sealed, every place gets the disposal entries that it has not got yet, word for word,
as signed notes. They name no person: ids in them are keyed digests. A database put back to an older
copy lacks entries that the places know; `pipeline.destroying.replay` then disposes of the same records again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from wa_analytics.errors import PlaceUnavailable
from wa_analytics.evidence.disposal import KIND, has_statements, statements
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.note import NoteInvalid, VerifierKey, signed, verified_text
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.places import Place

FORMAT = "wa-disposals/1"
NOTE_BYTES = 500_000


class DisposalFact(msgspec.Struct, frozen=True):
    """One disposal entry of the log. received_at: microseconds since 1970 UTC; capture_id: the
    entry's random id (hex), by which it is known whatever became of its place in the log;
    statement: what the entry says."""

    sequence: int
    capture_id: str
    received_at: int
    statement: dict[str, Any]


def told(note: str, keys: Iterable[VerifierKey]) -> list[DisposalFact]:
    """The facts of a note that one of `keys` signed. Raises NoteInvalid."""
    first, *lines = verified_text(note, keys).split("\n")[:-1]
    if first != FORMAT or not lines:
        raise NoteInvalid("that is no note of disposals")
    try:
        return [msgspec.json.decode(line, type=DisposalFact) for line in lines[1:]]
    except msgspec.DecodeError:
        raise NoteInvalid("a disposal in the note cannot be read") from None


def distributed(
    database: Database, places: Sequence[Place], key: VerifierKey, seed: bytes
) -> PlaceUnavailable | None:
    """Give every place the disposals that it has not got yet; returns what went wrong."""
    failure: PlaceUnavailable | None = None
    for place in places:
        try:
            newest = place.newest_disposals()
            start = -1 if newest is None else newest[0]
            if has_statements(database, start + 1):
                for last, text in _texts(database, start + 1, key.name):
                    place.put_disposals(last, signed(text, key.name, seed))
        except PlaceUnavailable as error:
            failure = error
    return failure


def _texts(database: Database, start: int, origin: str) -> Iterator[tuple[int, str]]:
    """(sequence of the last entry in it, text) of each note, none larger than a place takes."""
    head = f"{FORMAT}\n{origin}\n"
    text, last = head, start
    for fact in _facts(database, start):
        line = msgspec.json.encode(fact).decode() + "\n"
        if text != head and len(text) + len(line) > NOTE_BYTES:
            yield last, text
            text = head
        text, last = text + line, fact.sequence
    if text != head:
        yield last, text


def _facts(database: Database, start: int) -> Iterator[DisposalFact]:
    for sequence, at, said in statements(database, start):
        capture_id = bytes(_ids(database, sequence, sequence)[sequence]).hex()
        yield DisposalFact(sequence, capture_id, microseconds_of(at), said)


def _ids(database: Database, first: int, last: int) -> dict[int, bytes]:
    return dict(
        stored_rows(
            database,
            f"SELECT sequence, capture_id FROM entry WHERE kind = '{KIND}' AND kind <> 'capture'"
            " AND sequence BETWEEN ? AND ?",
            (first, last),
        )
    )


def newest_fact(places: Sequence[Place], keys: Sequence[VerifierKey]) -> DisposalFact | None:
    """The newest disposal that any place within reach knows. Notes of other keys are for `verify`."""
    found: DisposalFact | None = None
    for place in places:
        with suppress(PlaceUnavailable, NoteInvalid):
            if (newest := place.newest_disposals()) is not None:
                fact = told(newest[1], keys)[-1]
                if found is None or fact.sequence > found.sequence:
                    found = fact
    return found


def lacks_newest(database: Database, places: Sequence[Place]) -> bool:
    """Whether a place has a name for a disposal where the log has none; needs no key."""
    for place in places:
        with suppress(PlaceUnavailable):
            newest = place.newest_disposals()
            if newest is not None and newest[0] not in _ids(database, newest[0], newest[0]):
                return True
    return False


def holds(database: Database, fact: DisposalFact) -> bool:
    """Whether the log holds that very entry."""
    standing = _ids(database, fact.sequence, fact.sequence).get(fact.sequence)
    return standing is not None and bytes(standing).hex() == fact.capture_id


def lacking(database: Database, places: Sequence[Place], keys: Sequence[VerifierKey]) -> list[DisposalFact]:
    """Every disposal that a place knows and the log lacks, in order, each once."""
    known: dict[str, DisposalFact] = {}
    for place in places:
        with suppress(PlaceUnavailable):
            for _, note in place.disposals():
                with suppress(NoteInvalid):
                    known |= {fact.capture_id: fact for fact in told(note, keys)}
    facts = sorted(known.values(), key=lambda fact: fact.sequence)
    return [fact for fact in facts if not holds(database, fact)]
