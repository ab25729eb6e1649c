"""A small hand-made state: one clean world that every check can judge, and rows to break it.

Ids are made-up digests; nobody and no number stands behind them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import SQLModel

from wa_analytics.database import Database
from wa_analytics.tables import (
    CaptureNote,
    ConsentEvent,
    DisposedMessage,
    EntityCoverage,
    Entry,
    ErasureDecision,
    Identifier,
    Message,
    MessageFact,
    StatusFact,
)

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ENTITY = "harbour"
PARTY = f"{0xA:032x}"


def digest(number: int) -> str:
    return f"{number:032x}"


def send(number: int, **changes: Any) -> Message:
    """A marketing template that breaks no rule, unless `changes` make it."""
    columns: dict[str, Any] = {
        "message_id": digest(number),
        "entity": ENTITY,
        "channel_id": "channel-1",
        "party_id": PARTY,
        "direction_code": "outbound",
        "kind_code": "template",
        "template_name": "spring_offer",
        "country_code": "GB",
        "sent_at": AS_OF - DAY,
        "has_send_log": True,
        "has_echo": False,
        "has_body": True,
        "is_conflicting": False,
        "first_status_at": AS_OF - DAY,
        "delivered_at": AS_OF - DAY,
        "purpose_code": "marketing",
        "declared_purpose_code": "marketing",
        "priced_purpose_code": "marketing",
        "has_purpose_mismatch": False,
        "consent_code": "granted",
        "was_known": True,
        "is_recorded_late": False,
        "window_code": "not_judged",
        "body_code": "held",
        "record_class": "correspondence",
        "retain_until": AS_OF + 30 * DAY,
        "dispose_by": AS_OF + 60 * DAY,
        "retain_rule": "floor-row",
        "dispose_rule": "ceiling-row",
        "retention_code": "scheduled",
    }
    return Message(**{**columns, **changes})


def event(number: int, **changes: Any) -> ConsentEvent:
    """A complete grant in the register."""
    columns: dict[str, Any] = {
        "event_id": digest(number),
        "source_code": "register",
        "party_id": PARTY,
        "entity": ENTITY,
        "is_any_entity": False,
        "has_unknown_business": False,
        "purpose_code": "marketing",
        "action_code": "granted",
        "occurred_at": AS_OF - 90 * DAY,
        "is_incomplete": False,
        "is_conflicting": False,
        "is_asked_again": False,
    }
    return ConsentEvent(**{**columns, **changes})


def entry(sequence: int, signature_code: str = "valid") -> Entry:
    return Entry(
        sequence=sequence,
        capture_id=sequence.to_bytes(16, "big"),
        kind="capture",
        provider="meta-cloud",
        received_at=AS_OF - 2 * HOUR,
        signature_code=signature_code,
        ciphertext_digest=bytes(32),
        ciphertext=b"sealed",
    )


def note(sequence: int, note_code: str, recognition: int, name: str = "") -> CaptureNote:
    return CaptureNote(
        sequence=sequence,
        recognition_digest=digest(recognition),
        provider="meta-cloud",
        note_code=note_code,
        name=name,
    )


def fact(number: int, sequence: int = 0) -> MessageFact:
    return MessageFact(
        sequence=sequence,
        message_id=digest(number),
        source_code="send_log",
        content_digest=digest(number),
        sent_at=AS_OF - DAY,
        entity=ENTITY,
        direction_code="outbound",
        has_body=True,
    )


def status(number: int) -> StatusFact:
    return StatusFact(
        sequence=0,
        message_id=digest(number),
        status_code="delivered",
        occurred_at=AS_OF - DAY,
        entity=ENTITY,
    )


def disposed(number: int, retain_until: datetime | None, decision_code: str = "schedule") -> DisposedMessage:
    return DisposedMessage(
        message_id=digest(number),
        sequence=0,
        record_class="correspondence",
        sent_on="2020-01-01",
        direction_code="outbound",
        retain_until=retain_until,
        actor="keeper",
        decision_code=decision_code,
        disposed_at=AS_OF - DAY,
    )


def erasure(number: int, decision_code: str) -> ErasureDecision:
    return ErasureDecision(
        request_id="ERASE-0001",
        subject_code="message",
        subject_id=digest(number),
        decision_code=decision_code,
        decided_at=AS_OF - DAY,
        actor="keeper",
    )


def clean_world() -> list[SQLModel]:
    """Rows on which every check can judge something and none finds anything."""
    return [
        Identifier(identifier_digest=PARTY, kind_code="phone", is_valid=True, party_id=PARTY),
        EntityCoverage(entity=ENTITY, has_register=True, message_count=3),
        entry(0),
        entry(1, "absent"),
        send(1),
        send(2, kind_code="free_form", template_name=None, consent_code="not_judged",
             purpose_code="service", declared_purpose_code="service",
             priced_purpose_code="service", was_known=None, is_recorded_late=None,
             window_code="inside"),
        send(3, direction_code="inbound", kind_code=None, template_name=None, has_send_log=False,
             first_status_at=None, delivered_at=None, purpose_code=None,
             declared_purpose_code=None, priced_purpose_code=None, consent_code="not_judged",
             was_known=None, is_recorded_late=None),
        event(101),
        event(102, action_code="requested", occurred_at=AS_OF - 100 * DAY),
        fact(1),
        fact(2),
        status(1),
        status(2),
        disposed(301, AS_OF - DAY),
        disposed(302, None),
        disposed(303, AS_OF + DAY, "erasure"),
        erasure(303, "erase"),
    ]  # fmt: skip


def add(database: Database, *rows: SQLModel) -> None:
    with database.session() as session:
        for row in rows:
            session.add(row)
            session.flush()
