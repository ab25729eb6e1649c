"""Messages: what each source told (facts) and the folded state that rules select on.

`message_fact` and `status_fact` are the parsed evidence in keyed digests; `message` holds one row
per message. All three are derived: `wa rebuild` makes them again from the evidence.
`sequence` names the entry a fact came from and is no part of the state.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, digest, instant


class MessageFact(SQLModel, table=True):
    """One message as one source tells it."""

    __tablename__ = "message_fact"
    # Calls have no message by which a person's could be found.
    __table_args__ = (
        Index(
            "ix_message_fact_call_identifier_digest",
            "identifier_digest",
            sqlite_where=text("source_code = 'call'"),
            postgresql_where=text("source_code = 'call'"),
        ),
    )

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    message_id: str = digest("keyed digest of the provider's message id", index=True)
    source_code: str = clear("inbound, send_log, echo, history or call")
    content_digest: str = digest("keyed digest of the normalised known columns")
    sent_at: datetime = instant("when it was sent, by this source")
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    identifier_digest: str | None = digest("the outside person's identifier", nullable=True)
    country_code: str | None = clear("ISO country of the outside person's number", nullable=True)
    direction_code: str = clear("inbound or outbound")
    kind_code: str | None = clear("template, free_form or unknown (null)", nullable=True)
    type_code: str | None = clear("text, image, system, call …", nullable=True)
    purpose_code: str | None = clear("purpose as this source declares it", nullable=True)
    template_name: str | None = clear("template the source names", nullable=True)
    custodian_id: str | None = clear("employee the source names", nullable=True)
    has_body: bool = clear("whether this source holds the content")


class StatusFact(SQLModel, table=True):
    """One delivery status as the platform told it."""

    __tablename__ = "status_fact"

    fact_id: int | None = clear("row number", primary_key=True, default=None, sa_type=WHOLE)
    sequence: int = clear("entry it came from", sa_type=WHOLE, index=True)
    message_id: str = digest("keyed digest of the provider's message id", index=True)
    status_code: str = clear("sent, delivered, read, played, failed")
    occurred_at: datetime = instant("the platform's time")
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    identifier_digest: str | None = digest("recipient's identifier", nullable=True)
    is_group: bool = clear("sent to a group; the recipient is the participant it is told of")
    country_code: str | None = clear("ISO country of the recipient's number", nullable=True)
    purpose_code: str | None = clear("purpose of pricing.category", nullable=True)
    error_code: int | None = clear("platform error of a failed status", nullable=True)


class Message(SQLModel, table=True):
    """One message: folded facts and the state of every rule at its `sent_at`."""

    __tablename__ = "message"

    message_id: str = digest("keyed digest of the provider's message id", primary_key=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    party_id: str | None = digest("the outside person", nullable=True, index=True)
    direction_code: str = clear("inbound or outbound")
    kind_code: str | None = clear("template, free_form or unknown (null)", nullable=True)
    type_code: str | None = clear("text, image, system …", nullable=True)
    template_name: str | None = clear("template", nullable=True)
    custodian_id: str | None = clear("employee who sent it", nullable=True)
    country_code: str | None = clear("ISO country of the outside person's number", nullable=True)
    sent_at: datetime = instant("when it was sent")

    has_send_log: bool = clear("the send log knows it")
    has_echo: bool = clear("the Business app echoed it")
    has_body: bool = clear("its content is held")
    is_conflicting: bool = clear("two send-log rows tell it differently")

    first_status_at: datetime | None = instant("earliest status", nullable=True)
    delivered_at: datetime | None = instant("earliest delivered, read or played", nullable=True)
    read_at: datetime | None = instant("earliest read or played", nullable=True)
    failed_at: datetime | None = instant("earliest failed", nullable=True)
    status_code: str | None = clear("statuses folded by rank", nullable=True)
    error_code: int | None = clear("platform error of the failure", nullable=True)

    purpose_code: str | None = clear("purpose it is judged by", nullable=True)
    declared_purpose_code: str | None = clear("the send log's purpose", nullable=True)
    priced_purpose_code: str | None = clear("pricing.category's purpose", nullable=True)
    template_purpose_code: str | None = clear("the template's category", nullable=True)
    has_purpose_mismatch: bool = clear("the three purposes differ")

    consent_code: str = clear(
        "granted, withdrawn, refused, expired, unconfirmed, wrong_purpose, never_asked; "
        "not_judged (no rule asks) or not_evaluated (could not be said)"
    )
    consent_reason_code: str | None = clear(
        "why not evaluated: kind_unknown, purpose_unknown, purpose_service, no_register, no_party, "
        "no_entity, group",
        nullable=True,
    )
    consent_event_id: str | None = digest("event that decides the state", nullable=True)
    was_known: bool | None = clear("the deciding events were recorded by sent_at", nullable=True)
    is_recorded_late: bool | None = clear(
        "granted in full, but not by what was recorded by sent_at; null: not evaluated",
        nullable=True,
    )
    lawful_basis_code: str | None = clear("lawful basis of the governing event", nullable=True)
    withdrawn_at: datetime | None = instant(
        "since when the person has said no, by withdrawal, refusal or stop, without a yes between",
        nullable=True,
    )

    window_code: str = clear("inside, outside, not_judged or not_evaluated")

    body_code: str = clear("held, not_required, missing_log, statuses_only")

    record_class: str = clear("class of the retention schedule")
    retain_until: datetime | None = instant("floor that ends last", nullable=True)
    dispose_by: datetime | None = instant("ceiling that ends first", nullable=True)
    retain_rule: str | None = clear("schedule row of the floor", nullable=True)
    dispose_rule: str | None = clear("schedule row of the ceiling", nullable=True)
    retention_code: str = clear("scheduled, held (a legal hold suspends it), conflict or unscheduled")
