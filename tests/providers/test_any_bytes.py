"""Whatever bytes arrive: a parser gives records or says CaptureUnreadable, nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.providers.worlds import ANA, RECEIVED, body, message, settings, status
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import PARSERS, parser, surely_read
from wa_analytics.providers.file_head import FileHead
from wa_analytics.providers.files import captures_from
from wa_analytics.providers.meta_event_codes import CODES
from wa_analytics.providers.signatures import signature_check
from wa_analytics.providers.table_rows import SHAPES
from wa_analytics.records import ChannelEventRecord, Record, UnknownRecord

SETTINGS = settings()
CHECK = signature_check("meta-cloud", settings(app_secret="secret"))
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=6), parts, max_size=4),
    max_leaves=12,
)
BODIES = [
    body(messages=[message()], contacts=[{"wa_id": ANA, "user_id": "US.1"}], statuses=[status()]),
    body(messages=[message(type="system", system={"type": "user_changed_number", "wa_id": "447700900123"})]),
    body(messages=[message(type="image", image={"id": "1", "mime_type": "image/png", "sha256": "0" * 64})]),
    body(messages=[message(type="edit", edit={"original_message_id": "wamid.0", "message": message()})]),
    body("smb_message_echoes", message_echoes=[message(type="revoke", to=ANA,
                                                       revoke={"original_message_id": "wamid.0"})]),
    body("user_preferences", user_preferences=[{"wa_id": ANA, "value": "stop", "timestamp": 1,
                                                "category": "marketing_messages"}]),
    body("calls", calls=[{"id": "c", "event": "connect", "timestamp": "1", "from": ANA}]),
    body("calls", calls=[{"id": "c", "event": "call_recording_available", "timestamp": "1", "from": ANA,
                          "call_recording": {"audio": {"id": "5", "sha256": "x"}}}],
         statuses=[status(status="RINGING")]),
    body("smb_message_echoes", message_echoes=[message(to=ANA)]),
    body("smb_app_state_sync", state_sync=[{"contact": {"phone_number": ANA}, "action": "add",
                                            "metadata": {"timestamp": "1"}}]),
    body("history", history=[{"metadata": {"phase": 0, "chunk_order": 1, "progress": 5}, "threads": [
        {"id": ANA, "context": {"wa_id": ANA, "user_id": "US.1", "username": "ana"},
         "messages": [message(history_context={"status": "READ"})]}]}]),
    body("standby", standby={"contacts": [{"wa_id": ANA}], "messages": [message()], "statuses": [status()],
                             "message_echoes": [{"id": "wamid.9", "timestamp": "1", "message": {
                                 "to": ANA, "type": "template", "template": {"name": "t", "components": [
                                     {"type": "body", "parameters": [{"type": "text", "text": "x"}]}]}},
                                 "template": {"name": "t", "category": "UTILITY", "components": [
                                     {"type": "BODY", "text": "{{1}}"}]}}]}),
    body("messaging_handovers", sender={"phone_number": ANA}, type="control_passed", timestamp="1",
         control_passed={"new_owner_role": "escalation"}),
    body("group_participants_update", groups=[{"type": "group_participants_add", "timestamp": "1",
                                               "added_participants": [{"wa_id": ANA}],
                                               "errors": [{"code": 1}]}]),
    body("user_id_update", user_id_update=[{"wa_id": ANA, "user_id": {"previous": "US.1", "current": "US.2"},
                                            "timestamp": "1"}]),
    body("account_update", time=1, event="PARTNER_REMOVED", waba_info={"waba_id": "1"},
         restriction_info=[{"restriction_type": "X"}], disconnection_info={"reason": "Y"}),
    body("account_alerts", time="1", alert_info={"alert_severity": "CRITICAL", "alert_type": "X"}),
    body("phone_number_quality_update", display_phone_number="15550783881", event="FLAGGED",
         current_limit="T"),
    body("business_capability_update", max_daily_conversations_per_business=2000),
    body("flows", event="FLOW_STATUS_CHANGE", flow_id="1", new_status="DRAFT"),
    body("template_category_update", time=1, message_template_name="t", new_category="UTILITY"),
    body("message_template_status_update", time=1, message_template_name="t", event="REJECTED", reason="X"),
    body("automatic_events", automatic_events=[{"id": "wamid.1", "event_name": "Purchase", "timestamp": 1}]),
]  # fmt: skip


def read(capture: Capture) -> list[Record]:
    """Records, or none where the capture is unreadable; any other error fails the test."""
    is_sure = surely_read(capture.provider)(capture)
    try:
        records = parser(capture.provider)(capture, SETTINGS)
    except CaptureUnreadable:
        assert not is_sure
        return []
    assert not (is_sure and any(isinstance(r, UnknownRecord) and r.kind == "object" for r in records))
    for record in records:
        if isinstance(record, UnknownRecord):
            assert len(record.name) <= 64
            assert record.name.isascii()
    return records


def places(stated: Any) -> list[list[str | int]]:
    found: list[list[str | int]] = [[]]
    inside = (
        enumerate(stated) if isinstance(stated, list) else stated.items() if isinstance(stated, dict) else ()
    )
    for key, part in inside:
        found += [[key, *place] for place in places(part)]
    return found


def replaced(stated: Any, place: list[str | int], part: Any) -> Any:
    if not place:
        return part
    copied = list(stated) if isinstance(stated, list) else dict(stated)
    copied[place[0]] = replaced(stated[place[0]], place[1:], part)
    return copied


@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=200))
def test_any_bytes(provider: str, exact: bytes) -> None:
    read(Capture(exact, {"line": "1"}, provider, 0))


@given(st.sampled_from(sorted(PARSERS)), json_texts)
def test_any_json(provider: str, stated: Any) -> None:
    read(Capture(json.dumps(stated).encode(), {}, provider, 0))


@given(st.data())
@examples(max_examples=600)
def test_a_webhook_body_with_anything_anywhere(draw: st.DataObject) -> None:
    stated = draw.draw(st.sampled_from(BODIES))
    place = draw.draw(st.sampled_from(places(stated)))
    part = draw.draw(json_texts | st.just("1" * 30) | st.just([[]]))
    exact = json.dumps(replaced(stated, place, part)).encode()
    records = read(Capture(exact, {}, "meta-cloud", RECEIVED))
    # A body whose outermost parts are untouched is never without a record.
    if len(place) > 1:
        assert records
    for record in records:
        if isinstance(record, ChannelEventRecord):
            assert len(record.detail or "") <= 64
            assert record.event in CODES


@given(st.data())
def test_the_quick_and_the_careful_reading_tell_the_same(draw: st.DataObject) -> None:
    """A second change that nobody documents makes a body be read part by part."""
    stated = draw.draw(st.sampled_from(BODIES))
    change = stated["entry"][0]["changes"][0]
    if draw.draw(st.booleans()):
        place = draw.draw(st.sampled_from([one for one in places(change) if one]))
        change = replaced(change, place, draw.draw(json_texts))
    entry = {**stated["entry"][0], "changes": [change]}
    both = {**entry, "changes": [change, {"field": "never_heard_of", "value": {}}]}
    told = [
        read(Capture(json.dumps({**stated, "entry": [one]}).encode(), {}, "meta-cloud", RECEIVED))
        for one in (entry, both)
    ]
    assert told[1] == [*told[0], UnknownRecord(kind="field", name="never_heard_of")]


@given(st.data())
def test_what_is_not_touched_is_not_lost(draw: st.DataObject) -> None:
    """One strange change costs the other change of the same body nothing."""
    strange, plain = (draw.draw(st.sampled_from(BODIES)) for _ in range(2))
    change = strange["entry"][0]["changes"][0]
    place = draw.draw(st.sampled_from([one for one in places(change) if one]))
    changed = replaced(change, place, draw.draw(json_texts))
    kept = plain["entry"][0]["changes"][0]
    both = {**plain, "entry": [{**plain["entry"][0], "changes": [changed, kept]}]}
    alone = {**plain, "entry": [{**plain["entry"][0], "changes": [kept]}]}
    told = [read(Capture(json.dumps(one).encode(), {}, "meta-cloud", RECEIVED)) for one in (both, alone)]
    facts = [[repr(record) for record in records if type(record) is not UnknownRecord] for records in told]
    assert [fact for fact in facts[1] if fact not in facts[0]] == []


@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_any_cells(provider: str, draw: st.DataObject) -> None:
    columns = draw.draw(
        st.lists(st.sampled_from(SHAPES[provider].columns) | st.text(max_size=9), unique=True)
    )
    exact = draw.draw(st.lists(st.text(), min_size=len(columns), max_size=len(columns)).map(",".join))
    headers = {"columns": json.dumps(columns), "delimiter": ",", "line": "2"}
    read(Capture(exact.encode("utf-8", "surrogatepass"), headers, provider, 0))


@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_any_object(provider: str, draw: st.DataObject) -> None:
    names = st.sampled_from(SHAPES[provider].columns)
    stated = draw.draw(st.dictionaries(names | st.text(max_size=9), json_texts, max_size=8))
    read(Capture(json.dumps(stated).encode(), {"line": "2"}, provider, 0))


@given(st.binary(max_size=120) | json_texts.map(lambda stated: json.dumps(stated).encode()))
def test_any_line_becomes_one_capture(line: bytes) -> None:
    head = FileHead("meta-cloud", "lines", "p", "UTC")
    (capture,) = captures_from(head, [(1, line)], RECEIVED, CHECK)
    assert capture.body == line
    read(capture)


@given(st.fixed_dictionaries({"body": json_texts, "received_at": json_texts, "headers": json_texts}))
def test_any_spool_line_becomes_one_capture(stated: dict[str, Any]) -> None:
    line = json.dumps(stated).encode()
    head = FileHead("meta-cloud", "lines", "p", "UTC")
    (capture,) = captures_from(head, [(1, line)], RECEIVED, CHECK)
    assert capture.body in (line, stated["body"].encode() if isinstance(stated["body"], str) else line)
    assert all(isinstance(text, str) for part in capture.headers.items() for text in part)
    read(capture)


@pytest.mark.parametrize("provider", sorted(PARSERS))
@pytest.mark.parametrize(
    "exact", [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 10_000, b'{"to":' + b"9" * 6000 + b"}"]
)
def test_depth_and_length(provider: str, exact: bytes) -> None:
    assert read(Capture(exact, {}, provider, 0)) == []


def test_an_ordinary_body_is_surely_read() -> None:
    asked = surely_read("meta-cloud")
    assert [asked(Capture(json.dumps(stated).encode(), {}, "meta-cloud", 0)) for stated in BODIES[:5]] == [
        True
    ] * 5
    assert not surely_read("send-log")(Capture(b"{}", {}, "send-log", 0))
