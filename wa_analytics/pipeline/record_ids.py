"""Our ids of what one record tells, and whether it was disposed of. Light, for worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from wa_analytics.capture import Capture
from wa_analytics.consent.words import opt_out_test
from wa_analytics.normalise.identity import Digest, Identities
from wa_analytics.normalise.project import Projection
from wa_analytics.providers.carving import carved
from wa_analytics.providers.facts import Fact, facts_of
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    MediaRecord,
    SupplementaryRecord,
)
from wa_analytics.settings import Settings

Rows = dict[str, list[tuple[Any, ...]]]


class RecordIds:
    """Digests under one digest key. Make one per worker: it remembers identifiers."""

    def __init__(self, digest: Digest, settings: Settings) -> None:
        self._digest = digest
        self._identities = Identities(digest)
        self._projection = Projection(
            digest,
            settings.entities,
            opt_out_test(settings.consent.opt_out_words),
            has_default_entity=settings.has_default_entity,
        )

    def rows_of(self, fact: Fact) -> Rows:
        """The fact rows that the projection makes of one record."""
        self._projection.add(0, "", "", [fact])
        return self._projection.taken()

    def id_of(self, fact: Fact) -> str | None:
        """event_id of a consent event, else the message_id of what the fact is about: the original's for a
        version, the announcing message's for a media file, its own for an event about no message that
        names a person, and for a line or file of an exported chat; None where it is about none."""
        if isinstance(fact, SupplementaryRecord):
            return str(self.rows_of(fact)["supplementary_message"][0][1])
        if not isinstance(fact, ConsentRecord):
            if fact.outside_id:
                return self._digest("message", fact.outside_id)
            if isinstance(fact, ChannelEventRecord) and fact.people:
                return str(self.rows_of(fact)["channel_event"][0][1])
            return None
        if fact.outside_id:
            return self._digest("consent_event", fact.outside_id)
        return str(self.rows_of(fact)["consent_fact"][0][1])

    def media_id_of(self, fact: MediaRecord) -> str:
        """`media_digest` of a file."""
        return self._digest("media", fact.media_id)

    def digests_of(self, person: Identifier) -> tuple[str, ...]:
        """Digests under which the identifier is known: as written, and in its canonical form."""
        known = self._identities.known(person)
        canonical = known.canonical
        return (known.digest, self._digest("phone", canonical.value)) if canonical else (known.digest,)


class Recalled(NamedTuple):
    """captures: what may be stored; already_disposed: captures of which something or all was
    disposed of earlier; refused: those that cannot be carved."""

    captures: list[Capture]
    already_disposed: int
    refused: int


@dataclass(frozen=True)
class DisposedIds:
    """Ids that stay disposed of, wherever they come up again."""

    messages: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.messages or self.events)

    def taken_from(self, rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
        """Fact rows per table without those that speak of what is disposed of; the id stands second."""
        if not self:
            return rows
        gone = self._by_table
        return {
            name: [row for row in found if row[1] not in gone[name]] if name in gone else found
            for name, found in rows.items()
        }

    @property
    def _by_table(self) -> dict[str, frozenset[str]]:
        return {
            "message_fact": self.messages,
            "status_fact": self.messages,
            "message_version": self.messages,
            "media_fact": self.messages,
            "channel_event": self.messages,
            "platform_message": self.messages,
            "supplementary_message": self.messages,
            "consent_fact": self.events,
        }

    def late(self, rows: dict[str, list[tuple[Any, ...]]]) -> set[int]:
        """Sequences of the captures that speak of what is disposed of."""
        if not self:
            return set()
        return {
            row[0] for name, gone in self._by_table.items() for row in rows.get(name, ()) if row[1] in gone
        }

    def has(self, ids: RecordIds, fact: Fact) -> bool:
        """Whether what the fact is about was disposed of."""
        return ids.id_of(fact) in (self.events if isinstance(fact, ConsentRecord) else self.messages)

    def recalled(self, captures: Sequence[Capture], ids: RecordIds, settings: Settings) -> Recalled:
        """The captures without what was disposed of, so that an old file brings nothing back."""
        kept: list[Capture] = []
        already, refused = 0, 0
        for capture in captures:
            if not any(self.has(ids, fact) for fact in facts_of(capture, settings)):
                kept.append(capture)
                continue
            carving = carved(capture, settings, "", lambda fact: self.has(ids, fact), lambda _: False)
            if carving.outcome == "refused":
                refused += 1
                continue
            already += 1
            if carving.rest is not None:
                kept.append(carving.rest)
        return Recalled(kept, already, refused)
