"""Parties: identifiers, the links evidence makes between them, and the party each belongs to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, digest, instant


class Identifier(SQLModel, table=True):
    """One outside identifier, as keyed digest, and the party it belongs to."""

    __tablename__ = "identifier"

    identifier_digest: str = digest("keyed digest of kind and value", primary_key=True)
    kind_code: str = clear("phone, user_id, crm_id or username")
    country_code: str | None = clear("ISO country of the number or user id", nullable=True)
    is_valid: bool = clear("the phone number plan knows it (true for other kinds)")
    party_id: str = digest("smallest identifier digest of the connected set", index=True)


class IdentifierLink(SQLModel, table=True):
    """Evidence that two identifiers are one person."""

    __tablename__ = "identifier_link"

    left_digest: str = digest("smaller identifier digest", primary_key=True)
    right_digest: str = digest("larger identifier digest", primary_key=True, index=True)
    rule_code: str = clear("contact, message, register_row, same_message, phone.br …", primary_key=True)


class IdentityEvent(SQLModel, table=True):
    """One piece of evidence, with its time, that two identifiers were one person."""

    __tablename__ = "identity_event"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry that says so", sa_type=WHOLE, index=True)
    left_digest: str = digest("smaller identifier digest", index=True)
    right_digest: str = digest("larger identifier digest", index=True)
    rule_code: str = clear("contact, user_changed_number, register_row …")
    occurred_at: datetime | None = instant("when the evidence says so", nullable=True)


class IdentityDecision(SQLModel, table=True):
    """A person's word on whether two identifiers are one person; the latest governs."""

    __tablename__ = "identity_decision"

    decision_id: int | None = clear("row number", primary_key=True, default=None)
    left_digest: str = digest("smaller identifier digest", index=True)
    right_digest: str = digest("larger identifier digest", index=True)
    decision_code: str = clear("same or different")
    decided_at: datetime = instant("when")
    actor: str = clear("who decided")
