"""Consent: what the register and the platform told, and one row per consent event."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, digest, instant


class ConsentFact(SQLModel, table=True):
    """One consent event as one capture tells it."""

    __tablename__ = "consent_fact"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    event_id: str = digest("keyed digest of record_id, or of the content", index=True)
    content_digest: str = digest("keyed digest of the normalised known columns")
    source_code: str = clear("register, preference, opt_out_word")
    identifier_digest: str | None = digest("the person's identifier", nullable=True, index=True)
    country_code: str | None = clear("ISO country of the person's number", nullable=True)
    entity: str | None = clear(
        "company it was given to; null with is_any_entity false: unknown", nullable=True
    )
    is_any_entity: bool = clear("no business was named: it governs every company")
    channel_id: str | None = clear("channel written to, for platform events", nullable=True)
    purpose_code: str = clear("marketing, utility, authentication, service, all")
    action_code: str = clear("granted, confirmed, refused, withdrawn, requested, stop, resume, signup")
    occurred_at: datetime = instant("when the person said it")
    recorded_at: datetime | None = instant("when the company recorded it", nullable=True)
    expires_at: datetime | None = instant("when it ends by itself", nullable=True)
    has_method: bool = clear("the register says how")
    has_wording: bool = clear("the register says to what wording")
    has_wording_version: bool = clear("the register says which version of the wording")
    has_business_name: bool = clear("the register names the business")
    wording_version: str | None = clear("version of the wording", nullable=True)
    language: str | None = clear("language of the wording", nullable=True)
    jurisdiction: str | None = clear("jurisdiction the register names", nullable=True)
    lawful_basis_code: str | None = clear("lawful basis the register names", nullable=True)


class ConsentEvent(SQLModel, table=True):
    """One consent event that counts: of several facts with one id the earliest, then the
    smallest digest, governs. `source_code` platform_error is a failed status with 131050."""

    __tablename__ = "consent_event"

    event_id: str = digest("keyed digest of record_id, or of the content", primary_key=True)
    source_code: str = clear("register, preference, opt_out_word, platform_error, suppression")
    party_id: str | None = digest("the outside person", nullable=True, index=True)
    country_code: str | None = clear("ISO country of the person's number", nullable=True)
    entity: str | None = clear("company it was given to", nullable=True)
    is_any_entity: bool = clear("no business was named: it governs every company")
    has_unknown_business: bool = clear("names a business no company answers to")
    channel_id: str | None = clear("channel written to, for platform events", nullable=True)
    purpose_code: str = clear("marketing, utility, authentication, service, all")
    action_code: str = clear("granted, confirmed, refused, withdrawn, requested, stop, resume")
    occurred_at: datetime = instant("when the person said it")
    recorded_at: datetime | None = instant("when the company recorded it", nullable=True)
    expires_at: datetime | None = instant("when it ends by itself", nullable=True)
    wording_version: str | None = clear("version of the wording", nullable=True)
    language: str | None = clear("language of the wording", nullable=True)
    jurisdiction: str | None = clear("jurisdiction the register names", nullable=True)
    lawful_basis_code: str | None = clear("lawful basis the register names", nullable=True)
    is_incomplete: bool = clear("a grant without method, wording or version, or business name")
    is_conflicting: bool = clear("two register rows with one record_id tell it differently")
    is_asked_again: bool = clear("a request made after a withdrawal in force")
