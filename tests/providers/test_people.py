from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.providers.people import identifier_of, people_of, platform_identifier, safe_name
from wa_analytics.records import Identifier


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("+12025550123", "phone", "+12025550123"),
        ("12025550123", "phone", "+12025550123"),
        (" +1 (202) 555-0123 ", "phone", "+12025550123"),
        ("44 7700\u00a0900123", "phone", "+447700900123"),
        ("whatsapp:+447700900123", "phone", "+447700900123"),
        ("whatsapp:ana", "crm_id", "whatsapp:ana"),
        ("+123", "phone", "+123"),
        ("1234567", "crm_id", "1234567"),
        ("1234567890123456", "crm_id", "1234567890123456"),
        ("US.13491208655302741918", "user_id", "US.13491208655302741918"),
        ("US.ENT.11815799212886844830", "user_id", "US.ENT.11815799212886844830"),
        ("us.134", "crm_id", "us.134"),
        ("CRM-00017", "crm_id", "CRM-00017"),
        ("+12025550123x", "crm_id", "+12025550123x"),
        ("+", "crm_id", "+"),
        ("١٢٣٤٥٦٧٨٩", "crm_id", "١٢٣٤٥٦٧٨٩"),
        ("US.134\n", "user_id", "US.134"),
    ],
)
def test_kind_of_an_identifier(text: str, kind: str, value: str) -> None:
    assert identifier_of(text) == Identifier(kind, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123", Identifier("phone", "+123")),
        ("12345678901234567890", Identifier("phone", "+12345678901234567890")),
        ("BR.abc123", Identifier("user_id", "BR.abc123")),
        ("<PLACEHOLDER>", Identifier("crm_id", "<PLACEHOLDER>")),
    ],
)
def test_digits_in_the_platform_s_phone_places_are_phones(text: str, expected: Identifier) -> None:
    assert platform_identifier(text) == expected


def test_people_of_absent_blank_and_equal_cells() -> None:
    phone, user = Identifier("phone", "+12025550123"), Identifier("user_id", "US.1")
    assert people_of(None, None) == ()
    assert people_of("", "") == ()
    assert people_of(12025550123, "US.1") == (phone, user)
    assert people_of(None, "US.1") == (user,)
    assert people_of("US.1", "US.1") == (user,)
    # A user id of digits only is never taken for a phone.
    assert people_of(None, 77) == (Identifier("user_id", "77"),)


@pytest.mark.parametrize("name", ["+12025550123", "a b", "x" * 65, "", None, 7, "name\n"])
def test_what_may_be_a_value_is_counted_as_other(name: object) -> None:
    assert safe_name(name) == "other"


def test_a_name_is_counted_by_its_name() -> None:
    assert safe_name("message_template_quality_update") == "message_template_quality_update"


@given(st.text("+0123456789 -A.\u0661", max_size=18))
def test_a_plus_and_digits_are_read_as_any_other_way_of_writing_a_phone(text: str) -> None:
    assert identifier_of(text) == identifier_of(f" {text}\u202f" if text.strip() else text)
    if re.fullmatch(r"\+[0-9]+", text):
        assert identifier_of(text) == Identifier("phone", text) == identifier_of(f"{text[:2]} {text[2:]}")
