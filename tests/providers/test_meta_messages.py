from __future__ import annotations

import json
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
    capture,
    message,
    only,
    parsed,
    settings,
    status,
)
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.records import (
    ChannelEventRecord,
    Identifier,
    LinkRecord,
    MediaRecord,
    MessageRecord,
    StatusRecord,
    UnknownRecord,
)

MEDIA = ("image", "video", "document", "audio", "sticker")
ANA_PHONE = Identifier("phone", "+" + ANA)
BEN_PHONE = Identifier("phone", "+" + BEN)


def test_a_text_message() -> None:
    record = only(parsed(body(messages=[message()])), MessageRecord)
    assert record == MessageRecord(
        source="inbound",
        outside_id="wamid.A",
        sent_at=MICROS,
        people=(ANA_PHONE,),
        direction="inbound",
        channel_id=CHANNEL,
        account_id=ACCOUNT,
        type="text",
        text="hello",
        has_body=True,
    )


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text", {"body": "stop"}, "stop"),
        ("button", {"payload": "p", "text": "Stop"}, "Stop"),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}, "Yes"),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "No"}}, "No"),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}, None),
        ("interactive", {"type": "call_permission_reply"}, None),
        ("image", {"id": "1", "caption": "stop"}, None),
        ("video", {"id": "1"}, None),
        ("document", {"id": "1", "filename": "a.pdf"}, None),
        ("audio", {"id": "1", "voice": True}, None),
        ("sticker", {"id": "1", "animated": False}, None),
        ("location", {"latitude": 1.5, "longitude": 2}, None),
        ("contacts", [{"name": {"formatted_name": "Invented"}}], None),
        ("reaction", {"message_id": "wamid.B"}, None),
        ("order", {"catalog_id": "1", "text": "stop"}, None),
    ],
)
def test_every_type_and_where_words_are_looked_for(kind: str, content: Any, text: str | None) -> None:
    records = parsed(body(messages=[message(**{"text": ..., "type": kind, kind: content})]))
    record = only(records, MessageRecord)
    assert (record.type, record.text, record.has_body) == (kind, text, True)
    files = [record for record in records if isinstance(record, MediaRecord)]
    assert [file.type for file in files] == ([kind] if isinstance(content, dict) and kind in MEDIA else [])
    assert len(records) == 1 + len(files)


def test_an_unsupported_message_has_no_body() -> None:
    errors = [{"code": 131051, "title": "t"}]
    records = parsed(body(messages=[message(type="unsupported", text=..., errors=errors)]))
    assert only(records, MessageRecord).has_body is False


def test_a_type_nobody_knows_is_a_message_and_is_counted() -> None:
    records = parsed(body(messages=[message(type="hologram", text=...)]))
    assert only(records, MessageRecord).type == "hologram"
    assert only(records, UnknownRecord) == UnknownRecord(kind="type", name="hologram")


def test_a_type_that_may_be_a_value_is_never_a_name() -> None:
    records = parsed(body(messages=[message(type=f"call {ANA}", text=...)]))
    assert only(records, MessageRecord).type == "other"
    assert only(records, UnknownRecord).name == "other"


def test_no_phone_in_the_body() -> None:
    user = Identifier("user_id", "US.134")
    for contacts, parts in (
        ([], {"from": ..., "from_user_id": "US.134"}),
        ([{"user_id": "US.134", "profile": {"name": "Invented"}}], {"from": ...}),
    ):
        record = only(parsed(body(messages=[message(**parts)], contacts=contacts)), MessageRecord)
        assert record.people == (user,)
    both = only(parsed(body(messages=[message(from_user_id="US.134")])), MessageRecord)
    assert both.people == (ANA_PHONE, user)


def test_two_contacts_do_not_say_who_wrote() -> None:
    records = parsed(body(messages=[message(**{"from": ...})], contacts=[{"wa_id": ANA}, {"wa_id": BEN}]))
    assert only(records, MessageRecord).people == ()


def test_a_contact_with_both_ids_links_them() -> None:
    contacts = [{"wa_id": ANA, "user_id": "US.134"}, {"wa_id": BEN}, {"user_id": "US.9"}]
    link = only(parsed(body(messages=[message()], contacts=contacts)), LinkRecord)
    assert link == LinkRecord(people=(ANA_PHONE, Identifier("user_id", "US.134")), rule="contact")


@pytest.mark.parametrize("rule", ["user_changed_number", "user_changed_user_id"])
def test_a_moved_person_is_linked(rule: str) -> None:
    system = {"type": rule, "body": "x", "wa_id": BEN, "user_id": "US.2", "previous_user_id": "US.1"}
    records = parsed(body(messages=[message(type="system", text=..., system=system)]))
    assert only(records, MessageRecord).type == "system"
    link = only(records, LinkRecord)
    people = (ANA_PHONE, BEN_PHONE, Identifier("user_id", "US.2"), Identifier("user_id", "US.1"))
    assert link == LinkRecord(people=people, rule=rule, occurred_at=MICROS)


def test_an_identity_change_links_nobody() -> None:
    system = {"type": "customer_identity_changed", "body": "x", "wa_id": BEN}
    records = parsed(body(messages=[message(type="system", text=..., system=system)]))
    assert [type(record) for record in records] == [MessageRecord]


@pytest.mark.parametrize("timestamp", [AT, str(AT)])
def test_times_are_text_or_numbers(timestamp: int | str) -> None:
    records = parsed(body(messages=[message(timestamp=timestamp)], statuses=[status(timestamp=timestamp)]))
    assert only(records, MessageRecord).sent_at == MICROS
    assert only(records, StatusRecord).occurred_at == MICROS


@pytest.mark.parametrize("name", ["sent", "delivered", "read", "played", "failed"])
def test_every_status(name: str) -> None:
    record = only(parsed(body(statuses=[status(status=name)])), StatusRecord)
    assert (record.status, record.outside_id, record.people) == (name, "wamid.S", (ANA_PHONE,))
    assert (record.channel_id, record.account_id) == (CHANNEL, ACCOUNT)


def test_a_status_s_price_and_failure() -> None:
    pricing = {"billable": True, "pricing_model": "PMP", "category": "marketing_lite", "type": "regular"}
    errors = [{"code": 131049}, {"code": "131050"}]
    record = only(parsed(body(statuses=[status(pricing=pricing, errors=errors)])), StatusRecord)
    assert (record.category, record.error_code) == ("marketing_lite", 131050)
    assert record.extra == {"pricing_type": "regular", "pricing_model": "PMP", "is_billable": True}
    first = only(parsed(body(statuses=[status(errors=[{"code": 130472}, {"code": 5}])])), StatusRecord)
    assert first.error_code == 130472


def test_a_group_is_no_person() -> None:
    group = status(recipient_type="group", recipient_id="Y2FwaV9ncm91cDox")
    assert only(parsed(body(statuses=[group])), StatusRecord).people == ()
    member = group | {"recipient_participant_id": BEN, "recipient_participant_user_id": "GB.5"}
    people = only(parsed(body(statuses=[member])), StatusRecord).people
    assert people == (BEN_PHONE, Identifier("user_id", "GB.5"))


def test_a_status_nobody_knows_is_counted() -> None:
    assert parsed(body(statuses=[status(status="deleted")])) == [UnknownRecord(kind="status", name="deleted")]


@pytest.mark.parametrize(
    "broken",
    [
        "no object",
        {"type": "text"},
        {"id": ["x"], "timestamp": "1"},
        {"id": "wamid.X", "timestamp": "soon"},
        {"id": "wamid.X", "timestamp": 1.5},
        None,
    ],
)
def test_one_malformed_message_costs_its_neighbours_nothing(broken: Any) -> None:
    good = [message(id="wamid.1"), broken, message(id="wamid.2")]
    records = parsed(body(messages=good, statuses=[status()]))
    messages = [record.outside_id for record in records if isinstance(record, MessageRecord)]
    assert messages == ["wamid.1", "wamid.2"]
    assert only(records, StatusRecord).outside_id == "wamid.S"
    assert only(records, UnknownRecord) == UnknownRecord(kind="malformed", name="messages")


def test_a_part_of_an_unknown_shape_is_left_out_and_counted() -> None:
    records = parsed(body(messages=[message(text="hello", context="odd")]))
    record = only(records, MessageRecord)
    assert (record.outside_id, record.text, record.extra) == ("wamid.A", None, {})
    assert only(records, UnknownRecord) == UnknownRecord(kind="malformed", name="messages")


def test_a_broken_price_keeps_its_failure_code() -> None:
    odd = status(status="failed", pricing={"category": 7}, errors=[{"code": 131050, "title": 3}])
    records = parsed(body(statuses=[odd]))
    assert only(records, StatusRecord).error_code == 131050


def test_order_of_keys_and_whitespace_do_not_matter() -> None:
    stated = body(messages=[message()])
    turned = {name: stated[name] for name in reversed(stated)}
    turned["entry"][0]["changes"][0] = dict(reversed(turned["entry"][0]["changes"][0].items()))
    exact = b"\xef\xbb\xbf" + json.dumps(turned, indent=2).encode()
    assert parsed(exact) == parsed(body(messages=[message()]))


def test_several_accounts_and_changes_in_one_body() -> None:
    stated = body(messages=[message(id="wamid.1")])
    stated["entry"] += body(statuses=[status()])["entry"]
    stated["entry"][0]["changes"] += body(messages=[message(id="wamid.2")])["entry"][0]["changes"]
    assert [record.outside_id for record in parsed(stated)] == [  # type: ignore[union-attr]
        "wamid.1",
        "wamid.2",
        "wamid.S",
    ]


@pytest.mark.parametrize(
    ("code", "detail"), [(131000, "131000"), ("131000", "131000"), (12025550123, "other")]
)
def test_errors_of_the_number_itself(code: int | str, detail: str) -> None:
    records = parsed(body(errors=[{"code": code, "title": "x"}]))
    event = only(records, ChannelEventRecord)
    assert (event.event, event.detail, event.channel_id) == ("number.error", detail, CHANNEL)
    assert parsed(body(errors="gone")) == [UnknownRecord(kind="malformed", name="errors")]


def test_a_user_name_is_remembered_and_a_parent_user_id_is_not() -> None:
    contact = {
        "wa_id": ANA,
        "user_id": "US.134",
        "parent_user_id": "US.ENT.7",
        "profile": {"username": "ana.i"},
    }
    records = parsed(body(messages=[message()], contacts=[contact]))
    assert [record for record in records if isinstance(record, LinkRecord)] == [
        LinkRecord(people=(ANA_PHONE, Identifier("user_id", "US.134")), rule="contact"),
        LinkRecord(people=(ANA_PHONE, Identifier("username", "ana.i")), rule="username"),
    ]
    nobody = parsed(body(messages=[message()], contacts=[{"profile": {"username": "ana.i"}}]))
    assert not [record for record in nobody if isinstance(record, LinkRecord)]


@pytest.mark.parametrize(
    "stated", [b"", b"{", b"\xff\xfe", b"[1]", b"7", b'"x"', b"null", b"{}", b'{"object": 1, "entry": []}',
               b'{"object":"whatsapp_business_account","entry":{}}', b"[" * 100_000]
)  # fmt: skip
def test_what_is_no_webhook_body_is_unreadable(stated: bytes) -> None:
    with pytest.raises(CaptureUnreadable, match=r"line 12: .+;"):
        parser("meta-cloud")(capture(stated, line="12"), settings())


def test_the_sentence_never_quotes_the_body() -> None:
    with pytest.raises(CaptureUnreadable) as caught:
        parsed(b'{"object": 12025550123, "entry": "12025550123"}')
    assert ANA not in str(caught.value)


def test_another_object_is_counted() -> None:
    records = parsed({"object": "page", "entry": [{"anything": [1, {"a": None}]}]})
    assert records == [UnknownRecord(kind="object", name="page")]


@pytest.mark.parametrize("entry", [[], [{"id": "1", "changes": []}]])
def test_an_envelope_of_nothing_is_not_lost_unseen(entry: list[Any]) -> None:
    records = parsed({"object": "whatsapp_business_account", "entry": entry})
    assert records == [UnknownRecord(kind="malformed", name="entry")]


def test_odd_accounts_and_changes_are_counted() -> None:
    stated = body(messages=[message()])
    stated["entry"] += ["odd", {"id": "1", "changes": [{"field": 7}, {"field": "messages", "value": 3}]}]
    records = parsed(stated)
    assert only(records, MessageRecord).outside_id == "wamid.A"
    names = sorted(record.name for record in records if isinstance(record, UnknownRecord))
    assert names == ["changes", "entry", "messages", "value"]


def test_the_file_s_own_capture_says_nothing() -> None:
    facts = Capture(b'{"file":{}}', {"kind": "file"}, "meta-cloud", 0)
    assert parser("meta-cloud")(facts, settings()) == []
