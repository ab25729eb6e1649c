"""AWS End User Messaging Social: three layers, their signature, and files as Firehose writes them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.providers.sns import CERTIFICATE, Topic
from tests.providers.worlds import ANA, BEN, RECEIVED, body, message, status
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import files, parser
from wa_analytics.providers.carving import carved
from wa_analytics.providers.facts import facts_of
from wa_analytics.providers.record_split import DocumentSplitter
from wa_analytics.records import ChannelEventRecord, Identifier, MessageRecord, Record, TemplateRecord
from wa_analytics.settings import AwsSocial, Entity, Settings

TOPIC = Topic()
ENTRY = body(messages=[message()], contacts=[{"wa_id": ANA}])["entry"][0]


def event(entry: Any = ENTRY, **more: Any) -> dict[str, Any]:
    return {
        "context": {"MetaWabaIds": [{"wabaId": "1", "arn": "arn:aws:social-messaging:x:waba/1"}]},
        "whatsAppWebhookEntry": entry if isinstance(entry, str) else json.dumps(entry),
        "aws_account_id": "000000000000",
        "message_timestamp": "2026-01-01T00:00:00.476795989Z",
        **more,
    }


def capture(stated: Any) -> Capture:
    exact = stated if isinstance(stated, bytes) else json.dumps(stated).encode()
    return Capture(exact, {}, "aws-social", RECEIVED)


def records(stated: Any) -> list[Record]:
    return parser("aws-social")(capture(stated), Settings())


def metas(entry: Any = ENTRY) -> list[Record]:
    exact = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    return parser("meta-cloud")(Capture(exact, {}, "meta-cloud", RECEIVED), Settings())


@pytest.mark.parametrize(
    "stated",
    [ENTRY, event(), event(messageId="x"), TOPIC.envelope(event()), TOPIC.envelope(event(), "1"), event() | {
        "whatsAppWebhookEntry": ENTRY}, TOPIC.envelope(ENTRY)],
)  # fmt: skip
def test_every_number_of_layers_tells_what_meta_told(stated: Any) -> None:
    assert records(stated) == metas() != []
    assert isinstance(records(stated)[0], MessageRecord)


def test_what_has_no_time_of_its_own_is_dated_by_the_event() -> None:
    entry = body("template_category_update", message_template_name="t", new_category="UTILITY")["entry"][0]
    template, _ = records(TOPIC.envelope(event(entry)))
    assert isinstance(template, TemplateRecord)
    assert template.observed_at == 1_767_225_600_476_795


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("SubscriptionConfirmation", "webhook.subscription_offered"),
        ("UnsubscribeConfirmation", "webhook.unsubscribed"),
    ],
)
def test_confirmations_are_events(kind: str, name: str) -> None:
    assert records(TOPIC.confirmation(kind)) == [
        ChannelEventRecord(event=name, occurred_at=1_767_225_605_000_000)
    ]


def named(*entities: dict[str, Any], **topics: str) -> Settings:
    arns = {f"arn:aws:sns:eu-west-1:000000000000:{name}": place for name, place in topics.items()}
    return Settings(
        entity=tuple(Entity(**one) for one in entities),
        aws_social=AwsSocial(topics=arns),  # type: ignore[arg-type]
    )


AIR = {"key": "air", "name": "Birch Air", "waba_ids": ("w-1", "w-2"), "channels": ("c-1",)}
BANK = {"key": "bank", "name": "Birch Bank", "channels": ("c-2", "c-3")}


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        (named(AIR), [(None, "w-1"), (None, "w-2")]),
        (named(BANK), [("c-2", None), ("c-3", None)]),
        (named(AIR, BANK), [(None, None)]),
        (named(AIR, BANK, other="bank"), [(None, None)]),
        (named(AIR, BANK, whatsapp="bank"), [("c-2", None), ("c-3", None)]),
        (named(AIR, BANK, whatsapp="w-2"), [(None, "w-2")]),
        (named(AIR, BANK, whatsapp="c-3"), [("c-3", None)]),
        (named(whatsapp="default"), [(None, None)]),
    ],
)
def test_a_topic_is_whose_the_settings_say(
    settings: Settings, places: list[tuple[str | None, str | None]]
) -> None:
    stated = TOPIC.confirmation("UnsubscribeConfirmation")
    assert stated["TopicArn"].endswith(":whatsapp")
    found = parser("aws-social")(capture(stated), settings)
    assert {one.event for one in found if isinstance(one, ChannelEventRecord)} == {"webhook.unsubscribed"}
    assert [(one.channel_id, one.account_id) for one in found] == places  # type: ignore[union-attr]


def test_a_topic_of_nobody_is_refused() -> None:
    with pytest.raises(ValidationError, match="no company, account or number"):
        named(AIR, whatsapp="w-9")


@pytest.mark.parametrize(
    "stated",
    [
        [], {}, 3, event("not json"), event("[]"), event(7), TOPIC.envelope("not json"),
        TOPIC.envelope({"other": 1}), TOPIC.envelope([]), event('{"changes":[]}],"entry":[{"changes":[]}'),
        {"Type": "Notification"}, {"Records": []},
    ],
)  # fmt: skip
def test_what_holds_no_entry_is_unreadable(stated: Any) -> None:
    with pytest.raises(CaptureUnreadable, match="; give "):
        records(stated)


# Files


def read(path: Path, **given: Any) -> tuple[list[Capture], list[files.Refusal]]:
    settings = Settings(home=path.parent, aws_social=AwsSocial(**given))
    found = list(files.captures(path, "aws-social", RECEIVED, settings))
    return (
        [one for one in found if isinstance(one, Capture) and "kind" not in one.headers],
        [one for one in found if isinstance(one, files.Refusal)],
    )


EVENTS = [json.dumps(event(messageId=str(number))).encode() for number in range(3)]


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n", b" "])
@pytest.mark.parametrize(
    "name", ["stream-1-2026-01-01-00-00-00-a1b2", "s.json", "s.txt", "s.gz", "s.json.gz"]
)
def test_firehose_objects_with_or_without_anything_between(tmp_path: Path, name: str, between: bytes) -> None:
    text = between.join(EVENTS)
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    captures, refusals = read(path)
    assert ([one.body for one in captures], refusals) == (EVENTS, [])
    assert [one.headers["line"] for one in captures] == ["1", "2", "3"]


def test_ndjson_and_spool_lines(tmp_path: Path) -> None:
    spool = json.dumps({"received_at": "2026-01-01T00:00:00Z", "body": EVENTS[0].decode()}).encode()
    (tmp_path / "s.ndjson").write_bytes(b"\n".join([EVENTS[1], spool]))
    captures, _ = read(tmp_path / "s.ndjson")
    assert [one.body for one in captures] == [EVENTS[1], EVENTS[0]]
    assert captures[1].received_at == 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'{"a":1}garbage{"b":2}', [b'{"a":1}', b"garbage", b'{"b":2}']),
        (b'{"a":{"b":1}{"c":2}', [b'{"a":{"b":1}', b'{"c":2}']),
        (b'{"a":"}{"}{"b":"\\"}"}', [b'{"a":"}{"}', b'{"b":"\\"}"}']),
        (b'{"a":"open\n{"b":2}\n{"c":3}', [b'{"a":"open', b'{"b":2}', b'{"c":3}']),
        (b'}{"a":1}', [b"}", b'{"a":1}']),
        (b"[1,2]", [b"[1,2]"]),
        (b'[{"a":1},{"b":[2]}]\n{"c":3}', [b'[{"a":1},{"b":[2]}]', b'{"c":3}']),
        (b"", []),
    ],
)
def test_an_object_that_never_closes_spoils_only_itself(text: bytes, found: list[bytes]) -> None:
    for size in (1, 3, 1000):
        splitter = DocumentSplitter()
        records = [one for at in range(0, len(text), size) for one in splitter.records(text[at : at + size])]
        assert [body for _, body in [*records, *splitter.rest()]] == found


@given(st.binary(max_size=60) | st.text('{}[]"\\\n a', max_size=40).map(str.encode), st.integers(1, 9))
def test_no_byte_is_lost_wherever_blocks_end(text: bytes, size: int) -> None:
    splitter = DocumentSplitter()
    records = [one for at in range(0, len(text), size) for one in splitter.records(text[at : at + size])]
    records += splitter.rest()
    assert b"".join(b"".join(body.split()) for _, body in records) == b"".join(text.split())
    assert [number for number, _ in records] == list(range(1, len(records) + 1))


def test_a_file_cut_in_the_middle_keeps_its_whole_objects(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(EVENTS), mtime=0)
    (tmp_path / "s.gz").write_bytes(packed[:-12])
    captures, (refusal,) = read(tmp_path / "s.gz")
    assert [one.body for one in captures][:2] == EVENTS[:2]
    assert "ends in the middle" in refusal.sentence


# Signatures of imported files


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    ("change", "has_certificate", "code"),
    [
        ({}, True, "valid"),
        ({}, False, "absent"),
        ({"Message": "changed"}, True, "invalid"),
        ({"Signature": "AAAA"}, True, "invalid"),
        ({"Signature": "not base64"}, True, "invalid"),
        ({"Signature": None}, True, "absent"),
        ({"SignatureVersion": "3"}, True, "invalid"),
        ({"SigningCertURL": f"https://sns.x.amazonaws.com.evil.example/{CERTIFICATE}"}, True, "invalid"),
        ({"SigningCertURL": f"http://sns.eu-west-1.amazonaws.com/{CERTIFICATE}"}, True, "invalid"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/../../etc/passwd"}, True, "invalid"),
        ({"SigningCertURL": f"https://sns.x.amazonaws.com@evil.example/{CERTIFICATE}"}, True, "invalid"),
        ({"SigningCertURL": 7}, True, "invalid"),
        ({"Subject": "added"}, True, "invalid"),
        ({"Subject": 7}, True, "invalid"),
    ],
)  # fmt: skip
def test_an_imported_envelope(
    tmp_path: Path, version: str, change: dict[str, Any], has_certificate: bool, code: str
) -> None:
    if has_certificate:
        (tmp_path / "sns").mkdir()
        (tmp_path / "sns" / CERTIFICATE).write_bytes(TOPIC.pem)
    path = tmp_path / "s.json"
    path.write_text(json.dumps(TOPIC.envelope(event(), version) | change))
    (capture,), _ = read(path, certificates="sns")
    assert capture.signature_code == code
    assert read(path)[0][0].signature_code == "absent"


def test_raw_events_carry_no_signature(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(EVENTS[0])
    assert read(tmp_path / "s.json", certificates=".")[0][0].signature_code == "absent"


# Carving


@pytest.mark.parametrize("wrap", [lambda e: e, event, lambda e: TOPIC.envelope(event(e))])
def test_one_of_two_people_is_cut_out_of_the_innermost_layer(wrap: Any) -> None:
    entry = body(
        messages=[message(), message(**{"from": BEN, "id": "wamid.B"})],
        contacts=[{"wa_id": ANA}, {"wa_id": BEN}],
        statuses=[status()],
    )["entry"][0]
    whole = capture(wrap(entry))
    person = Identifier("phone", f"+{BEN}")
    carving = carved(
        whole, Settings(), "0a", lambda fact: fact.outside_id == "wamid.B", lambda one: one == person
    )
    assert carving.outcome == "carved"
    assert carving.rest is not None
    assert BEN.encode() not in carving.rest.body
    assert b"Signature" not in carving.rest.body
    kept = [fact for fact in facts_of(whole, Settings()) if fact.outside_id != "wamid.B"]
    assert facts_of(carving.rest, Settings()) == kept != []
    assert carved(whole, Settings(), "", lambda fact: True, lambda one: True).outcome == "whole"
