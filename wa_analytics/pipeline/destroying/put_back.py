"""Whether the database was put back to an older copy, from before disposals.

Three signs of it, each cheap to see, since every opening looks for them: a place knows a disposal that
the log lacks; the newest disposal of the log names an entry that has its key; keys stand under a
wrapping key that was destroyed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wa_analytics.evidence.checkpoint import verifier_key
from wa_analytics.evidence.disposal import is_newest_undone
from wa_analytics.evidence.disposal_notes import DisposalFact, holds, newest_fact
from wa_analytics.evidence.places import places_of
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

MARK = "replayed"


def is_put_back(database: Database, ring: KeyRing, settings: Settings) -> bool:
    """Whether disposals are to be done again; a few rows and the newest note of every place."""
    return unknown(database, ring, settings) is not None or is_newest_undone(database)


def keys_of(ring: KeyRing, settings: Settings) -> list[Any]:
    """The keys by which notes of disposals are proven ours."""
    return [verifier_key(ring.home, settings, ring.signing_key())]


def unknown(database: Database, ring: KeyRing, settings: Settings) -> DisposalFact | None:
    """The newest disposal that a place knows, if the log lacks it and it was not done again yet."""
    newest = newest_fact(places_of(ring.home, settings), keys_of(ring, settings))
    if newest is None or holds(database, newest):
        return None
    done = database.scalar("SELECT rules_digest FROM watermark WHERE name = :name", name=MARK)
    return None if done == newest.capture_id else newest


def marked(database: Database, fact: DisposalFact) -> None:
    with database.writing() as writer:
        writer.execute("DELETE FROM watermark WHERE name = :name", {"name": MARK})
        writer.execute(
            "INSERT INTO watermark (name, sequence, rules_digest) VALUES (:name, :sequence, :id)",
            {"name": MARK, "sequence": fact.sequence, "id": fact.capture_id},
        )
