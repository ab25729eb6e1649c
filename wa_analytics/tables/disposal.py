"""What was destroyed, what may not be, and what people decided about it.

`disposed_message`, `disposed_event` and `window_witness` are derived from the disposal entries of
the log, which are kept in clear; the others are recorded. None of them names a person: ids are keyed
digests, and reasons stand in the encrypted journal.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, digest, instant


class DisposedMessage(SQLModel, table=True):
    """A message, or what stands beside messages, whose evidence was destroyed; its id stays, so that it is
    not taken in again."""

    __tablename__ = "disposed_message"

    message_id: str = digest("keyed digest of the provider's message id", primary_key=True)
    sequence: int = clear("disposal entry that says so", sa_type=WHOLE)
    record_class: str = clear("class of the retention schedule")
    sent_on: str = clear("UTC day it was sent (YYYY-MM-DD)")
    direction_code: str = clear("inbound, outbound or none (events, exported chats)")
    channel_id: str | None = clear("phone number id of the company's number", nullable=True)
    retain_until: datetime | None = instant("floor that ended last", nullable=True)
    rule: str | None = clear("schedule row, or erasure and the request's number", nullable=True)
    actor: str = clear("who did it (account name of the operating system)")
    decision_code: str = clear("schedule or erasure")
    disposed_at: datetime = instant("when its key was destroyed")


class DisposedEvent(SQLModel, table=True):
    """A consent event whose evidence was destroyed."""

    __tablename__ = "disposed_event"

    event_id: str = digest("keyed digest of record_id, or of the content", primary_key=True)
    sequence: int = clear("disposal entry that says so", sa_type=WHOLE)
    decision_code: str = clear("schedule or erasure")
    disposed_at: datetime = instant("when its key was destroyed")


class WindowWitness(SQLModel, table=True):
    """A send that was inside the service window by a message that has been disposed of since."""

    __tablename__ = "window_witness"

    message_id: str = digest("keyed digest of the send's message id", primary_key=True)
    sequence: int = clear("disposal entry that says so", sa_type=WHOLE)


class LegalHold(SQLModel, table=True):
    """A duty to keep, whatever a ceiling says: everything that fits all conditions given."""

    __tablename__ = "legal_hold"

    hold_id: str = clear("HOLD- and a number", primary_key=True)
    matter: str = clear("the matter's reference, no person in it", index=True)
    identifier_digest: str | None = digest("any identifier of the person", nullable=True)
    custodian_id: str | None = clear("employee: sends, and conversations they took part in", nullable=True)
    channel_id: str | None = clear("business number", nullable=True)
    sent_from: datetime | None = instant("messages sent from then on", nullable=True)
    sent_to: datetime | None = instant("messages sent before", nullable=True)
    started_at: datetime = instant("when it was set")
    started_by: str = clear("who set it (account name of the operating system)")
    released_at: datetime | None = instant("when it was lifted", nullable=True)
    released_by: str | None = clear("who lifted it", nullable=True)


class RetentionDecision(SQLModel, table=True):
    """What a person decided where a ceiling ends before a floor; the latest per pair holds."""

    __tablename__ = "retention_decision"

    decision_id: int = clear(
        "number, from 1", primary_key=True, sa_type=WHOLE, sa_column_kwargs={"autoincrement": False}
    )
    pair: str = clear("<floor row>|<ceiling row>", index=True)
    decision_code: str = clear("keep_until_floor or dispose_at_ceiling")
    decided_at: datetime = instant("when")
    actor: str = clear("who (account name of the operating system)")


class ErasureDecision(SQLModel, table=True):
    """What was decided about one record of a person who asked for erasure."""

    __tablename__ = "erasure_decision"

    request_id: str = clear("ERASE- and a number", primary_key=True)
    subject_code: str = clear("message (or what stands beside) or consent_event", primary_key=True)
    subject_id: str = digest("our id of the record", primary_key=True)
    decision_code: str = clear("erase, keep_duty, keep_claims, keep_decided or needs_decision")
    rule: str | None = clear("schedule row or hold that stands against it", nullable=True)
    keep_until: datetime | None = instant("when that ends", nullable=True)
    decided_at: datetime = instant("when")
    actor: str = clear("who (account name of the operating system)")


class KeptLink(SQLModel, table=True):
    """A link between identifiers that disposed evidence told, for as long as other evidence tells of
    both: without it one person would fall apart into two."""

    __tablename__ = "kept_link"

    left_digest: str = digest("smaller identifier digest", primary_key=True)
    right_digest: str = digest("larger identifier digest", primary_key=True, index=True)
    rule_code: str = clear("as in identifier_link", primary_key=True)


class KeptIdentity(SQLModel, table=True):
    """What disposed evidence told of when two identifiers were one person; stands as long as a kept link."""

    __tablename__ = "kept_identity"

    left_digest: str = digest("as in identity_event", primary_key=True)
    right_digest: str = digest("as in identity_event", primary_key=True, index=True)
    rule_code: str = clear("as in identity_event", primary_key=True)
    entity: str = clear("as in identity_event", primary_key=True)
    occurred_at: datetime | None = instant("as in identity_event", nullable=True)
    sequence: int = clear("entry that gave it; its key is destroyed", sa_type=WHOLE)


class KeptHandOver(SQLModel, table=True):
    """When a number got a later holder, as evidence told that is disposed of since: for as long as other
    evidence tells of the number, nobody inherits what an earlier holder agreed to."""

    __tablename__ = "kept_hand_over"

    number_digest: str = digest("identifier digest of the number's canonical form", primary_key=True)
    epoch_digest: str = digest("identifier digest of the number from then on", primary_key=True)
    changed_at: datetime = instant("first evidence of the later holder")


class Suppression(SQLModel, table=True):
    """A "no" that outlives its evidence, so that the person is not written to again."""

    __tablename__ = "suppression"

    suppression_id: str = digest("the event's id, or made of the columns", primary_key=True)
    identifier_digest: str = digest("the person's identifier", index=True)
    country_code: str | None = clear("ISO country of the person's number", nullable=True)
    entity: str | None = clear("company it was said to", nullable=True)
    is_any_entity: bool = clear("it was said to every company")
    channel_id: str | None = clear("channel it was said on", nullable=True)
    purpose_code: str = clear("marketing, utility, authentication, service, all")
    action_code: str = clear("withdrawn, refused or stop")
    occurred_at: datetime = instant("when the person said it")
    made_at: datetime = instant("when its evidence was destroyed")
