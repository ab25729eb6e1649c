"""Infobip's webhooks in their documented shapes, with invented people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.worlds import ANA, BEN, RECEIVED
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.providers.carving import carved
from wa_analytics.providers.facts import facts_of
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    MediaRecord,
    MessageRecord,
    Record,
    StatusRecord,
    TemplateRecord,
    UnknownRecord,
)
from wa_analytics.settings import Entity, Settings

SENDER = "447700900999"
AT = "2026-01-01T10:10:00.000+0000"
MICROS = 1_767_262_200_000_000
PERSON = (Identifier("phone", f"+{ANA}"),)
SETTINGS = Settings(entity=(Entity(key="air", channels=(SENDER,)),))


def capture(stated: Any) -> Capture:
    return Capture(json.dumps(stated).encode(), {}, "infobip", RECEIVED)


def records(stated: Any, settings: Settings = SETTINGS) -> list[Record]:
    return parser("infobip")(capture(stated), settings)


def inbound(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    result = {
        "from": ANA, "to": SENDER, "integrationType": "WHATSAPP", "receivedAt": AT,
        "messageId": "wamid.A", "message": message, "contact": {"name": "Invented"},
        "price": {"pricePerMessage": 0, "currency": "EUR"},
    }  # fmt: skip
    return {name: part for name, part in (result | more).items() if part is not ...}


def report(group: str, *, name: str = "", error: int = 0, **more: Any) -> dict[str, Any]:
    result = {
        "bulkId": "", "messageId": "m-1", "to": ANA, "sentAt": "2026-01-01T07:10:00.000-0300",
        "doneAt": "2026-01-01T10:10:05.500+0000", "messageCount": 1,
        "status": {"id": 5, "groupId": 3, "groupName": group, "name": name or f"{group}_X"},
        "error": {"id": error, "name": "X", "groupId": 0, "groupName": "OK", "permanent": False},
    }  # fmt: skip
    return {name: part for name, part in (result | more).items() if part is not ...}


def of(*results: Any) -> dict[str, Any]:
    return {"results": list(results), "messageCount": len(results), "pendingMessageCount": 0}


@pytest.mark.parametrize(
    ("message", "type_", "text", "has_body"),
    [
        ({"type": "TEXT", "text": "STOP"}, "text", "STOP", True),
        ({"type": "BUTTON", "text": "Stop", "payload": "p"}, "button", "Stop", True),
        ({"type": "INTERACTIVE_BUTTON_REPLY", "id": "1", "title": "Stop"}, "interactive", "Stop", True),
        ({"type": "INTERACTIVE_LIST_REPLY", "id": "1", "title": "Parar"}, "interactive", "Parar", True),
        ({"type": "INTERACTIVE_FLOW_REPLY", "text": "id", "response": {}}, "interactive", None, True),
        ({"type": "CONTACT", "contacts": []}, "contacts", None, True),
        ({"type": "LOCATION", "latitude": 1.5, "longitude": 2}, "location", None, True),
        ({"type": "REACTION", "emoji": "x", "action": "ADDED"}, "reaction", None, True),
        ({"type": "UNSUPPORTED"}, "unsupported", None, False),
        ({"type": "INFECTED_CONTENT", "malware": "x"}, "infected_content", None, False),
    ],
)
def test_an_inbound_message(message: dict[str, Any], type_: str, text: str | None, has_body: bool) -> None:
    assert records(of(inbound(message))) == [
        MessageRecord(
            source="inbound",
            outside_id="wamid.A",
            sent_at=MICROS,
            people=PERSON,
            direction="inbound",
            channel_id=SENDER,
            type=type_,
            text=text,
            has_body=has_body,
        )
    ]


@pytest.mark.parametrize("kind", ["IMAGE", "DOCUMENT", "AUDIO", "VIDEO", "VOICE", "STICKER"])
def test_a_file_is_announced_by_its_message(kind: str) -> None:
    url = f"https://base.example/whatsapp/1/senders/{SENDER}/media/f1b96d31-9ab9"
    message, media = records(of(inbound({"type": kind, "url": url})))
    assert isinstance(message, MessageRecord)
    assert media == MediaRecord(
        source="announced",
        media_id="f1b96d31-9ab9",
        occurred_at=MICROS,
        outside_id="wamid.A",
        type=message.type,
        channel_id=SENDER,
    )


def test_an_unknown_type_is_a_message_all_the_same_and_counted() -> None:
    counted, message = records(of(inbound({"type": "HOLOGRAM"})))
    assert counted == UnknownRecord(kind="type", name="HOLOGRAM")
    assert isinstance(message, MessageRecord)
    assert message.type == "hologram"


def test_another_channel_is_counted_by_its_name() -> None:
    assert records(of(inbound({"type": "TEXT", "text": "x"}, integrationType="VIBER"))) == [
        UnknownRecord(kind="channel", name="viber")
    ]


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        (report("DELIVERED"), [("sent", 0, None), ("delivered", 5_500_000, None)]),
        (report("UNDELIVERABLE", error=7045), [("sent", 0, None), ("failed", 5_500_000, 7045)]),
        (report("EXPIRED"), [("sent", 0, None), ("failed", 5_500_000, None)]),
        (report("REJECTED", error=50), [("failed", 5_500_000, 50)]),
        (report("PENDING"), [("sent", 0, None)]),
        (report("PENDING", sentAt=...), [("sent", 5_500_000, None)]),
        (report("DELIVERED", name="DELIVERED_TO_OPERATOR"), [("sent", 0, None)]),
        (report("", status={"groupId": 2, "id": 9}), [("sent", 0, None), ("failed", 5_500_000, None)]),
        (report("DELIVERED", doneAt=...), [("sent", 0, None), ("delivered", 0, None)]),
    ],
)
def test_a_delivery_report_tells_when_it_was_taken_and_what_became_of_it(
    stated: dict[str, Any], found: list[tuple[str, int, int | None]]
) -> None:
    assert records(of(stated)) == [
        StatusRecord(
            outside_id="m-1", status=status, occurred_at=MICROS + after, people=PERSON, error_code=code
        )
        for status, after, code in found
    ]


def test_an_unknown_group_is_counted_and_the_send_is_known() -> None:
    assert [type(record).__name__ for record in records(of(report("PARTIAL")))] == [
        "UnknownRecord",
        "StatusRecord",
    ]


@pytest.mark.parametrize(("business", "person"), [("from", "to"), ("to", "from")])
def test_a_seen_report_whichever_way_round(business: str, person: str) -> None:
    """Infobip's schema and its examples differ; the settings know the business number."""
    stated = {"messageId": "m-1", business: SENDER, person: ANA, "sentAt": AT, "seenAt": AT}
    assert records(of(stated)) == [
        StatusRecord(outside_id="m-1", status=status, occurred_at=MICROS, people=PERSON, channel_id=SENDER)
        for status in ("sent", "read")
    ]


def test_a_seen_report_of_unknown_numbers_names_nobody() -> None:
    """The business number as a person would make everybody written to one party."""
    stated = {"messageId": "m-1", "from": SENDER, "to": ANA, "seenAt": AT}
    assert records(of(stated), Settings()) == [
        UnknownRecord(kind="sender", name="seen"),
        StatusRecord(outside_id="m-1", status="read", occurred_at=MICROS),
    ]


@pytest.mark.parametrize("action", ["stop", "resume"])
def test_a_stop_or_resume(action: str) -> None:
    content = {"sender": SENDER, "from": ANA, "notificationMessagesStatus": action, "description": "x"}
    assert records({"from": SENDER, "content": content, "createdAt": AT}) == [
        ConsentRecord(
            source="preference",
            people=PERSON,
            purpose="marketing",
            action=action,
            occurred_at=MICROS,
            channel_id=SENDER,
        )
    ]


@pytest.mark.parametrize(
    ("content", "event", "detail"),
    [
        ({"type": "user_identity_changed", "hash": "x", "userNumber": ANA}, "identity.key_changed", None),
        ({"type": "payment", "from": ANA, "paymentStatus": "CAPTURED"}, "payment.status", "CAPTURED"),
    ],
)
def test_notices(content: dict[str, Any], event: str, detail: str | None) -> None:
    assert records({"from": SENDER, "content": content, "createdAt": AT}) == [
        ChannelEventRecord(event=event, occurred_at=MICROS, channel_id=SENDER, detail=detail, people=PERSON)
    ]


def template(**change: Any) -> dict[str, Any]:
    return {
        "messageTemplateId": 1, "messageTemplateName": "sale", "messageTemplateLanguage": "en",
        "timestamp": AT, "change": change, "entityId": 123456,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "record"),
    [
        (
            {"type": "TEMPLATE_STATUS_UPDATE", "newStatus": "REJECTED", "reason": "SCAM"},
            TemplateRecord(name="sale", observed_at=MICROS, language="en", status="rejected"),
        ),
        (
            {"type": "TEMPLATE_CATEGORY_UPDATE", "previousCategory": "UTILITY", "newCategory": "MARKETING"},
            TemplateRecord(name="sale", observed_at=MICROS, language="en", category="marketing"),
        ),
        (
            {"type": "TEMPLATE_QUALITY_UPDATE", "previousQualityScore": "HIGH", "newQualityScore": "LOW"},
            ChannelEventRecord(event="template.quality", occurred_at=MICROS, detail="LOW", subject="sale"),
        ),
        ({"type": "TEMPLATE_COLOUR_UPDATE"}, UnknownRecord(kind="type", name="TEMPLATE_COLOUR_UPDATE")),
    ],
)
def test_template_updates(change: dict[str, Any], record: Record) -> None:
    assert records(template(**change)) == [record]


@pytest.mark.parametrize(
    "stated",
    [
        of({"messageId": "x"}),
        of(None, 3, "x"),
        of(inbound({"type": "TEXT"}, messageId=...)),
        of(inbound({"type": "TEXT"}, receivedAt="yesterday")),
        of(report("DELIVERED", sentAt=..., doneAt=...)),
        of({"seenAt": "never", "messageId": "x"}),
        of(),
        {"content": {"notificationMessagesStatus": "stop"}, "createdAt": AT},
        {"content": {"type": "payment"}, "createdAt": "never"},
        template(type="TEMPLATE_STATUS_UPDATE") | {"messageTemplateName": ""},
    ],
)
def test_what_cannot_be_read_is_counted(stated: Any) -> None:
    found = records(stated)
    assert found
    assert {(type(record).__name__, getattr(record, "kind", "")) for record in found} == {
        ("UnknownRecord", "malformed")
    }


def test_one_bad_result_costs_its_neighbours_nothing() -> None:
    found = records(of(None, inbound({"type": "TEXT", "text": "x"}), 7))
    assert [type(record).__name__ for record in found] == ["UnknownRecord", "MessageRecord", "UnknownRecord"]


@pytest.mark.parametrize(
    "stated", [[], {}, 3, {"results": {}}, {"content": {}}, {"object": "x", "entry": []}]
)
def test_other_json_is_unreadable(stated: Any) -> None:
    with pytest.raises(CaptureUnreadable, match="no Infobip webhook body"):
        records(stated)


def test_one_of_two_people_is_cut_out() -> None:
    whole = capture(
        of(
            inbound({"type": "TEXT", "text": "x"}),
            inbound({"type": "TEXT", "text": "y"}, **{"from": BEN, "messageId": "wamid.B"}),
            report("DELIVERED", messageId="wamid.A"),
        )
    )
    facts = facts_of(whole, SETTINGS)
    carving = carved(
        whole, SETTINGS, "0a", lambda fact: fact.outside_id == "wamid.A", lambda person: person in PERSON
    )
    assert carving.outcome == "carved"
    assert carving.rest is not None
    assert ANA.encode() not in carving.rest.body
    assert facts_of(carving.rest, SETTINGS) == [fact for fact in facts if fact.outside_id == "wamid.B"]
    assert len(carving.dropped) == 3
    alone = capture(of(inbound({"type": "TEXT"})))
    assert carved(alone, SETTINGS, "", lambda fact: True, lambda person: True).outcome == "whole"
