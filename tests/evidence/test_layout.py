from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.layout import leaf_bytes, leaf_hash, microseconds_of, packed, unpacked
from wa_analytics.tables.column import instant_text

VECTOR = (
    b"wa-entry/1\n"
    b"7\n"
    b"capture\n"
    b"000102030405060708090a0b0c0d0e0f\n"
    b"meta-cloud\n"
    b"1767225600000001\n"
    b"valid\n"
    b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
)


def test_the_leaf_is_the_drawn_lines() -> None:
    leaf = leaf_bytes(
        7,
        "capture",
        bytes(range(16)),
        "meta-cloud",
        1_767_225_600_000_001,
        "valid",
        bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    )
    assert leaf == VECTOR
    assert leaf_hash(leaf).hex() == "81837d8970e7637983f2967f24e00ce20dafbf543f43217cb6fa717edb553512"


@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_line_feed_inside_a_line_is_refused(place: int) -> None:
    parts: list[object] = [0, "capture", bytes(16), "meta-cloud", 0, "valid", bytes(32)]
    parts[place] = "two\nlines"
    with pytest.raises(ValueError, match="single lines"):
        leaf_bytes(*parts)  # type: ignore[arg-type]


def test_a_leaf_is_ascii() -> None:
    with pytest.raises(UnicodeEncodeError):
        leaf_bytes(0, "capture", bytes(16), "métier", 0, "valid", bytes(32))


@given(headers=st.dictionaries(st.text(), st.text()), body=st.binary(), context=st.binary(max_size=50))
def test_a_container_gives_back_what_went_in(headers: dict[str, str], body: bytes, context: bytes) -> None:
    assert unpacked(packed(headers, body, context)) == (headers, body, context)


def test_the_container_is_the_drawn_bytes() -> None:
    assert packed({"b": "2", "a": "1"}, b"body", b"cols") == (
        b'\x01\x00\x00\x00\x11{"a":"1","b":"2"}\x00\x00\x00\x04colsbody'
    )


@pytest.mark.parametrize(
    "broken", [b"", b"\x02\0\0\0\0\0\0\0\0", b"\x01\0\0\0\x09{}", b"\x01\0\0\0\x02{]\0\0\0\0", b"\x01\0\0"]
)
def test_other_bytes_are_no_container(broken: bytes) -> None:
    with pytest.raises(EvidenceBroken):
        unpacked(broken)


@given(st.integers(min_value=-(10**15), max_value=4 * 10**15))
def test_microseconds_survive_both_databases(moment: int) -> None:
    aware = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    assert microseconds_of(instant_text(moment)) == moment
    assert microseconds_of(aware) == moment
    assert microseconds_of(aware.astimezone(timezone(timedelta(hours=-3)))) == moment
