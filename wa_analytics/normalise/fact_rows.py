"""What every fact row needs: columns, keyed digests, companies, identifiers and the links between them.

Pure and quick: it runs in the decrypting worker, so it imports no frames and writes plain tuples in
the column order that `COLUMNS` names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wa_analytics.normalise.identity import Digest, Identities, Known
from wa_analytics.records import Identifier
from wa_analytics.settings import Entity
from wa_analytics.tables.column import instant_text

COLUMNS: dict[str, tuple[str, ...]] = {
    "message_fact": (
        "sequence", "message_id", "source_code", "content_digest", "sent_at", "channel_id", "entity",
        "identifier_digest", "country_code", "direction_code", "kind_code", "type_code",
        "purpose_code", "template_name", "custodian_id", "has_body",
    ),
    "status_fact": (
        "sequence", "message_id", "status_code", "occurred_at", "channel_id", "entity",
        "identifier_digest", "is_group", "country_code", "purpose_code", "error_code",
    ),
    "consent_fact": (
        "sequence", "event_id", "content_digest", "source_code", "identifier_digest", "country_code",
        "entity", "is_any_entity", "channel_id", "purpose_code", "action_code", "occurred_at",
        "recorded_at", "expires_at", "has_method", "has_wording", "has_wording_version",
        "has_business_name", "wording_version", "language", "jurisdiction", "lawful_basis_code",
    ),
    "template_fact": (
        "sequence", "account_id", "entity", "template_name", "language", "purpose_code", "status_code",
        "wording", "observed_at",
    ),
    "custodian": (
        "sequence", "custodian_id", "business_unit", "jurisdiction", "is_regulated", "phone_digest",
        "email_digest", "name_digest", "supervisor_id", "active_from", "active_to",
    ),
    "message_version": (
        "sequence", "message_id", "version_digest", "action_code", "occurred_at", "channel_id", "entity",
        "identifier_digest", "direction_code", "type_code",
    ),
    "media_fact": (
        "sequence", "message_id", "media_digest", "source_code", "occurred_at", "channel_id", "entity",
        "type_code", "mime_code", "content_digest", "size_bytes", "is_intact",
    ),
    "channel_event": (
        "sequence", "message_id", "event_code", "occurred_at", "account_id", "channel_id", "entity",
        "detail_code", "subject_name", "identifier_digest",
    ),
    "platform_volume": (
        "sequence", "account_id", "channel_id", "entity", "granularity_code", "counted_from",
        "counted_to", "observed_at", "sent_count", "delivered_count",
    ),
    "platform_message": (
        "sequence", "message_id", "account_id", "channel_id", "entity", "status_code", "occurred_at",
        "observed_at",
    ),
    "supplementary_message": (
        "sequence", "content_digest", "occurred_at", "identifier_digest", "sender_digest", "type_code",
        "has_body", "is_edited", "chat_digest", "file_digest",
    ),
    "capture_note": ("sequence", "recognition_digest", "provider", "note_code", "name"),
    "captured_file": ("sequence", "provider", "record_count"),
    "identifier": ("identifier_digest", "kind_code", "country_code", "is_valid", "party_id"),
    "identifier_link": ("left_digest", "right_digest", "rule_code"),
    "identity_event": (
        "left_digest", "right_digest", "rule_code", "entity", "occurred_at", "sequence",
    ),
}  # fmt: skip

# Whichever record of the platform names two identifiers of one person: it saw them together.
SEEN_TOGETHER = {"message": "contact", "status": "contact"}


def spoken_name(name: str) -> str:
    """A business name as people compare it: case-folded, spaces collapsed."""
    return " ".join(name.casefold().split())


class FactRows:
    """The rows of many captures, as they are collected."""

    def __init__(self, digest: Digest, entities: Iterable[Entity], *, has_default_entity: bool) -> None:
        self._digest = digest
        self._identities = Identities(digest)
        self._default = next(iter(entities)).key if has_default_entity else None
        self._by_channel = {c: e.key for e in entities for c in e.channels}
        self._by_account = {w: e.key for e in entities for w in e.waba_ids}
        self._by_name = {
            spoken_name(name): e.key for e in entities for name in (e.key, e.name, *e.business_names) if name
        }
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        self._seen: set[Any] = set()
        self._met: dict[Identifier, Known] = {}
        self._sequence = 0
        self._paired: dict[tuple[str, str, str, str | None, bool], int] = {}
        self._first_told: dict[tuple[str, str, str, str], tuple[int | None, int]] = {}

    def taken(self, *, is_stream: bool = False) -> dict[str, list[tuple[Any, ...]]]:
        """The rows so far; starts afresh. In a stream an identifier or link taken once does not come
        again."""
        rows, self.rows = self.rows, {name: [] for name in COLUMNS}
        rows["identity_event"] = [
            (*key, None if at is None else instant_text(at), sequence)
            for key, (at, sequence) in self._first_told.items()
        ]
        if not is_stream:
            self._seen.clear()
            self._met.clear()
        self._first_told.clear()
        self._paired.clear()
        return {name: found for name, found in rows.items() if found}

    def note(self, sequence: int, recognition: str, provider: str, code: str, name: str) -> None:
        self.rows["capture_note"].append((sequence, recognition, provider, code, name))

    def file(self, sequence: int, provider: str, record_count: int) -> None:
        self.rows["captured_file"].append((sequence, provider, record_count))

    def entity_of(self, channel_id: str | None, account_id: str | None) -> str | None:
        """The company that a channel, else an account, belongs to by the settings; None where none does."""
        if self._default is not None:
            return self._default
        found = self._by_channel.get(channel_id) if channel_id else None
        return found or (self._by_account.get(account_id) if account_id else None)

    def _person(self, people: tuple[Identifier, ...], rule: str, at: int, entity: str | None) -> Known | None:
        """The first identifier, with its country or that of a further one; links them all."""
        if not people:
            return None
        first = self._identified(people[0])
        if len(people) > 1:
            if len(people) == 2:
                self._pair(first, self._identified(people[1]), rule, at, entity)
            else:
                self._linked(people, rule, at, entity)
            if first.country_code is None:
                country = next(
                    (k.country_code for p in people[1:] if (k := self._identities.known(p)).country_code),
                    None,
                )
                first = first._replace(country_code=country)
        return first

    def _identified(self, identifier: Identifier) -> Known:
        known = self._met.get(identifier)
        if known is None:
            known = self._met[identifier] = self._first_met(identifier)
        return known

    def _first_met(self, identifier: Identifier) -> Known:
        known = self._identities.known(identifier)
        if known.digest not in self._seen:
            self._seen.add(known.digest)
            self.rows["identifier"].append(
                (known.digest, identifier.kind, known.country_code, known.is_valid, known.digest)
            )
            if known.canonical and known.canonical_rule:
                canonical = self._identified(known.canonical)
                self._link(known.digest, canonical.digest, known.canonical_rule)
                key = (canonical.digest, known.digest, known.canonical_rule, "")
                self._first_told[key] = (None, self._sequence)
        return known

    def _linked(self, people: tuple[Identifier, ...], rule: str, at: int | None, entity: str | None) -> None:
        known = [self._identified(person) for person in people]
        for place, one in enumerate(known):
            for other in known[place + 1 :]:
                self._pair(one, other, rule, at, entity, is_linked=place == 0)

    def _pair(
        self, one: Known, other: Known, rule: str, at: int | None, entity: str | None, is_linked: bool = True
    ) -> None:
        """Two identifiers of one person. The same again, told no earlier, is most of what comes."""
        key = (one.digest, other.digest, rule, entity, is_linked)
        known = self._paired.get(key)
        if known is not None and (at is None or known <= at):
            return
        if is_linked:
            self._link(one.digest, other.digest, rule)
        if at is not None:
            self._paired[key] = at
            self._told(one, other, SEEN_TOGETHER.get(rule, rule), at, entity)

    def _link(self, one: str, other: str, rule: str) -> None:
        if one == other:
            return
        row = (one, other, rule) if one < other else (other, one, rule)
        if row not in self._seen:
            self._seen.add(row)
            self.rows["identifier_link"].append(row)

    def _told(self, one: Known, other: Known, rule: str, at: int, entity: str | None) -> None:
        """Remember the earliest time at which two identifiers were told to be one person."""
        left, right = one.number or one.digest, other.number or other.digest
        if (other.number is not None, left) > (one.number is not None, right):
            left, right = right, left
        if left == right:
            return
        key = (left, right, rule, entity or "")
        known = self._first_told.get(key)
        if known is None or at < known[0]:  # type: ignore[operator]
            self._first_told[key] = (at, self._sequence)
