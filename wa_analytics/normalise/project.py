"""Records of one capture → rows of keyed digests. The last place where outside text is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from wa_analytics.normalise.fact_rows import COLUMNS, spoken_name
from wa_analytics.normalise.identity import Digest, Known
from wa_analytics.normalise.platform_facts import PlatformFacts
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
    TemplateRecord,
    UnknownRecord,
    VersionRecord,
    VolumeRecord,
)
from wa_analytics.settings import Entity
from wa_analytics.tables.column import instant_text

__all__ = ["COLUMNS", "Projection"]

PREFERENCE_ACTION = {"signup": "granted"}
USERNAME = "username"
# Messages whose text can be an opt-out word; a list that names no type is one of texts.
SPOKEN_TYPES = (None, "text", "button", "interactive")
_OCCURRED = (StatusRecord, ConsentRecord, VersionRecord)


class Projection(PlatformFacts):
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
        super().__init__(digest, entities, has_default_entity=has_default_entity)
        self._is_opt_out = is_opt_out

    def add(self, sequence: int, recognition: str, provider: str, records: Sequence[Record]) -> None:
        """Rows of one capture's records."""
        self._sequence = sequence
        told: dict[Identifier, tuple[int, str | None]] = {}
        after = -1
        for place, record in enumerate(records):
            if isinstance(record, StatusRecord):
                self._status(sequence, record)
            elif isinstance(record, MessageRecord):
                self._message(sequence, record)
            elif isinstance(record, ConsentRecord):
                self._consent(sequence, record)
            elif isinstance(record, LinkRecord):
                if place != after:  # the links of one body part follow what it tells
                    told = self._told_of(records[max(after, 0) : place])
                after = place + 1
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

    def _link_told(self, record: LinkRecord, told: Mapping[Identifier, tuple[int, str | None]]) -> None:
        """A link without a time of its own has that of what is told of the person just before it. A
        username is remembered and links nobody: it may be another person's tomorrow."""
        at, entity = next((told[person] for person in record.people if person in told), (None, None))
        if record.occurred_at is not None:
            at = record.occurred_at
        if record.rule != USERNAME:
            self._linked(record.people, record.rule, at, entity)
        elif at is not None:
            person, username = (self._identities.known(one) for one in record.people)
            self._told(person, username, USERNAME, at, entity)

    def _told_of(self, records: Sequence[Record]) -> dict[Identifier, tuple[int, str | None]]:
        """Person → time and company of the last message, status or consent event that names them."""
        told: dict[Identifier, tuple[int, str | None]] = {}
        for record in records:
            if isinstance(record, _OCCURRED):
                at = record.occurred_at
            elif isinstance(record, MessageRecord):
                at = record.sent_at
            else:
                continue
            if record.people:
                here = (at, self.entity_of(record.channel_id, record.account_id))
                for person in record.people:
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
                    [
                        record.outside_id, str(record.sent_at or ""), record.channel_id or "",
                        person.digest if person else "", purpose or "", record.kind or "",
                        record.template_name or "", record.text or "", record.custodian_id or "",
                    ]
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
        if record.source == "inbound":
            self._opted_out(sequence, record, record.outside_id, record.sent_at, person, entity)

    def _opted_out(
        self,
        sequence: int,
        record: MessageRecord | VersionRecord,
        outside_id: str,
        occurred_at: int,
        person: Known | None,
        entity: str | None,
    ) -> None:
        """A withdrawal, where the person's whole text, and no caption, is an opt-out word."""
        is_said = record.type in SPOKEN_TYPES
        if is_said and record.text and person and self._is_opt_out(record.text, person.country_code):
            event = self._digest("content", f"opt_out\x1f{outside_id}")
            self._event(
                sequence, event, "", "opt_out_word", person, entity, False, record.channel_id,
                "all", "withdrawn", occurred_at,
            )  # fmt: skip

    def _version(self, sequence: int, record: VersionRecord) -> None:
        """An edit's words are words of the person: one that turns a message into "stop" withdraws, at the
        time of the edit. That a "stop" was edited or revoked later takes nothing back."""
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
        if record.direction == "inbound":
            self._opted_out(sequence, record, record.version_id, record.occurred_at, person, entity)

    def _status(self, sequence: int, record: StatusRecord) -> None:
        entity = self.entity_of(record.channel_id, record.account_id)
        person = self._person(record.people, "status", record.occurred_at, entity)
        self.rows["status_fact"].append(
            (
                sequence, self._digest("message", record.outside_id), record.status,
                instant_text(record.occurred_at), record.channel_id, entity,
                person.digest if person else None, record.is_group,
                person.country_code if person else None, platform_purpose(record.category),
                record.error_code,
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
                [
                    "" if part is None else str(part)
                    for part in (
                        record.source, record.outside_id, person and person.digest, record.purpose,
                        record.action, record.occurred_at, record.recorded_at, record.method,
                        record.wording, record.wording_version, record.language, business,
                        record.evidence, record.expires_at, record.jurisdiction, record.lawful_basis,
                        record.recorded_by, record.channel_id,
                    )
                ]
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
