"""Twilio's webhooks and its list of messages, with invented people."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.providers.worlds import ANA, BEN, RECEIVED
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.providers.carving import carved
from wa_analytics.providers.facts import facts_of
from wa_analytics.records import (
    Identifier,
    MediaRecord,
    MessageRecord,
    Record,
    StatusRecord,
    UnknownRecord,
)
from wa_analytics.settings import Settings

SENDER = "447700900999"
ACCOUNT = "AC00000000000000000000000000000000"
PERSON = (Identifier("phone", f"+{ANA}"),)


def form(**given: str) -> Capture:
    fields = {
        "MessageSid": "SM1",
        "AccountSid": ACCOUNT,
        "From": f"whatsapp:+{ANA}",
        "To": f"whatsapp:+{SENDER}",
    }
    return Capture(urlencode(fields | given).encode(), {}, "twilio", RECEIVED)


def page(*messages: Any) -> Capture:
    stated = {"messages": list(messages), "page": 0, "next_page_uri": None}
    return Capture(json.dumps(stated).encode(), {"source": "messages"}, "twilio", RECEIVED)


def listed(**given: Any) -> dict[str, Any]:
    fields = {
        "sid": "SM1", "account_sid": ACCOUNT, "from": f"whatsapp:+{SENDER}", "to": f"whatsapp:+{ANA}",
        "body": "Your bag has been found", "direction": "outbound-api", "status": "delivered",
        "error_code": None, "num_media": "0", "date_created": "Thu, 01 Jan 2026 10:10:00 +0000",
        "date_sent": "Thu, 01 Jan 2026 10:10:01 +0000", "date_updated": "Thu, 01 Jan 2026 10:10:07 +0000",
    }  # fmt: skip
    return fields | given


SENT = 1_767_262_201_000_000


def records(capture: Capture) -> list[Record]:
    return parser("twilio")(capture, Settings())


def test_a_message_received_is_dated_by_its_reception() -> None:
    assert records(form(SmsStatus="received", Body="STOP & go+äö", NumMedia="0", WaId=ANA)) == [
        MessageRecord(
            source="inbound",
            outside_id="SM1",
            sent_at=RECEIVED,
            people=PERSON,
            direction="inbound",
            channel_id=SENDER,
            account_id=ACCOUNT,
            type="text",
            text="STOP & go+äö",
            has_body=True,
        )
    ]


@pytest.mark.parametrize(
    ("given", "type_", "text"),
    [
        ({"MessageType": "audio", "Body": ""}, "audio", None),
        ({"MessageType": "voice"}, "audio", None),
        ({"ButtonText": "Stop", "ButtonPayload": "1", "Body": "Stop"}, "button", "Stop"),
        ({"Latitude": "1.5", "Longitude": "2", "Body": ""}, "location", None),
        ({"MediaContentType0": "application/pdf", "Body": ""}, "document", None),
        ({"MediaContentType0": "image/jpeg", "Body": "look"}, "image", "look"),
    ],
)
def test_types(given: dict[str, str], type_: str, text: str | None) -> None:
    message = records(form(SmsStatus="received", **given))[0]
    assert isinstance(message, MessageRecord)
    assert (message.type, message.text) == (type_, text)


def test_files_are_announced() -> None:
    url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/SM1/Media/"
    _, *media = records(
        form(
            SmsStatus="received", NumMedia="2", MediaUrl0=url + "ME0", MediaContentType0="image/jpeg",
            MediaUrl1=url + "ME1",
        )
    )  # fmt: skip
    assert [
        (one.media_id, one.mime_type, one.outside_id) for one in media if isinstance(one, MediaRecord)
    ] == [
        ("ME0", "image/jpeg", "SM1"),
        ("ME1", None, "SM1"),
    ]


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
    ],
)
def test_a_status(status: str, means: str) -> None:
    given = {"From": f"whatsapp:+{SENDER}", "To": f"whatsapp:+{ANA}", "MessageStatus": status}
    assert records(form(**given, ErrorCode="63016")) == [
        StatusRecord(
            outside_id="SM1",
            status=means,
            occurred_at=RECEIVED,
            people=PERSON,
            channel_id=SENDER,
            account_id=ACCOUNT,
            error_code=63016,
        )
    ]


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({"From": f"+{ANA}", "To": f"+{SENDER}"}, ("channel", "sms")),
        ({"From": "messenger:1", "To": "messenger:2"}, ("channel", "messenger")),
        ({"MessageStatus": "queued"}, ("status", "queued")),
        ({"MessageStatus": "x y"}, ("status", "other")),
        ({"MessageStatus": ""}, ("status", "missing")),
    ],
)
def test_what_is_no_fact_is_counted(given: dict[str, str], counted: tuple[str, str]) -> None:
    assert records(form(**given)) == [UnknownRecord(kind=counted[0], name=counted[1])]


@pytest.mark.parametrize(
    "body", [b"", b"a=b", b"MessageSid", b"MessageSid=", b"\xff=1&MessageSid=1", b"MessageSid=%ff", b"null",
             b"[]", b'{"sid":"SM1"}', b'{"messages":{}}', b"a=1&" * 5000 + b"MessageSid=1"]
)  # fmt: skip
def test_other_bodies_are_unreadable(body: bytes) -> None:
    with pytest.raises(CaptureUnreadable):
        records(Capture(body, {}, "twilio", RECEIVED))


# The list of messages


def test_a_message_sent_as_the_list_tells_it() -> None:
    message, *statuses = records(page(listed()))
    assert message == MessageRecord(
        source="provider_log",
        outside_id="SM1",
        sent_at=SENT,
        people=PERSON,
        direction="outbound",
        channel_id=SENDER,
        account_id=ACCOUNT,
        text="Your bag has been found",
        has_body=True,
    )
    assert [(one.status, one.occurred_at - SENT) for one in statuses if isinstance(one, StatusRecord)] == [
        ("sent", 0),
        ("delivered", 6_000_000),
    ]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"status": "sent"}, [("sent", 0, None)]),
        ({"status": "undelivered", "error_code": 63016}, [("failed", 6_000_000, 63016)]),
        ({"status": "read", "date_updated": None}, [("sent", 0, None)]),
        ({"status": "read", "date_updated": "Wed, 31 Dec 2025 00:00:00 +0000"},
         [("sent", 0, None), ("read", 0, None)]),
    ],
)  # fmt: skip
def test_what_became_of_it(given: dict[str, Any], found: list[tuple[str, int, int | None]]) -> None:
    statuses = [one for one in records(page(listed(**given))) if isinstance(one, StatusRecord)]
    assert [(one.status, one.occurred_at - SENT, one.error_code) for one in statuses] == found


def test_a_message_received_has_the_list_s_time_and_no_status() -> None:
    given = {
        "direction": "inbound",
        "status": "received",
        "from": f"whatsapp:+{ANA}",
        "to": f"whatsapp:+{SENDER}",
    }
    (message,) = records(page(listed(**given)))
    assert isinstance(message, MessageRecord)
    assert (message.source, message.direction, message.people, message.channel_id, message.sent_at) == (
        "inbound",
        "inbound",
        PERSON,
        SENDER,
        SENT,
    )


@pytest.mark.parametrize(
    ("given", "has_body"),
    [({"body": ""}, False), ({"body": None}, False), ({"body": "", "num_media": "2"}, True), ({}, True)],
)
def test_a_body_discarded_at_its_source_is_not_held(given: dict[str, Any], has_body: bool) -> None:
    message = records(page(listed(**given)))[0]
    assert isinstance(message, MessageRecord)
    assert message.has_body is has_body


@pytest.mark.parametrize(("files", "type_"), [("0", None), ("1", "media")])
def test_the_list_tells_of_a_message_that_it_has_files(files: str, type_: str | None) -> None:
    message = records(page(listed(num_media=files)))[0]
    assert isinstance(message, MessageRecord)
    assert message.type == type_


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({"status": "scheduled", "from": None, "date_sent": None}, ("status", "scheduled")),
        ({"status": "canceled"}, ("status", "canceled")),
        ({"status": "teleported"}, ("status", "teleported")),
        ({"from": "+12025550100", "to": "+12025550101"}, ("channel", "sms")),
        ({"sid": None}, ("malformed", "messages")),
        ({"date_sent": "soon", "date_created": None}, ("malformed", "date_sent")),
    ],
)
def test_what_the_list_tells_without_a_fact_is_counted(
    given: dict[str, Any], counted: tuple[str, str]
) -> None:
    assert records(page(listed(**given), None)) == [
        UnknownRecord(kind=counted[0], name=counted[1]),
        UnknownRecord(kind="malformed", name="messages"),
    ]


def test_one_message_alone_and_an_empty_page() -> None:
    alone = Capture(json.dumps(listed()).encode(), {}, "twilio", RECEIVED)
    assert records(alone) == records(page(listed()))
    assert records(page()) == []


def test_one_of_two_people_is_cut_out_of_a_page() -> None:
    whole = page(
        listed(), listed(sid="SM2", to=f"whatsapp:+{BEN}"), listed(sid="SM3", to=f"+{ANA}", **{"from": "+1"})
    )
    carving = carved(
        whole, Settings(), "0a", lambda fact: fact.outside_id == "SM1", lambda person: person in PERSON
    )
    assert carving.outcome == "carved"
    assert carving.rest is not None
    assert ANA.encode() not in carving.rest.body, "their SMS goes too"
    kept = [fact for fact in facts_of(whole, Settings()) if fact.outside_id == "SM2"]
    assert facts_of(carving.rest, Settings()) == kept != []
    assert (
        carved(form(SmsStatus="received"), Settings(), "", lambda fact: True, lambda one: True).outcome
        == "whole"
    )
