"""Send log, consent register and directory: rows as records, words in, nothing guessed."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.providers.worlds import ANA, MICROS, RECEIVED, only, settings
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser, surely_read
from wa_analytics.providers.table_rows import SHAPES, cells_of, file_facts
from wa_analytics.records import (
    ConsentRecord,
    CustodianRecord,
    Identifier,
    MessageRecord,
    Record,
    UnknownRecord,
)
from wa_analytics.settings import Entity, RecordClassRule

AT = "2026-01-01T00:00:00Z"
ANA_PHONE = Identifier("phone", "+" + ANA)
SENT = {"message_id": "wamid.1", "sent_at": AT, "channel_id": "1065", "to": "+" + ANA}
AGREED = {"party": "+" + ANA, "purpose": "marketing", "action": "granted", "occurred_at": AT}


def as_csv(provider: str, row: dict[str, str], delimiter: str = ",") -> Capture:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(row.values())
    headers = {"columns": json.dumps(list(row)), "delimiter": delimiter, "line": "9", "file_digest": "00"}
    return Capture(text.getvalue().encode(), headers, provider, RECEIVED)


def as_json(provider: str, row: dict[str, Any]) -> Capture:
    return Capture(json.dumps(row).encode(), {"line": "9"}, provider, RECEIVED)


def rows_of(provider: str, row: dict[str, str], time_zone: str = "UTC") -> list[Record]:
    """What the row gives; the same as CSV in any delimiter and column order, and as NDJSON."""
    parse = parser(provider)
    found = parse(as_csv(provider, row), settings(time_zone))
    turned = dict(reversed(row.items()))
    for capture in (
        as_csv(provider, {f" {name.upper()}": cell for name, cell in row.items()}, ";"),
        as_csv(provider, turned, "\t"),
        as_json(provider, row),
    ):
        again = parse(capture, settings(time_zone))
        assert sorted(map(repr, again[1:])) == sorted(map(repr, found[1:]))
        assert again[0] == found[0]
    return found


def test_every_column_of_the_send_log() -> None:
    row = SENT | {
        "purpose": " Marketing ", "kind": "TEMPLATE", "template_name": "spring", "body": 'Hi, "Ana"\nbye',
        "custodian_id": "C7",
    }  # fmt: skip
    assert set(row) == set(SHAPES["send-log"].columns)
    assert rows_of("send-log", row) == [
        MessageRecord(
            source="send_log",
            outside_id="wamid.1",
            sent_at=MICROS,
            people=(ANA_PHONE,),
            direction="outbound",
            channel_id="1065",
            kind="template",
            purpose="marketing",
            template_name="spring",
            custodian_id="C7",
            text='Hi, "Ana"\nbye',
            has_body=True,
        )
    ]


def test_the_least_a_send_log_row_needs() -> None:
    (record,) = rows_of("send-log", SENT)
    assert isinstance(record, MessageRecord)
    assert (record.kind, record.purpose, record.text, record.has_body) == (None, None, None, False)


@pytest.mark.parametrize(
    ("kind", "template", "expected", "unknown"),
    [
        ("", "", None, []),
        ("", "spring", "template", []),
        ("free_form", "", "free_form", []),
        ("Free-Form", "spring", "free_form", []),
        ("carrier pigeon", "spring", None, [UnknownRecord(kind="kind", name="kind")]),
    ],
)
def test_kind(kind: str, template: str, expected: str | None, unknown: list[UnknownRecord]) -> None:
    first, *others = rows_of("send-log", SENT | {"kind": kind, "template_name": template})
    assert isinstance(first, MessageRecord)
    assert (first.kind, others) == (expected, unknown)
    assert first.extra == ({"kind": kind} if unknown else {})


@pytest.mark.parametrize(
    ("written", "channel_id"),
    [
        ("106540352242922", "106540352242922"),
        ("+44 7700 900999", "447700900999"),
        ("whatsapp:+447700900999", "447700900999"),
        ("front-desk", "front-desk"),
    ],
)
def test_a_channel_is_its_digits_however_its_number_is_written(written: str, channel_id: str) -> None:
    record = only(rows_of("send-log", SENT | {"channel_id": written}), MessageRecord)
    assert record.channel_id == channel_id
    assert Entity(key="air", channels=(written,)).channels == (channel_id,)
    assert RecordClassRule(record_class="medical", channel=written).channel == channel_id


@pytest.mark.parametrize("to", ["US.134", "crm-7"])
def test_a_send_to_another_identifier(to: str) -> None:
    record = only(rows_of("send-log", SENT | {"to": to}), MessageRecord)
    assert record.people[0].kind == ("user_id" if to == "US.134" else "crm_id")


def test_unknown_columns_are_kept_and_counted() -> None:
    first, *others = rows_of("send-log", SENT | {"campaign": "spring", "odd name!": "x"})
    assert isinstance(first, MessageRecord)
    assert first.extra == {"campaign": "spring", "odd name!": "x"}
    assert others == [
        UnknownRecord(kind="column", name="campaign"),
        UnknownRecord(kind="column", name="other"),
    ]


def test_a_time_without_offset_is_counted_by_its_column() -> None:
    records = rows_of("send-log", SENT | {"sent_at": "2025-12-31T19:00:00"}, "America/New_York")
    assert only(records, MessageRecord).sent_at == MICROS
    assert only(records, UnknownRecord) == UnknownRecord(kind="zoneless_time", name="sent_at")


@pytest.mark.parametrize("sent_at", ["1767225600", 1767225600])
def test_unix_seconds(sent_at: str | int) -> None:
    capture = as_json("send-log", SENT | {"sent_at": sent_at, "to": int(ANA)})
    record = only(parser("send-log")(capture, settings()), MessageRecord)
    assert (record.sent_at, record.people) == (MICROS, (ANA_PHONE,))


@pytest.mark.parametrize(
    ("provider", "row", "says"),
    [
        ("send-log", SENT | {"message_id": ""}, "column message_id is empty"),
        ("send-log", SENT | {"to": " "}, "column to is empty"),
        ("send-log", SENT | {"channel_id": ""}, "column channel_id is empty"),
        ("send-log", SENT | {"sent_at": ""}, "column sent_at is empty"),
        ("send-log", SENT | {"sent_at": "tomorrow 12025550123"}, "column sent_at holds no readable time"),
        ("consent-register", AGREED | {"party": ""}, "column party is empty"),
        ("consent-register", AGREED | {"purpose": ""}, "column purpose is empty"),
        ("consent-register", AGREED | {"action": ""}, "column action is empty"),
        (
            "consent-register",
            AGREED | {"action": "12025550123"},
            "column action is none of granted, withdrawn",
        ),
        (
            "consent-register",
            AGREED | {"occurred_at": "12025550123!"},
            "column occurred_at holds no readable",
        ),
        ("consent-register", AGREED | {"expires_at": "never"}, "column expires_at holds no readable time"),
        ("directory", {"custodian_id": "", "name": "Invented"}, "column custodian_id is empty"),
    ],
)
def test_what_makes_a_row_unreadable(provider: str, row: dict[str, str], says: str) -> None:
    for capture in (as_csv(provider, row), as_json(provider, row)):
        with pytest.raises(CaptureUnreadable) as caught:
            parser(provider)(capture, settings())
        assert str(caught.value).startswith(f"line 9: {says}")
        assert ANA not in str(caught.value)


def test_lacking_keys_of_an_object_are_empty_cells() -> None:
    with pytest.raises(CaptureUnreadable, match="line 9: column message_id is empty"):
        parser("send-log")(as_json("send-log", {"to": ANA, "sent_at": None}), settings())


@pytest.mark.parametrize(
    ("exact", "says"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b"[1]", "is no JSON object"),
        (b'{"message_id":["x"]}', "column message_id holds something else"),
    ],
)
def test_objects_that_are_none(exact: bytes, says: str) -> None:
    with pytest.raises(CaptureUnreadable, match=f"line 9: {says}"):
        parser("send-log")(Capture(exact, {"line": "9"}, "send-log", 0), settings())


@pytest.mark.parametrize(
    ("exact", "says"),
    [
        (b"1,2", "has 2 cells where the header line has 4"),
        (b"1,2,3,4,5", "has 5 cells where the header line has 4"),
        (b'1,"2,3,4', "its quotes do not match"),
        (b'1,"2"x,3,4', "its quotes do not match"),
        (b"1,\xe9,3,4", "is not UTF-8"),
    ],
)
def test_records_that_do_not_fit_their_header(exact: bytes, says: str) -> None:
    headers = {"columns": json.dumps(list(SENT)), "delimiter": ",", "line": "9"}
    with pytest.raises(CaptureUnreadable, match=f"line 9: {says}"):
        parser("send-log")(Capture(exact, headers, "send-log", 0), settings())


@pytest.mark.parametrize("exact", [b",,,", b" , ,,", b",,,,,,", b'"","",,'])
def test_a_record_of_blank_cells_says_nothing(exact: bytes) -> None:
    headers = {"columns": json.dumps(list(SENT)), "delimiter": ",", "line": "9"}
    assert parser("send-log")(Capture(exact, headers, "send-log", 0), settings()) == []


def test_every_column_of_the_consent_register() -> None:
    row = AGREED | {
        "record_id": "R1", "recorded_at": "2026-01-01T00:00:01Z", "method": "web form",
        "wording": "Yes, please", "wording_version": "3", "language": "en",
        "business_name": "Invented Air", "evidence": "form 7",
        "expires_at": "2026-01-01T00:00:02Z", "jurisdiction": "GB", "lawful_basis": "consent",
        "recorded_by": "web", "phone": "+44 7700 900123", "user_id": "GB.5", "crm_id": "crm-7",
    }  # fmt: skip
    assert set(row) == set(SHAPES["consent-register"].columns)
    assert rows_of("consent-register", row) == [
        ConsentRecord(
            source="register",
            people=(
                ANA_PHONE,
                Identifier("phone", "+447700900123"),
                Identifier("user_id", "GB.5"),
                Identifier("crm_id", "crm-7"),
            ),
            purpose="marketing",
            action="granted",
            occurred_at=MICROS,
            outside_id="R1",
            recorded_at=MICROS + 1_000_000,
            expires_at=MICROS + 2_000_000,
            method="web form",
            wording="Yes, please",
            wording_version="3",
            language="en",
            business_name="Invented Air",
            evidence="form 7",
            jurisdiction="GB",
            lawful_basis="consent",
            recorded_by="web",
        )
    ]


def test_the_least_a_consent_row_needs() -> None:
    (record,) = rows_of("consent-register", AGREED | {"purpose": "ALL", "action": " Withdrawn"})
    assert record == ConsentRecord(
        source="register", people=(ANA_PHONE,), purpose="all", action="withdrawn", occurred_at=MICROS
    )


def test_one_person_is_named_once() -> None:
    record = only(rows_of("consent-register", AGREED | {"phone": ANA}), ConsentRecord)
    assert record.people == (ANA_PHONE,)


def test_what_is_odd_in_a_consent_row_is_kept_and_counted() -> None:
    odd = {"phone": "none", "recorded_at": "soon", "purpose": "promotions"}
    first, *others = rows_of("consent-register", AGREED | odd)
    assert isinstance(first, ConsentRecord)
    assert (first.people, first.recorded_at, first.purpose) == ((ANA_PHONE,), None, "promotions")
    assert first.extra == {"phone": "none", "recorded_at": "soon"}
    assert {(one.kind, one.name) for one in others if isinstance(one, UnknownRecord)} == {
        ("invalid_phone", "phone"),
        ("unreadable_time", "recorded_at"),
        ("purpose", "promotions"),
    }


def test_a_withdrawal_stands_whatever_its_expiry_says() -> None:
    record = only(
        rows_of("consent-register", AGREED | {"action": "withdrawn", "expires_at": "never"}), ConsentRecord
    )
    assert (record.action, record.expires_at) == ("withdrawn", None)


def test_every_column_of_the_directory() -> None:
    row = {
        "custodian_id": "C7", "name": "Ana Invented", "email": "ana@example.com", "business_unit": "Desk 3",
        "jurisdiction": "US", "is_regulated": "Yes", "phone": "(202) 555-0123", "supervisor_id": "C1",
        "active_from": "2025-01-01", "active_to": "",
    }  # fmt: skip
    assert set(row) == set(SHAPES["directory"].columns)
    assert rows_of("directory", row) == [
        CustodianRecord(
            custodian_id="C7",
            name="Ana Invented",
            email="ana@example.com",
            business_unit="Desk 3",
            jurisdiction="US",
            is_regulated=True,
            phone="+2025550123",
            supervisor_id="C1",
            active_from="2025-01-01",
        )
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("TRUE", True), ("0", False), ("n", False), ("", None), ("maybe", None)]
)
def test_yes_no_and_neither(text: str, expected: bool | None) -> None:
    record = only(rows_of("directory", {"custodian_id": "C7", "is_regulated": text}), CustodianRecord)
    assert record.is_regulated is expected
    assert record.extra == ({"is_regulated": "maybe"} if text == "maybe" else {})


def test_true_in_json_is_yes() -> None:
    records = parser("directory")(as_json("directory", {"custodian_id": 7, "is_regulated": True}), settings())
    assert records == [CustodianRecord(custodian_id="7", is_regulated=True)]


@pytest.mark.parametrize("provider", ["send-log", "consent-register", "directory"])
def test_the_file_s_own_capture_gives_facts_and_no_records(provider: str) -> None:
    facts = Capture(b'{"file":{"record_count":3}}', {"kind": "file"}, provider, 0)
    assert parser(provider)(facts, settings()) == []
    assert file_facts(facts) == {"record_count": 3}
    assert file_facts(as_json(provider, {"file": {"record_count": 3}})) is None


CELLS = st.sampled_from(
    (
        "",
        " ",
        "x",
        AT,
        "2026-01-01T00:00:00",
        "1767225600",
        "granted",
        "REFUSED",
        "0001-01-01T00:00:00+12:00",
        'a"b',
    )
)


@given(st.data())
@pytest.mark.parametrize("provider", ["send-log", "consent-register"])
def test_what_is_surely_read_is_read(provider: str, data: st.DataObject) -> None:
    row = {column: data.draw(CELLS) for column in SHAPES[provider].columns}
    least = {"send-log": SENT, "consent-register": AGREED}[provider]
    row |= data.draw(st.sampled_from((least, {})))
    capture = as_csv(provider, row)
    if surely_read(provider)(capture):
        records = parser(provider)(capture, settings())
        assert not any(type(one) is UnknownRecord and one.kind == "object" for one in records)


def test_ordinary_rows_are_surely_read() -> None:
    assert surely_read("send-log")(as_csv("send-log", SENT))
    assert surely_read("consent-register")(as_csv("consent-register", AGREED))
    assert not surely_read("send-log")(as_csv("send-log", {**SENT, "sent_at": "soon"}))
    assert not surely_read("consent-register")(as_csv("consent-register", {**AGREED, "action": "asked"}))


@given(st.text('ab,;" \r\n\x00é', max_size=14), st.sampled_from((",", ";")))
@hypothesis_settings(max_examples=400)
def test_one_quoted_cell_is_read_as_csv_reads_it(text: str, delimiter: str) -> None:
    def by_csv() -> list[str] | None:
        try:
            records = list(csv.reader([text], delimiter=delimiter, strict=True))
        except csv.Error:
            return None
        return records[0] if len(records) == 1 else None

    if '"' in text:
        try:
            read = cells_of(text, delimiter)
        except csv.Error:
            read = None
        assert read == by_csv()


@pytest.mark.parametrize("text", ['"a"', 'x,"a,b",', '"a\nb",y', ',"",', '"a",y,z'])
def test_one_quoted_cell(text: str) -> None:
    assert cells_of(text, ",") == next(csv.reader(io.StringIO(text, newline=""), strict=True))
