"""Parties: identifiers, the links evidence makes between them, and the party each belongs to."""

from __future__ import annotations

from sqlmodel import SQLModel

from wa_analytics.tables.column import clear, digest


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
