"""Pulled answers as records: whatever the API answers, codes only, and nothing lost unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.test_any_bytes import json_texts, places, replaced
from tests.providers.worlds import ACCOUNT, CHANNEL, RECEIVED, capture, settings
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.providers.meta_pulled import PULLED
from wa_analytics.records import (
    ChannelEventRecord,
    MediaRecord,
    PlatformMessageRecord,
    Record,
    UnknownRecord,
    VolumeRecord,
)

HOOK = "https://hooks.example.com/in"
HEADERS = {
    "waba_id": ACCOUNT, "phone_number_id": CHANNEL, "phone_digits": "15550783881", "granularity": "day",
    "media_id": "7", "outcome": "fetched",
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "message_templates": {"data": [{"name": "t", "category": "MARKETING", "status": "APPROVED"}]},
    "phone_numbers": {"data": [{"id": CHANNEL, "quality_rating": "RED", "status": "FLAGGED"}]},
    "subscribed_apps": {
        "data": [{"whatsapp_business_api_data": {"id": "1"}, "override_callback_uri": "https://x.invalid"}],
        "paging": {"next": ""},
    },
    "webhook_configuration": {"webhook_configuration": {"phone_number": "https://x.invalid"}},
    "analytics": {
        "analytics": {
            "phone_numbers": ["15550783881"],
            "data_points": [{"start": 86_400, "end": 172_800, "sent": 3, "delivered": 2}],
        }
    },
    "message_history": {
        "data": [{"message_id": "wamid.A", "events": {"data": [{"delivery_status": "SENT", "timestamp": 1}]}}]
    },
}
SOURCES = sorted(ANSWERS)


def read(exact: bytes, source: str, **given_settings: Any) -> list[Record]:
    """Records, or none where unreadable; any other error fails the test."""
    one = Capture(exact, {"source": source, **HEADERS}, "meta-cloud", RECEIVED)
    try:
        records = parser("meta-cloud")(one, settings(callback_url=HOOK, app_id="1", **given_settings))
    except CaptureUnreadable:
        return []
    for record in records:
        if isinstance(record, ChannelEventRecord):
            assert "invalid" not in repr(record)
            assert record.occurred_at == RECEIVED
    return records


def told(source: str, answer: Any, **headers: str) -> list[Record]:
    one = capture(answer, source=source, **HEADERS | headers)
    return parser("meta-cloud")(one, settings(callback_url=HOOK, app_id="1"))


@pytest.mark.parametrize("source", SOURCES)
def test_each_answer_is_read(source: str) -> None:
    records = told(source, ANSWERS[source])
    assert records
    assert not any(isinstance(record, UnknownRecord) for record in records)


@given(st.sampled_from(SOURCES), st.binary(max_size=100))
def test_any_bytes(source: str, exact: bytes) -> None:
    assert not any(isinstance(record, MediaRecord) for record in read(exact, source))


@given(st.sampled_from(SOURCES), json_texts)
def test_any_json(source: str, stated: Any) -> None:
    read(json.dumps(stated).encode(), source)


@given(st.data())
def test_an_answer_with_any_part_changed(choice: st.DataObject) -> None:
    source = choice.draw(st.sampled_from(SOURCES))
    place = choice.draw(st.sampled_from(places(ANSWERS[source])))
    read(json.dumps(replaced(ANSWERS[source], place, choice.draw(json_texts))).encode(), source)


@given(st.sampled_from([*SOURCES, "media"]), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_any_headers(source: str, headers: dict[str, str]) -> None:
    one = Capture(json.dumps(ANSWERS.get(source, {})).encode(), headers | {"source": source}, "meta-cloud", 0)
    assert parser("meta-cloud")(one, settings()) is not None


def test_an_unknown_source_is_unreadable_here() -> None:
    with pytest.raises(CaptureUnreadable, match="upgrade"):
        told("invoices", {})
    assert set(PULLED) == {*ANSWERS, "media"}


def test_counts_that_name_other_numbers_are_of_the_account() -> None:
    (own,) = told("analytics", ANSWERS["analytics"])
    assert own == VolumeRecord(
        start=86_400_000_000, end=172_800_000_000, granularity="day", observed_at=RECEIVED, sent_count=3,
        delivered_count=2, channel_id=CHANNEL, account_id=ACCOUNT,
    )  # fmt: skip
    for named, channel in (([], CHANNEL), (["+1 555-078-3881"], CHANNEL), (["15550783881", "1"], None)):
        stated = {"analytics": {**ANSWERS["analytics"]["analytics"], "phone_numbers": named}}
        (record,) = told("analytics", stated)
        assert isinstance(record, VolumeRecord)
        assert record.channel_id == channel
    assert told("analytics", {"id": ACCOUNT}) == []


@pytest.mark.parametrize(
    "point",
    [
        {"start": 5, "end": 5, "sent": 1}, {"start": 9, "end": 5, "sent": 1},
        {"start": -1, "end": 5, "sent": 1}, {"end": 5, "sent": 1}, {"start": 1, "end": 5},
        {"start": 1, "end": 5, "sent": -1},
        {"start": 1, "end": 5, "sent": True}, {"start": 1, "end": 5, "sent": 1e30}, 7,
    ],
)  # fmt: skip
def test_a_count_that_is_none_is_counted(point: Any) -> None:
    stated = {"analytics": {"data_points": [point]}}
    assert told("analytics", stated) == [UnknownRecord(kind="malformed", name="analytics")]


def test_apps_over_several_pages() -> None:
    other = {"whatsapp_business_api_data": {"id": "2"}}
    more = {"data": [other], "paging": {"next": "x", "cursors": {"after": "y"}}}
    malformed = [UnknownRecord(kind="malformed", name="subscribed_apps")]
    # A list of which more pages exist does not tell that we are missing.
    assert told("subscribed_apps", more) == malformed
    assert told("subscribed_apps", {"data": [other]}, page="1") == malformed
    (missing,) = told("subscribed_apps", {"data": [other]}, page="0")
    assert isinstance(missing, ChannelEventRecord)
    assert (missing.event, missing.account_id, missing.channel_id) == ("webhook.unsubscribed", ACCOUNT, None)
    # Nor does one that cannot be read in full.
    assert told("subscribed_apps", {"data": [7]}) == malformed


def test_history_events() -> None:
    rows = [
        {
            "message_id": "wamid.A",
            "events": {"data": [{"delivery_status": "READ", "timestamp": "1767225600"}, 7]},
        },
        {"message_id": "wamid.B", "events": []},
        {"message_id": "wamid.C", "events": [{"delivery_status": "+447700900123", "timestamp": "soon"}]},
        {"message_id": ""},
    ]
    records = told("message_history", {"data": rows})
    ids = [record for record in records if isinstance(record, PlatformMessageRecord)]
    assert [(record.outside_id, record.status, record.occurred_at) for record in ids] == [
        ("wamid.A", "read", RECEIVED - 100_000_000),
        ("wamid.A", None, None),
        ("wamid.B", None, None),
        ("wamid.C", None, None),
    ]
    assert records[-1] == UnknownRecord(kind="malformed", name="message_history")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (HOOK, "HTTPS://Hooks.Example.com/in/", True), (HOOK, HOOK + "?a=1", False),
        (HOOK, "http://hooks.example.com/in", False), (HOOK, "https://hooks.example.com/IN", False),
        (HOOK, "https://hooks.example.com.evil.invalid/in", False), (HOOK, "http://[", False),
        (HOOK, 7, False),
    ],
)  # fmt: skip
def test_which_addresses_are_one(one: str, other: Any, is_same: bool) -> None:
    (record,) = told("webhook_configuration", {"webhook_configuration": {"phone_number": other}})
    assert isinstance(record, ChannelEventRecord)
    assert record.event == ("webhook.direct" if is_same else "webhook.override")
