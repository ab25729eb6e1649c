from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import (
    ACCOUNT,
    ANA,
    AT,
    BEN,
    CHANNEL,
    MICROS,
    RECEIVED,
    body,
    message,
    only,
    parsed,
    status,
)
from wa_analytics.records import (
    ConsentRecord,
    Identifier,
    LinkRecord,
    MessageRecord,
    TemplateRecord,
    UnknownRecord,
)

ANA_PHONE = Identifier("phone", "+" + ANA)
BEN_PHONE = Identifier("phone", "+" + BEN)


def preference(**parts: Any) -> dict[str, Any]:
    given = {"wa_id": ANA, "category": "marketing_messages", "value": "stop", "timestamp": AT}
    return {name: part for name, part in (given | parts).items() if part is not ...}


@pytest.mark.parametrize("value", ["stop", "resume", "signup"])
@pytest.mark.parametrize("timestamp", [AT, str(AT)])
def test_preferences(value: str, timestamp: int | str) -> None:
    stated = preference(value=value, timestamp=timestamp, user_id="US.1", signup_id="77", detail="told")
    record = only(parsed(body("user_preferences", user_preferences=[stated])), ConsentRecord)
    assert record == ConsentRecord(
        source="preference",
        people=(ANA_PHONE, Identifier("user_id", "US.1")),
        purpose="marketing",
        action=value,
        occurred_at=MICROS,
        channel_id=CHANNEL,
        account_id=ACCOUNT,
        extra={"detail": "told", "signup_id": "77"},
    )


def test_a_preference_without_ids_is_its_only_contact_s() -> None:
    stated = preference(wa_id=...)
    records = parsed(
        body("user_preferences", user_preferences=[stated], contacts=[{"wa_id": BEN, "user_id": "GB.1"}])
    )
    assert only(records, ConsentRecord).people == (BEN_PHONE, Identifier("user_id", "GB.1"))
    assert only(records, LinkRecord).rule == "contact"


@pytest.mark.parametrize(
    ("parts", "unknown"),
    [
        ({"value": "mute"}, UnknownRecord(kind="preference", name="mute")),
        ({"category": "service_messages"}, UnknownRecord(kind="preference", name="service_messages")),
        ({"category": ...}, UnknownRecord(kind="preference", name="other")),
        ({"timestamp": "soon"}, UnknownRecord(kind="malformed", name="user_preferences")),
        ({"wa_id": ...}, UnknownRecord(kind="malformed", name="user_preferences")),
    ],
)
def test_a_preference_not_understood_is_counted(parts: dict[str, Any], unknown: UnknownRecord) -> None:
    assert parsed(body("user_preferences", user_preferences=[preference(**parts)])) == [unknown]


def call(**parts: Any) -> dict[str, Any]:
    given = {"id": "wacid.C", "event": "connect", "timestamp": str(AT), "from": ANA, "to": "15550783881"}
    return {name: part for name, part in (given | parts).items() if part is not ...}


@pytest.mark.parametrize(
    ("parts", "direction", "people"),
    [
        ({"direction": "USER_INITIATED"}, "inbound", (ANA_PHONE,)),
        ({"from_user_id": "US.1"}, "inbound", (ANA_PHONE, Identifier("user_id", "US.1"))),
        ({"direction": "BUSINESS_INITIATED", "from": "15550783881", "to": BEN}, "outbound", (BEN_PHONE,)),
        ({"from": "15550783881", "to": BEN}, "outbound", (BEN_PHONE,)),
    ],
)
def test_calls(parts: dict[str, Any], direction: str, people: tuple[Identifier, ...]) -> None:
    record = only(parsed(body("calls", calls=[call(**parts)])), MessageRecord)
    assert (record.source, record.type, record.outside_id) == ("call", "call", "wacid.C")
    assert (record.direction, record.people, record.sent_at) == (direction, people, MICROS)
    assert record.kind is None


def test_the_end_of_a_call_tells_its_start() -> None:
    ended = call(event="terminate", timestamp=str(AT + 60), start_time=str(AT), direction="USER_INITIATED")
    assert only(parsed(body("calls", calls=[ended])), MessageRecord).sent_at == MICROS


def test_recordings_and_ringing_are_no_messages() -> None:
    records = parsed(
        body("calls", calls=[call(event="call_recording_available")], statuses=[status(status="RINGING")])
    )
    assert records == [
        UnknownRecord(kind="type", name="call_recording_available"),
        UnknownRecord(kind="status", name="RINGING"),
    ]


def test_what_staff_sent_from_the_app() -> None:
    echo = message(**{"from": "15550783881", "to": BEN, "to_user_id": "GB.1"})
    record = only(parsed(body("smb_message_echoes", message_echoes=[echo])), MessageRecord)
    assert record == MessageRecord(
        source="echo",
        outside_id="wamid.A",
        sent_at=MICROS,
        people=(BEN_PHONE, Identifier("user_id", "GB.1")),
        direction="outbound",
        channel_id=CHANNEL,
        account_id=ACCOUNT,
        kind="free_form",
        type="text",
        text="hello",
        has_body=True,
    )


@pytest.mark.parametrize("kind", ["edit", "revoke"])
def test_edits_and_revocations_by_staff_are_no_new_messages(kind: str) -> None:
    echo = message(type=kind, text=..., **{kind: {"original_message_id": "wamid.B"}})
    records = parsed(body("smb_message_echoes", message_echoes=[echo]))
    assert records == [UnknownRecord(kind="type", name=kind)]


@pytest.mark.parametrize(
    "field", ["history", "standby", "account_update", "flows", "never_seen_before", "message_echoes"]
)
def test_every_other_field_is_counted_by_its_name(field: str) -> None:
    assert parsed(body(field, messages="odd", history=[{"threads": 5}])) == [
        UnknownRecord(kind="field", name=field)
    ]


TEMPLATE = {
    "message_template_id": 1,
    "message_template_name": "order_confirmation",
    "message_template_language": "en_US",
}


@pytest.mark.parametrize(("time", "observed_at"), [(AT, MICROS), (str(AT), MICROS), (None, RECEIVED)])
def test_a_template_s_status_and_category(time: int | str | None, observed_at: int) -> None:
    record = only(
        parsed(
            body(
                "message_template_status_update",
                time=time,
                event="APPROVED",
                message_template_category="UTILITY",
                reason="NONE",
                **TEMPLATE,
            )
        ),
        TemplateRecord,
    )
    assert record == TemplateRecord(
        name="order_confirmation",
        observed_at=observed_at,
        account_id=ACCOUNT,
        language="en_US",
        category="utility",
        status="approved",
    )


@pytest.mark.parametrize(
    "update",
    [
        {"previous_category": "UTILITY", "new_category": "MARKETING"},
        {"new_category": "MARKETING", "correct_category": "UTILITY", "category_update_timestamp": AT},
    ],
)
def test_the_category_in_force(update: dict[str, Any]) -> None:
    records = parsed(body("template_category_update", time=AT, **TEMPLATE, **update))
    assert only(records, TemplateRecord).category == "marketing"


def test_a_quality_update_under_the_wrong_name() -> None:
    records = parsed(
        body(
            "message_template_status_update",
            previous_quality_score="GREEN",
            new_quality_score="RED",
            **TEMPLATE,
        )
    )
    assert records == [UnknownRecord(kind="field", name="message_template_quality_update")]


def test_an_update_without_a_template_is_counted() -> None:
    records = parsed(body("template_category_update", new_category="MARKETING"))
    assert records == [UnknownRecord(kind="malformed", name="template_category_update")]
