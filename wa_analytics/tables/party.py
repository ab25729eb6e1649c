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
    rule_code: str = clear(
        "contact, message, register_row, same_message, one_recipient, phone.br …", primary_key=True
    )


class IdentityEvent(SQLModel, table=True):
    """The earliest evidence, per company and rule, that two identifiers were one person."""

    __tablename__ = "identity_event"

    left_digest: str = digest(
        "the phone's identifier digest, in its canonical form; without a phone the smaller one",
        primary_key=True,
    )
    right_digest: str = digest("the other identifier digest", primary_key=True, index=True)
    rule_code: str = clear(
        "contact, same_message, one_recipient, user_changed_number, register_row, username, phone.br …",
        primary_key=True,
    )
    entity: str = clear("company it was told to; empty where none is known", primary_key=True)
    occurred_at: datetime | None = instant(
        "earliest time the evidence gives; empty for forms of one number", nullable=True
    )
    sequence: int = clear("first entry that gives it", sa_type=WHOLE, index=True)


class HandOver(SQLModel, table=True):
    """A phone number that evidence shows with one person's user id and later with another's: it changed
    hands, or its holder registered anew. Two user ids are two persons where nothing but the number links
    them."""

    __tablename__ = "hand_over"

    number_digest: str = digest("identifier digest of the number's canonical form", primary_key=True)
    left_digest: str = digest(
        "identifier digest of the earlier holder, or of the number's epoch where it is gone", primary_key=True
    )
    right_digest: str = digest(
        "identifier digest of the later holder, or of the number's epoch where it is gone", primary_key=True
    )
    entity: str = clear("company it was told to; empty where none is known")
    changed_at: datetime = instant("first evidence of the later holder")
    decision_code: str | None = clear("same, different, or empty: nobody decided", nullable=True)
    left_party_id: str = digest("party of the earlier holder", index=True)
    right_party_id: str = digest("party of the later holder", index=True)


class NumberEpoch(SQLModel, table=True):
    """A time in which a number that changed hands had one holder; half-open."""

    __tablename__ = "number_epoch"

    identifier_digest: str = digest("the phone's identifier digest", primary_key=True)
    epoch_digest: str = digest("identifier digest of the phone in this time", primary_key=True)
    from_at: datetime | None = instant("start; empty for the first", nullable=True)
    to_at: datetime | None = instant("end; empty for the last", nullable=True)


class IdentityDecision(SQLModel, table=True):
    """A person's word on whether two identifiers are one person; the latest governs."""

    __tablename__ = "identity_decision"

    decision_id: int | None = clear("row number", primary_key=True, default=None)
    left_digest: str = digest("smaller identifier digest", index=True)
    right_digest: str = digest("larger identifier digest", index=True)
    decision_code: str = clear("same or different")
    decided_at: datetime = instant("when")
    actor: str = clear("who decided")
