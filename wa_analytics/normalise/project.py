"""Records of one capture → rows of keyed digests. The last place where outside text is seen.

Pure and quick: it runs in the decrypting worker, so it imports no frames and writes plain tuples in
the column order that `COLUMNS` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from wa_analytics.normalise.identity import Digest, Identities, Known
from wa_analytics.normalise.purposes import platform_purpose
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    CustodianRecord,
    Identifier,
    LinkRecord,
    MediaRecord,
    MessageRecord,
    PlatformMessageRecord,
    Record,
    StatusRecord,
    SupplementaryRecord,
    TemplateRecord,
    UnknownRecord,
    VersionRecord,
    VolumeRecord,
)
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
        "identifier_digest", "country_code", "purpose_code", "error_code",
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
        "sequence", "event_code", "occurred_at", "account_id", "channel_id", "entity", "detail_code",
        "subject_name", "identifier_digest",
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
        "has_body", "is_edited",
    ),
    "capture_note": ("sequence", "recognition_digest", "provider", "note_code", "name"),
    "captured_file": ("sequence", "provider", "record_count"),
    "identifier": ("identifier_digest", "kind_code", "country_code", "is_valid", "party_id"),
    "identifier_link": ("left_digest", "right_digest", "rule_code"),
    "identity_event": (
        "left_digest", "right_digest", "rule_code", "entity", "occurred_at", "sequence",
    ),
}  # fmt: skip

PREFERENCE_ACTION = {"signup": "granted"}
# Whichever record of the platform names two identifiers of one person: it saw them together.
SEEN_TOGETHER = {"message": "contact", "status": "contact"}
USERNAME = "username"


def _earliest(told: tuple[int, str | None]) -> tuple[int, str]:
    return told[0], told[1] or ""


def spoken_name(name: str) -> str:
    """A business name as people compare it: case-folded, spaces collapsed."""
    return " ".join(name.casefold().split())


class Projection:
    """Collects the rows of many captures.

    digest: keyed digest of (kind, value), 32 hex characters.
    is_opt_out: whether a whole text, from a country, is an opt-out word.
    """

    def __init__(
        self,
        digest: Digest,
        entities: Iterable[Entity],
        is_opt_out: Callable[[str, str | None], bool],
        *,
        has_default_entity: bool,
    ) -> None:
        self._digest = digest
        self._is_opt_out = is_opt_out
        self._identities = Identities(digest)
        self._default = next(iter(entities)).key if has_default_entity else None
        self._by_channel = {c: e.key for e in entities for c in e.channels}
        self._by_account = {w: e.key for e in entities for w in e.waba_ids}
        self._by_name = {
            spoken_name(name): e.key for e in entities for name in (e.key, e.name, *e.business_names) if name
        }
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        self._seen: set[Any] = set()
        self._sequence = 0
        self._first_told: dict[tuple[str, str, str, str], tuple[int | None, int]] = {}

    def taken(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows so far; starts afresh."""
        rows, self.rows = self.rows, {name: [] for name in COLUMNS}
        rows["identity_event"] = [
            (*key, None if at is None else instant_text(at), sequence)
            for key, (at, sequence) in self._first_told.items()
        ]
        self._seen.clear()
        self._first_told.clear()
        return {name: found for name, found in rows.items() if found}

    def add(self, sequence: int, recognition: str, provider: str, records: Sequence[Record]) -> None:
        """Rows of one capture's records."""
        self._sequence = sequence
        told: dict[Identifier, tuple[int, str | None]] | None = None
        for record in records:
            if isinstance(record, StatusRecord):
                self._status(sequence, record)
            elif isinstance(record, MessageRecord):
                self._message(sequence, record)
            elif isinstance(record, ConsentRecord):
                self._consent(sequence, record)
            elif isinstance(record, LinkRecord):
                if told is None:
                    told = self._told_of(records)
                self._link_told(record, told)
            elif isinstance(record, UnknownRecord):
                self.note(sequence, recognition, provider, record.kind, record.name)
            elif isinstance(record, TemplateRecord):
                self._template(sequence, record)
            elif isinstance(record, CustodianRecord):
                self._custodian(sequence, record)
            elif isinstance(record, MediaRecord):
                self._media(sequence, record)
            elif isinstance(record, ChannelEventRecord):
                self._channel_event(sequence, record)
            elif isinstance(record, VersionRecord):
                self._version(sequence, record)
            elif isinstance(record, PlatformMessageRecord):
                self._platform_message(sequence, record)
            elif isinstance(record, VolumeRecord):
                self._volume(sequence, record)
            else:
                self._supplementary(sequence, record)

    def note(self, sequence: int, recognition: str, provider: str, code: str, name: str) -> None:
        self.rows["capture_note"].append((sequence, recognition, provider, code, name))

    def file(self, sequence: int, provider: str, record_count: int) -> None:
        self.rows["captured_file"].append((sequence, provider, record_count))

    def entity_of(self, channel_id: str | None, account_id: str | None) -> str | None:
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
            self._linked(people, rule, at, entity)
            if first.country_code is None:
                country = next(
                    (k.country_code for p in people[1:] if (k := self._identities.known(p)).country_code),
                    None,
                )
                first = first._replace(country_code=country)
        return first

    def _identified(self, identifier: Identifier) -> Known:
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
        for other in known[1:]:
            self._link(known[0].digest, other.digest, rule)
        if at is not None:
            for place, one in enumerate(known):
                for other in known[place + 1 :]:
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

    def _link_told(self, record: LinkRecord, told: Mapping[Identifier, tuple[int, str | None]]) -> None:
        """A link without a time of its own has that of what the same capture tells of the person. A
        username is remembered and links nobody: it may be another person's tomorrow."""
        times = [told[person] for person in record.people if person in told]
        at, entity = min(times, key=_earliest) if times else (None, None)
        if record.occurred_at is not None:
            at = record.occurred_at
        if record.rule != USERNAME:
            self._linked(record.people, record.rule, at, entity)
        elif at is not None:
            person, username = (self._identities.known(one) for one in record.people)
            self._told(person, username, USERNAME, at, entity)

    def _told_of(self, records: Sequence[Record]) -> dict[Identifier, tuple[int, str | None]]:
        """Person → earliest time, and company, at which messages, statuses and consent name them."""
        told: dict[Identifier, tuple[int, str | None]] = {}
        for record in records:
            if isinstance(record, StatusRecord | ConsentRecord | VersionRecord):
                at = record.occurred_at
            elif isinstance(record, MessageRecord):
                at = record.sent_at
            else:
                continue
            here = (at, self.entity_of(record.channel_id, record.account_id))
            for person in record.people:
                known = told.get(person)
                if known is None or _earliest(here) < _earliest(known):
                    told[person] = here
        return told

    def _message(self, sequence: int, record: MessageRecord) -> None:
        entity = self.entity_of(record.channel_id, record.account_id)
        person = self._person(record.people, "message", record.sent_at, entity)
        purpose = record.purpose.strip().lower() if record.purpose else None
        content = ""
        if record.source == "send_log":
            content = self._digest(
                "content",
                "\x1f".join(
                    str(part or "")
                    for part in (
                        record.outside_id, record.sent_at, record.channel_id, person and person.digest,
                        purpose, record.kind, record.template_name, record.text, record.custodian_id,
                    )
                ),
            )  # fmt: skip
        self.rows["message_fact"].append(
            (
                sequence, self._digest("message", record.outside_id), record.source, content,
                instant_text(record.sent_at), record.channel_id, entity,
                person.digest if person else None, person.country_code if person else None,
                record.direction, record.kind, record.type, purpose or None,
                record.template_name or None, record.custodian_id or None, record.has_body,
            )
        )  # fmt: skip
        if (
            record.source == "inbound"
            and record.text
            and person
            and self._is_opt_out(record.text, person.country_code)
        ):
            event = self._digest("content", f"opt_out\x1f{record.outside_id}")
            self._event(
                sequence, event, "", "opt_out_word", person, entity, False, record.channel_id,
                "all", "withdrawn", record.sent_at,
            )  # fmt: skip

    def _status(self, sequence: int, record: StatusRecord) -> None:
        entity = self.entity_of(record.channel_id, record.account_id)
        person = self._person(record.people, "status", record.occurred_at, entity)
        self.rows["status_fact"].append(
            (
                sequence, self._digest("message", record.outside_id), record.status,
                instant_text(record.occurred_at), record.channel_id, entity,
                person.digest if person else None, person.country_code if person else None,
                platform_purpose(record.category), record.error_code,
            )
        )  # fmt: skip

    def _consent(self, sequence: int, record: ConsentRecord) -> None:
        business = spoken_name(record.business_name or "")
        if record.source == "register":
            entity = self._default or self._by_name.get(business)
            is_any = not business and self._default is None
        else:
            entity, is_any = self.entity_of(record.channel_id, record.account_id), False
        rule = "register_row" if record.source == "register" else "contact"
        person = self._person(record.people, rule, record.occurred_at, entity)
        content = self._digest(
            "content",
            "\x1f".join(
                str(part if part is not None else "")
                for part in (
                    record.source, record.outside_id, person and person.digest, record.purpose,
                    record.action, record.occurred_at, record.recorded_at, record.method,
                    record.wording, record.wording_version, record.language, business, record.evidence,
                    record.expires_at, record.jurisdiction, record.lawful_basis, record.recorded_by,
                    record.channel_id,
                )
            ),
        )  # fmt: skip
        event = self._digest("consent_event", record.outside_id) if record.outside_id else content
        self._event(
            sequence, event, content, record.source, person, entity, is_any, record.channel_id,
            record.purpose, PREFERENCE_ACTION.get(record.action, record.action), record.occurred_at,
            record,
        )  # fmt: skip

    def _event(
        self,
        sequence: int,
        event_id: str,
        content: str,
        source: str,
        person: Known | None,
        entity: str | None,
        is_any: bool,
        channel_id: str | None,
        purpose: str,
        action: str,
        occurred_at: int,
        record: ConsentRecord | None = None,
    ) -> None:
        def at(value: int | None) -> str | None:
            return None if value is None else instant_text(value)

        self.rows["consent_fact"].append(
            (
                sequence, event_id, content, source, person.digest if person else None,
                person.country_code if person else None, entity, is_any, channel_id, purpose, action,
                instant_text(occurred_at),
                at(record.recorded_at) if record else None, at(record.expires_at) if record else None,
                bool(record and record.method), bool(record and record.wording),
                bool(record and record.wording_version), bool(record and record.business_name),
                (record.wording_version or None) if record else None,
                (record.language or None) if record else None,
                (record.jurisdiction or None) if record else None,
                (record.lawful_basis or None) if record else None,
            )
        )  # fmt: skip

    def _template(self, sequence: int, record: TemplateRecord) -> None:
        self.rows["template_fact"].append(
            (
                sequence, record.account_id, self.entity_of(None, record.account_id), record.name,
                record.language, platform_purpose(record.category), record.status, record.wording,
                instant_text(record.observed_at),
            )
        )  # fmt: skip

    def _custodian(self, sequence: int, record: CustodianRecord) -> None:
        def keyed(kind: str, value: str | None) -> str | None:
            return self._digest(kind, value) if value else None

        self.rows["custodian"].append(
            (
                sequence, record.custodian_id, record.business_unit, record.jurisdiction,
                record.is_regulated, keyed("phone", record.phone), keyed("text", record.email),
                keyed("text", record.name), record.supervisor_id, record.active_from, record.active_to,
            )
        )  # fmt: skip

    def _version(self, sequence: int, record: VersionRecord) -> None:
        entity = self.entity_of(record.channel_id, record.account_id)
        person = self._person(record.people, "message", record.occurred_at, entity)
        self.rows["message_version"].append(
            (
                sequence, self._digest("message", record.outside_id),
                self._digest("message", record.version_id), record.action,
                instant_text(record.occurred_at), record.channel_id, entity,
                person.digest if person else None, record.direction, record.type,
            )
        )  # fmt: skip

    def _media(self, sequence: int, record: MediaRecord) -> None:
        self.rows["media_fact"].append(
            (
                sequence, self._digest("message", record.outside_id) if record.outside_id else None,
                self._digest("media", record.media_id), record.source, instant_text(record.occurred_at),
                record.channel_id, self.entity_of(record.channel_id, record.account_id), record.type,
                record.mime_type, self._digest("content", record.sha256) if record.sha256 else None,
                record.size_bytes, record.is_intact,
            )
        )  # fmt: skip

    def _channel_event(self, sequence: int, record: ChannelEventRecord) -> None:
        digests: list[str | None] = [self._identified(person).digest for person in record.people]
        for person in digests or [None]:
            self.rows["channel_event"].append(
                (
                    sequence, record.event, instant_text(record.occurred_at), record.account_id,
                    record.channel_id, self.entity_of(record.channel_id, record.account_id), record.detail,
                    record.subject, person,
                )
            )  # fmt: skip

    def _volume(self, sequence: int, record: VolumeRecord) -> None:
        self.rows["platform_volume"].append(
            (
                sequence, record.account_id, record.channel_id,
                self.entity_of(record.channel_id, record.account_id), record.granularity,
                instant_text(record.start), instant_text(record.end), instant_text(record.observed_at),
                record.sent_count, record.delivered_count,
            )
        )  # fmt: skip

    def _platform_message(self, sequence: int, record: PlatformMessageRecord) -> None:
        self.rows["platform_message"].append(
            (
                sequence, self._digest("message", record.outside_id), record.account_id,
                record.channel_id, self.entity_of(record.channel_id, record.account_id), record.status,
                None if record.occurred_at is None else instant_text(record.occurred_at),
                instant_text(record.observed_at),
            )
        )  # fmt: skip

    def _supplementary(self, sequence: int, record: SupplementaryRecord) -> None:
        person = self._person(record.people, "chat_export", record.occurred_at, None)
        words = f"{record.occurred_at}\x1f{record.sender or ''}\x1f{record.text or ''}"
        self.rows["supplementary_message"].append(
            (
                sequence, self._digest("content", words), instant_text(record.occurred_at),
                person.digest if person else None,
                self._digest("text", record.sender) if record.sender else None, record.type,
                record.has_body, record.is_edited,
            )
        )  # fmt: skip
