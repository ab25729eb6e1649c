"""A small hand-made state: one clean world that every check can judge, and rows to break it.

Ids are made-up digests; nobody and no number stands behind them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlmodel import SQLModel

from wa_analytics.database import Database
from wa_analytics.tables import (
    CaptureNote,
    ChannelDay,
    ChannelEvent,
    ConsentEvent,
    DeclaredGap,
    DisposedMessage,
    EntityCoverage,
    Entry,
    ErasureDecision,
    HandOver,
    Identifier,
    MediaFact,
    Message,
    MessageFact,
    MessageVersion,
    PlatformMessage,
    PlatformVolume,
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
        is_group=False,
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


GAP_NUMBERS = count(1)
MIDNIGHT = AS_OF.replace(hour=0)


def channel_day(days_ago: int, **changes: Any) -> ChannelDay:
    """A whole day of channel-1 on which archive and platform agree, heard as expected."""
    day_from = MIDNIGHT - days_ago * DAY
    columns: dict[str, Any] = {
        "channel_id": "channel-1",
        "day_on": f"{day_from:%Y-%m-%d}",
        "entity": ENTITY,
        "inbound_count": 9,
        "outbound_count": 20,
        "delivered_count": 18,
        "edge_count": 0,
        "platform_sent_count": 20,
        "platform_delivered_count": 18,
        "platform_observed_at": AS_OF - HOUR,
        "day_from": day_from,
        "day_to": day_from + DAY,
        "is_silent": False,
        "expected_count": 8.5,
    }
    return ChannelDay(**{**columns, **changes})


def channel_event(event_code: str, at: datetime, **changes: Any) -> ChannelEvent:
    columns = {"sequence": 0, "event_code": event_code, "occurred_at": at, "entity": ENTITY}
    return ChannelEvent(**{**columns, **changes})


def media(number: int, source_code: str, at: datetime = AS_OF - 9 * DAY, **changes: Any) -> MediaFact:
    columns = {
        "sequence": 0,
        "media_digest": digest(number),
        "source_code": source_code,
        "occurred_at": at,
        "channel_id": "channel-1",
        "entity": ENTITY,
    }
    return MediaFact(**{**columns, **changes})


def told_id(number: int, at: datetime | None = AS_OF - 8 * DAY, **changes: Any) -> PlatformMessage:
    columns = {
        "sequence": 0,
        "message_id": digest(number),
        "channel_id": "channel-1",
        "entity": ENTITY,
        "occurred_at": at,
        "observed_at": AS_OF - HOUR,
    }
    return PlatformMessage(**{**columns, **changes})


def volume(at: datetime = AS_OF - 9 * DAY) -> PlatformVolume:
    return PlatformVolume(
        sequence=0,
        channel_id="channel-1",
        entity=ENTITY,
        granularity_code="half_hour",
        counted_from=at,
        counted_to=at + HOUR / 2,
        observed_at=AS_OF,
        sent_count=1,
    )


def declared(subject_code: str, gap_from: datetime, gap_to: datetime | None, **changes: Any) -> DeclaredGap:
    columns: dict[str, Any] = {
        "gap_id": f"GAP-{next(GAP_NUMBERS):04}",
        "subject_code": subject_code,
        "gap_from": gap_from,
        "gap_to": gap_to,
        "reason": "the receiver was down",
        "declared_by": "keeper",
        "declared_at": AS_OF,
    }
    return DeclaredGap(**{**columns, **changes})


def hand_over(right: int, left: int = 0xA, party: str = PARTY, **changes: Any) -> HandOver:
    columns: dict[str, Any] = {
        "number_digest": digest(0xD),
        "left_digest": digest(left),
        "right_digest": digest(right),
        "entity": ENTITY,
        "changed_at": AS_OF - DAY,
        "left_party_id": digest(left),
        "right_party_id": party,
    }
    return HandOver(**{**columns, **changes})


def clean_world() -> list[SQLModel]:
    """Rows on which every check can judge something and none finds anything."""
    return [
        Identifier(identifier_digest=PARTY, kind_code="phone", is_valid=True, party_id=PARTY),
        Identifier(identifier_digest=digest(0xB), kind_code="user_id", is_valid=True, party_id=PARTY),
        hand_over(0xB, decision_code="different"),
        hand_over(0xB, left=0xC, changed_at=AS_OF + DAY),
        EntityCoverage(entity=ENTITY, has_register=True, message_count=4),
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
        send(4, sent_at=AS_OF - 8 * DAY, first_status_at=AS_OF - 8 * DAY),
        channel_day(8),
        channel_day(9, platform_sent_count=19, is_silent=None, expected_count=None, inbound_count=0),
        channel_event("webhook.override", AS_OF - 3 * DAY, channel_id="channel-1"),
        channel_event("webhook.direct", AS_OF - 2 * DAY, channel_id="channel-1"),
        channel_event("account.disconnected", AS_OF - 3 * DAY, account_id="waba-1"),
        channel_event("account.reconnected", AS_OF - 2 * DAY, account_id="waba-1"),
        media(401, "announced"),
        media(401, "fetched", is_intact=True),
        told_id(4),
        told_id(301, None, observed_at=AS_OF - 8 * DAY),
        told_id(305),
        MessageVersion(
            sequence=0, message_id=digest(4), version_digest=digest(305), action_code="edit",
            occurred_at=AS_OF - 8 * DAY, direction_code="outbound",
        ),
        volume(),
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
