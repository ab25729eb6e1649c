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
    body,
    message,
    only,
    parsed,
    status,
)
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    LinkRecord,
    MediaRecord,
    MessageRecord,
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


@pytest.mark.parametrize("name", ["RINGING", "ACCEPTED", "REJECTED"])
def test_how_a_call_to_a_person_goes(name: str) -> None:
    event, told = parsed(body("calls", statuses=[status(id="wacid.C", status=name)]))
    assert event == ChannelEventRecord(
        event=f"call.{name.lower()}",
        occurred_at=MICROS,
        outside_id="wacid.C",
        channel_id=CHANNEL,
        account_id=ACCOUNT,
        people=(ANA_PHONE,),
    )
    assert isinstance(told, MessageRecord)
    assert (told.source, told.outside_id, told.direction) == ("call", "wacid.C", "outbound")
    assert (told.people, told.has_body) == ((ANA_PHONE,), False)


def test_a_call_status_nobody_knows_is_counted() -> None:
    assert parsed(body("calls", statuses=[status(status="HUMMING")])) == [
        UnknownRecord(kind="status", name="HUMMING")
    ]
    assert parsed(body("calls", calls=[call(event="humming")])) == [
        UnknownRecord(kind="type", name="humming")
    ]


@pytest.mark.parametrize(
    ("event", "parts", "code", "type_"),
    [
        (
            "call_transcription_available",
            {
                "call_transcript": {
                    "document": {"id": 77, "mime_type": "application/json", "sha256": "0" * 64}
                }
            },
            "call.transcription_available",
            "transcript",
        ),
        (
            "call_recording_available",
            {"call_recording": {"audio": {"id": "77", "mime_type": "audio/mp4", "sha256": "0" * 64}}},
            "call.recording_available",
            "recording",
        ),
        (
            "call_recording_available",
            {"call_recording": {"id": "77", "mime_type": "audio/mp4", "sha256": "0" * 64}},
            "call.recording_available",
            "recording",
        ),
    ],
)
def test_a_recording_is_an_event_and_a_file_of_the_call(
    event: str, parts: dict[str, Any], code: str, type_: str
) -> None:
    records = parsed(body("calls", calls=[call(event=event, from_user_id="US.1", **parts)]))
    told = only(records, ChannelEventRecord)
    assert (told.event, told.outside_id, told.people) == (
        code,
        "wacid.C",
        (ANA_PHONE, Identifier("user_id", "US.1")),
    )
    file = only(records, MediaRecord)
    assert (file.media_id, file.outside_id, file.type, file.sha256) == ("77", "wacid.C", type_, "0" * 64)
    assert not [record for record in records if isinstance(record, MessageRecord)]


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


@pytest.mark.parametrize("field", ["never_seen_before", "message_echoes", "consumer_profile", "no words: 5"])
def test_a_field_nobody_documents_is_counted_by_its_name(field: str) -> None:
    name = field if " " not in field else "other"
    assert parsed(body(field, messages="odd", history=[{"threads": 5}])) == [
        UnknownRecord(kind="field", name=name)
    ]
