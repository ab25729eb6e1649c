"""Identifiers, canonical phones, and the laws of parties."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spec.drawn_table import drawn_rows
from wa_analytics.normalise.identity import Identities, canonical_phone, parsed_phone, parties
from wa_analytics.records import Identifier

FORMS = """
phone          | canonical      | rule
+551187650001  | +5511987650001 | phone.br_ninth_digit
+5511987650001 |                |
+551133330001  |                |
+551123330001  |                |
+556199990001  | +5561999990001 | phone.br_ninth_digit
+5215550000001 | +525550000001  | phone.mx_mobile_one
+525550000001  |                |
+521555000001  |                |
+5491150000001 | +541150000001  | phone.ar_mobile_nine
+541150000001  |                |
+54111550000001 | +541150000001 | phone.ar_mobile_fifteen
+540111550000001 | +541150000001 | phone.ar_mobile_fifteen
+54220154567890 | +542204567890 | phone.ar_mobile_fifteen
+54290115612345 | +542901612345 | phone.ar_mobile_fifteen
+5411155000001 |                |
+549111550000001 |              |
+551176543210  | +5511976543210 | phone.br_ninth_digit
+5511976543210 |                |
+52155500000   |                |
+521155000000  |                |
+12025550123   |                |
+447700900123  |                |
"""


@pytest.mark.parametrize("row", drawn_rows(FORMS), ids=lambda row: row["phone"])
def test_canonical_phones(row: dict[str, str | None]) -> None:
    phone, canonical, rule = row["phone"], row["canonical"], row["rule"]
    assert phone is not None
    assert canonical_phone(phone) == ((canonical, rule) if canonical else None)


def test_forms_are_one_number_as_the_numbering_plan_has_them() -> None:
    """Made-up subscribers of real shapes: both forms are the same number to `phonenumbers`, once the mobile
    9 of Argentina is put where it writes one, or the older of the two is no number any more."""
    for number in range(0, 1000, 97):
        for home, plain in (
            (f"+5411155000{number:03}0", f"+54115000{number:03}0"),
            (f"+542201540{number:03}00", f"+5422040{number:03}00"),
            (f"+54290115600{number:03}", f"+542901600{number:03}"),
        ):
            assert canonical_phone(home) == (plain, "phone.ar_mobile_fifteen")
            mobile = phonenumbers.parse(f"+549{plain[3:]}")
            if phonenumbers.is_valid_number(mobile):
                assert phonenumbers.parse(home) == mobile
            assert canonical_phone(f"+549{plain[3:]}") == (plain, "phone.ar_mobile_nine")
        ninth = f"+55119{80000000 + number}"
        assert canonical_phone(ninth) is None
        assert canonical_phone(ninth.replace("+55119", "+5511")) == (ninth, "phone.br_ninth_digit")
        mexican = f"+5255{10000000 + number}"
        assert canonical_phone(mexican.replace("+52", "+521")) == (mexican, "phone.mx_mobile_one")
        assert not phonenumbers.is_valid_number(phonenumbers.parse(mexican.replace("+52", "+521")))
        assert phonenumbers.is_valid_number(phonenumbers.parse(mexican))


@pytest.fixture(scope="module", autouse=True)
def _numbering_plans() -> None:
    """The library imports a region's plan with its first phone, which can take longer than an example may
    and does not happen again when the example is tried anew."""
    phonenumbers.PhoneMetadata.load_all()


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_canonical_form_is_its_own(phone: str) -> None:
    canonical = canonical_phone(phone)
    if canonical:
        assert canonical_phone(canonical[0]) is None


def digest(kind: str, value: str) -> str:
    return f"{kind}:{value}"


COUNTRIES = """
kind    | value          | country | is_valid
phone   | +5511987650001 | BR      | yes
phone   | +447700900123  | GB      | no
phone   | +12025550123   | US      | yes
phone   | +19995550123   | US      | no
phone   | +999123456     |         | no
user_id | BR.90000001    | BR      | yes
user_id | br.90000001    |         | yes
user_id | 90.000001      |         | yes
crm_id  | BR-7           |         | yes
"""


@pytest.mark.parametrize("row", drawn_rows(COUNTRIES), ids=lambda row: row["value"])
def test_countries_and_validity(row: dict[str, str | None]) -> None:
    known = Identities(digest).known(Identifier(row["kind"], row["value"]))  # type: ignore[arg-type]
    assert known.digest == f"{row['kind']}:{row['value']}"
    assert known.country_code == row["country"]
    assert known.is_valid is (row["is_valid"] == "yes")


# --- parties -------------------------------------------------------------------------------------

names = st.integers(min_value=0, max_value=12).map(lambda number: f"{number:02}")
links = st.lists(st.tuples(names, names), max_size=14)


def components(pairs: list[tuple[str, str]], known: list[str]) -> dict[str, str]:
    """The same by brute force: grow each set until nothing joins it."""
    nodes = {*known, *(name for pair in pairs for name in pair)}
    found = {}
    for node in nodes:
        reached = {node}
        while True:
            more = {name for pair in pairs if set(pair) & reached for name in pair} - reached
            if not more:
                break
            reached |= more
        found[node] = min(reached)
    return found


@settings(max_examples=100)
@given(pairs=links, known=st.lists(names, max_size=5), seed=st.integers())
def test_parties_are_the_connected_sets_named_by_their_smallest(
    pairs: list[tuple[str, str]], known: list[str], seed: int
) -> None:
    found = parties(pairs, known)
    assert found == components(pairs, known)
    chooser = random.Random(seed)
    mixed = [pair if chooser.random() < 0.5 else pair[::-1] for pair in pairs + pairs[:3]]
    chooser.shuffle(mixed)
    assert parties(mixed, known[::-1]) == found
    assert parties(found.items(), known) == found


def test_a_long_chain_is_one_party() -> None:
    chain = [(f"{number:05}", f"{number + 1:05}") for number in range(20_000)]
    random.Random(1).shuffle(chain)
    assert set(parties(chain, []).values()) == {"00000"}


PLANS = (
    "1",
    "7",
    "20",
    "31",
    "33",
    "34",
    "39",
    "44",
    "49",
    "52",
    "54",
    "55",
    "61",
    "353",
    "380",
    "800",
    "999",
)


@given(st.sampled_from(PLANS), st.from_regex(r"[0-9]{0,14}", fullmatch=True))
@settings(max_examples=500)
def test_a_phone_read_by_its_digits_is_what_the_library_reads(code: str, rest: str) -> None:
    phone = f"+{code}{rest}"
    try:
        expected = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        expected = None
    assert parsed_phone(phone) == expected


def test_prefixes_and_zeros_of_a_phone_are_the_library_s() -> None:
    for phone in ("+4402079460000", "+390612345678", "+12025550123", "+112025550123", "+5511987650001"):
        assert parsed_phone(phone) == phonenumbers.parse(phone)
    assert parsed_phone("+999123456789") is None
    assert parsed_phone("+1") is None
