"""Field `standby`: the same one level deeper, and our own messages with their whole send request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import ACCOUNT, ANA, AT, CHANNEL, MICROS, body, message, only, parsed, status
from wa_analytics.records import (
    ChannelEventRecord,
    Identifier,
    LinkRecord,
    MediaRecord,
    MessageRecord,
    Record,
    TemplateRecord,
    UnknownRecord,
)

PERSON = Identifier("phone", "+" + ANA)


def standby(**inner: Any) -> list[Record]:
    return parsed(body("standby", standby=inner))


def test_messages_and_statuses_say_what_they_say_elsewhere() -> None:
    inner = {
        "contacts": [{"wa_id": ANA, "user_id": "US.1"}],
        "messages": [message(), message(id="wamid.B", **{"from": ...})],
        "statuses": [status()],
    }
    there, here = standby(**inner), parsed(body(**inner))
    assert sorted(map(repr, there)) == sorted(map(repr, here))
    assert only(there, LinkRecord).rule == "contact"
    assert only(standby(errors=[{"code": 131000}]), ChannelEventRecord).event == "number.error"


def sent(request: Any, **more: Any) -> list[Record]:
    return standby(message_echoes=[{"id": "wamid.S", "timestamp": str(AT), "message": request, **more}])


TEMPLATE = {
    "name": "summer_sale",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "components": [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "Hi {{1}}, enjoy {{2}} off! {{3}}"},
        {"type": "FOOTER", "text": "Limited time"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Shop Now"}]},
    ],
}
REQUEST = {
    "messaging_product": "whatsapp",
    "to": ANA,
    "recipient_type": "individual",
    "type": "template",
    "template": {
        "name": "summer_sale",
        "language": {"code": "en_US"},
        "components": [
            {"type": "header", "parameters": [{"type": "image", "image": {"id": "77"}}]},
            {
                "type": "body",
                "parameters": [{"type": "text", "text": "Ana"}, {"type": "text", "text": "25%"}],
            },
        ],
    },
}


def test_a_template_as_it_was_sent() -> None:
    records = sent(REQUEST, template=TEMPLATE)
    assert only(records, MessageRecord) == MessageRecord(
        source="echo",
        outside_id="wamid.S",
        sent_at=MICROS,
        people=(PERSON,),
        direction="outbound",
        channel_id=CHANNEL,
        account_id=ACCOUNT,
        kind="template",
        type="template",
        purpose="marketing",
        template_name="summer_sale",
        text="Hi Ana, enjoy 25% off! {{3}}\nLimited time",
        has_body=True,
    )
    assert only(records, TemplateRecord) == TemplateRecord(
        name="summer_sale",
        observed_at=MICROS,
        account_id=ACCOUNT,
        language="en_US",
        category="marketing",
        status="approved",
        wording="Hi {{1}}, enjoy {{2}} off! {{3}}\nLimited time",
    )
    file = only(records, MediaRecord)
    assert (file.media_id, file.type, file.outside_id, file.sha256) == ("77", "image", "wamid.S", None)
    assert len(records) == 3


@pytest.mark.parametrize(
    ("request_", "kind", "type_", "text"),
    [
        ({"to": ANA, "text": {"body": "hello"}}, "free_form", "text", "hello"),
        ({"to": ANA, "type": "text", "text": {"body": "hello"}}, "free_form", "text", "hello"),
        (
            {"to": ANA, "type": "image", "image": {"link": "x", "caption": "a cat"}},
            "free_form",
            "image",
            "a cat",
        ),
        (
            {"to": ANA, "type": "interactive", "interactive": {"body": {"text": "choose"}}},
            "free_form",
            "interactive",
            "choose",
        ),
        ({"to": ANA, "type": "template", "template": 5}, "template", "template", None),
    ],
)
def test_every_kind_of_request(request_: Any, kind: str, type_: str, text: str | None) -> None:
    records = sent(request_)
    record = only(records, MessageRecord)
    assert (record.kind, record.type, record.text, record.people) == (kind, type_, text, (PERSON,))
    assert len(records) == 1


@pytest.mark.parametrize(
    ("to", "people", "group"),
    [
        ({"to": int(ANA)}, (PERSON,), None),
        ({"recipient": "US.134"}, (Identifier("user_id", "US.134"),), None),
        ({"to": ANA, "recipient": "US.134"}, (PERSON, Identifier("user_id", "US.134")), None),
        ({"to": "Y2FwaV9ncm91cDox", "recipient_type": "group"}, (), "Y2FwaV9ncm91cDox"),
        ({}, (), None),
    ],
)
def test_whom_it_went_to(to: dict[str, Any], people: tuple[Identifier, ...], group: str | None) -> None:
    record = only(sent({**to, "text": {"body": "hello"}}), MessageRecord)
    assert (record.people, record.group_id) == (people, group)


@pytest.mark.parametrize(
    "echo", [{}, {"id": "wamid.S", "timestamp": AT}, {"id": "wamid.S", "timestamp": "soon", "message": {}}]
)
def test_an_echo_of_another_shape_is_counted(echo: Any) -> None:
    assert standby(message_echoes=[echo]) == [UnknownRecord(kind="malformed", name="message_echoes")]


@pytest.mark.parametrize("value", [{}, {"standby": 5}, {"standby": {}}, {"standby": {"echoes": [1]}}])
def test_a_standby_of_another_shape_is_counted(value: dict[str, Any]) -> None:
    assert parsed(body("standby", **value)) == [UnknownRecord(kind="malformed", name="standby")]
