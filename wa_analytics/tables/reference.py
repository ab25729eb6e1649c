"""What else captures tell: templates, staff, and what no parser understood."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, digest, instant


class TemplateFact(SQLModel, table=True):
    """What the platform said of a template at a time."""

    __tablename__ = "template_fact"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    account_id: str | None = clear("WhatsApp Business Account", nullable=True)
    entity: str | None = clear("company of the account", nullable=True)
    template_name: str = clear("name of the template")
    language: str | None = clear("language of the template", nullable=True)
    purpose_code: str | None = clear("category as a purpose", nullable=True)
    status_code: str | None = clear("APPROVED, PAUSED …", nullable=True)
    wording: str | None = clear("what the template says, with its placeholders", nullable=True)
    observed_at: datetime = instant("when the platform said so")


class Custodian(SQLModel, table=True):
    """An employee whose business messages must be kept; one row per directory fact."""

    __tablename__ = "custodian"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    custodian_id: str = clear("the company's id of the employee", index=True)
    business_unit: str | None = clear("business unit", nullable=True)
    jurisdiction: str | None = clear("jurisdiction", nullable=True)
    is_regulated: bool | None = clear("regulated role", nullable=True)
    phone_digest: str | None = digest("keyed digest of the business phone", nullable=True)
    email_digest: str | None = digest("keyed digest of the e-mail address", nullable=True)
    name_digest: str | None = digest("keyed digest of the name", nullable=True)
    supervisor_id: str | None = clear("custodian id of the supervisor", nullable=True)
    active_from: str | None = clear("first day in the role", nullable=True)
    active_to: str | None = clear("last day in the role", nullable=True)


class CaptureNote(SQLModel, table=True):
    """Something about a capture that a person should know: unreadable, a wrong signature, a field
    no parser knows."""

    __tablename__ = "capture_note"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it is about", sa_type=WHOLE, index=True)
    recognition_digest: str = digest("keyed digest of provider and bytes", index=True)
    provider: str = clear("provider of the capture")
    note_code: str = clear("unreadable, signature_invalid, or the kind of an unknown")
    name: str = clear("field, type or column; never a value")


class CapturedFile(SQLModel, table=True):
    """One import file that was captured record by record."""

    __tablename__ = "captured_file"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry that holds its header", sa_type=WHOLE, index=True)
    provider: str = clear("provider of the file")
    record_count: int = clear("records it held")


class Channel(SQLModel, table=True):
    """One business phone number seen in evidence."""

    __tablename__ = "channel"

    channel_id: str = clear("phone number id", primary_key=True)
    entity: str | None = clear("company it belongs to", nullable=True)
    has_inbound: bool = clear("an inbound message or call was captured")
    last_inbound_at: datetime | None = instant("newest inbound", nullable=True)
    last_outbound_at: datetime | None = instant("newest outbound", nullable=True)


class EntityCoverage(SQLModel, table=True):
    """What was captured of one company, by which rules know whether they can speak."""

    __tablename__ = "entity_coverage"

    entity: str = clear("company", primary_key=True)
    has_register: bool = clear("a consent register was captured")
    message_count: int = clear("messages")
    first_sent_at: datetime | None = instant("oldest message", nullable=True)
    last_sent_at: datetime | None = instant("newest message", nullable=True)
