"""Field `history`: chunks, threads, states without a time, a declined history."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import ANA, BEN, CHANNEL, MICROS, RECEIVED, body, message, only, parsed
from wa_analytics.records import (
    ChannelEventRecord,
    Identifier,
    LinkRecord,
    MessageRecord,
    StatusRecord,
    UnknownRecord,
)

OWN = "15550783881"
PERSON = Identifier("phone", "+" + ANA)


def history(*messages: dict[str, Any], **thread: Any) -> dict[str, Any]:
    threads = [{"id": ANA, **thread, "messages": list(messages)}]
    return body(
        "history",
        history=[{"metadata": {"phase": 0, "chunk_order": "1", "progress": 55}, "threads": threads}],
    )


@pytest.mark.parametrize(
    ("sender", "to", "direction"),
    [
        (OWN, ANA, "outbound"),
        (ANA, OWN, "inbound"),
        (ANA, ..., "inbound"),
        (..., ANA, "outbound"),
        (..., ..., "inbound"),
    ],
)
def test_the_person_of_a_thread_and_who_wrote(sender: Any, to: Any, direction: str) -> None:
    record = only(parsed(history(message(**{"from": sender, "to": to}))), MessageRecord)
    assert (record.source, record.direction, record.people) == ("history", direction, (PERSON,))
    assert (record.kind, record.text, record.has_body, record.sent_at) == (None, "hello", True, MICROS)


def test_a_message_outside_a_thread_names_its_own_person() -> None:
    for parts, people in (
        ({"from": OWN, "to": BEN}, (Identifier("phone", "+" + BEN),)),
        ({"from": ANA}, (PERSON,)),
    ):
        assert only(parsed(body("history", messages=[message(**parts)])), MessageRecord).people == people


def test_a_thread_s_context_is_one_person() -> None:
    context = {"wa_id": ANA, "user_id": "US.1", "parent_user_id": "US.ENT.2", "username": "invented"}
    records = parsed(history(message(), context=context))
    people = (PERSON, Identifier("user_id", "US.1"))
    links = [record for record in records if isinstance(record, LinkRecord)]
    assert links == [
        LinkRecord(people=people, rule="contact"),
        LinkRecord(people=(PERSON, Identifier("username", "invented")), rule="username"),
    ]
    assert only(records, MessageRecord).people == people


@pytest.mark.parametrize(
    ("state", "status"),
    [("SENT", "sent"), ("DELIVERED", "delivered"), ("READ", "read"), ("PLAYED", "played"),
     ("ERROR", "failed"), ("read", "read"), ("PENDING", None)],
)  # fmt: skip
def test_a_state_is_told_as_of_the_message_s_own_time(state: str, status: str | None) -> None:
    sent = message(**{"from": OWN, "to": ANA, "history_context": {"status": state}})
    found = [record for record in parsed(history(sent)) if isinstance(record, StatusRecord)]
    assert [(one.status, one.occurred_at, one.people) for one in found] == (
        [(status, MICROS, (PERSON,))] if status else []
    )


def test_an_unknown_state_is_counted_and_an_inbound_one_is_ours() -> None:
    sent = message(**{"from": OWN, "to": ANA, "history_context": {"status": "MELTED"}})
    assert only(parsed(history(sent)), UnknownRecord) == UnknownRecord(kind="status", name="MELTED")
    read = parsed(history(message(history_context={"status": "READ"})))
    assert not [record for record in read if isinstance(record, StatusRecord)]


def test_a_placeholder_has_no_body_yet() -> None:
    records = parsed(history(message(type="media_placeholder", text=...)))
    record = only(records, MessageRecord)
    assert (record.type, record.has_body) == ("media_placeholder", False)
    assert not [one for one in records if isinstance(one, UnknownRecord)]


def test_which_chunk_it_was() -> None:
    event = only(parsed(history(message())), ChannelEventRecord)
    assert (event.event, event.detail, event.channel_id) == ("history.chunk", "0.1.55", CHANNEL)
    assert event.occurred_at == RECEIVED


DECLINED = {
    "messaging_product": "whatsapp",
    "metadata": {"phone_number_id": CHANNEL},
    "history": [{"errors": [{"code": 2593109, "title": "t", "error_data": {"details": "d"}}]}],
}


@pytest.mark.parametrize("stated", [DECLINED, body("history", **DECLINED)])
def test_a_declined_history_with_and_without_the_envelope(stated: Any) -> None:
    assert [(record.event, record.detail, record.channel_id) for record in parsed(stated)] == [  # type: ignore[union-attr]
        ("history.declined", "2593109", CHANNEL)
    ]


def test_another_error() -> None:
    event = only(parsed(body("history", history=[{"errors": [{"code": 5}]}])), ChannelEventRecord)
    assert (event.event, event.detail) == ("history.unlisted", "5")


@pytest.mark.parametrize("value", [{}, {"history": 5}, {"history": [{"threads": 5}]}, {"history": [None]}])
def test_a_history_of_another_shape_is_counted(value: dict[str, Any]) -> None:
    assert parsed(body("history", **value)) == [UnknownRecord(kind="malformed", name="history")]


def test_one_malformed_message_costs_its_neighbours_nothing() -> None:
    records = parsed(
        history(message(id="wamid.1"), {"id": 5}, message(id="wamid.2", timestamp="soon"), message())
    )
    assert [one.outside_id for one in records if isinstance(one, MessageRecord)] == ["wamid.1", "wamid.A"]
    assert [one.name for one in records if isinstance(one, UnknownRecord)] == ["messages", "history"]
