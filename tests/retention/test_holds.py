"""Holds against a brute-force answer; what is held is never due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import narwhals as nw
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.retention.due import decided, disposal_due, suspended
from wa_analytics.retention.holds import Hold, with_hold

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANTS = [NOON + timedelta(hours=hour) for hour in range(4)]
some = st.sampled_from


@dataclass(frozen=True)
class Row:
    party_id: str | None
    custodian_id: str | None
    channel_id: str | None
    sent_at: datetime
    has_body: bool
    retention_code: str
    dispose_by: datetime | None


rows = st.lists(
    st.builds(
        Row,
        some(["p1", "p2", None]),
        some(["c1", "c2", None]),
        some(["n1", "n2", None]),
        some(INSTANTS),
        st.booleans(),
        some(["scheduled", "conflict", "unscheduled"]),
        some([*INSTANTS, None]),
    ),
    max_size=8,
)
holds = st.lists(
    st.builds(
        Hold,
        hold_id=some(["HOLD-1", "HOLD-2", "HOLD-3"]),
        is_personal=st.just(False),
        custodian_id=some(["c1", None]),
        channel_id=some(["n1", None]),
        sent_from=some([*INSTANTS[:2], None]),
        sent_to=some([*INSTANTS[2:], None]),
    )
    | st.builds(Hold, hold_id=some(["HOLD-4"]), is_personal=st.just(True), party_id=some(["p1", None])),
    max_size=3,
    unique_by=lambda hold: hold.hold_id,
)


def covers(hold: Hold, row: Row, every: list[Row]) -> bool:
    if hold.is_personal and (hold.party_id is None or row.party_id != hold.party_id):
        return False
    if hold.custodian_id and row.custodian_id != hold.custodian_id:
        conversation = (row.party_id, row.channel_id)
        if row.party_id is None or not any(
            (other.party_id, other.channel_id) == conversation and other.custodian_id == hold.custodian_id
            for other in every
        ):
            return False
    if hold.channel_id and row.channel_id != hold.channel_id:
        return False
    if hold.sent_from and row.sent_at < hold.sent_from:
        return False
    return not (hold.sent_to and row.sent_at >= hold.sent_to)


def frame_of(messages: list[Row]) -> nw.LazyFrame:
    utc = pl.Datetime("us", "UTC")
    schema = {
        "party_id": pl.String,
        "custodian_id": pl.String,
        "channel_id": pl.String,
        "sent_at": utc,
        "has_body": pl.Boolean,
        "retention_code": pl.String,
        "dispose_by": utc,
    }
    frame = pl.DataFrame([vars(row) for row in messages], schema=schema)
    return nw.from_native(frame.with_row_index("message_id").lazy())


@given(rows, holds)
def test_a_hold_covers_what_fits_all_its_conditions(messages: list[Row], in_force: list[Hold]) -> None:
    found = with_hold(frame_of(messages), in_force).collect("polars").to_native()["hold_id"].to_list()
    ordered = sorted(in_force, key=lambda hold: hold.hold_id)
    expected = [next((h.hold_id for h in ordered if covers(h, row, messages)), None) for row in messages]
    assert found == expected


@given(rows, holds, some(INSTANTS))
def test_nothing_is_both_held_and_due(messages: list[Row], in_force: list[Hold], as_of: datetime) -> None:
    kept = suspended(with_hold(frame_of(messages), in_force))
    due = disposal_due(kept, as_of).collect("polars").to_native()
    held = disposal_due(kept, as_of, "held").collect("polars").to_native()
    assert due["hold_id"].drop_nulls().is_empty()
    assert held["hold_id"].null_count() == 0
    would_be = [
        row
        for row in messages
        if row.has_body
        and row.retention_code == "scheduled"
        and row.dispose_by is not None
        and row.dispose_by <= as_of
    ]
    assert due.height + held.height == len(would_be)


def test_a_decided_pair_is_scheduled_by_the_decision() -> None:
    floor, ceiling = NOON + timedelta(days=9), NOON + timedelta(days=3)
    kept = pl.DataFrame(
        {
            "message_id": ["a", "b", "c", "d"],
            "retain_until": [floor] * 4,
            "retain_rule": ["f1", "f2", "f3", "f1"],
            "dispose_by": [ceiling, ceiling, ceiling, floor],
            "dispose_rule": ["c1", "c1", "c1", "c1"],
            "retention_code": ["conflict", "conflict", "conflict", "scheduled"],
        }
    )
    decisions = {"f1|c1": "keep_until_floor", "f2|c1": "dispose_at_ceiling"}
    found = decided(nw.from_native(kept.lazy()), decisions).collect("polars").to_native()
    told = {
        row[0]: row[1:]
        for row in found.select("message_id", "retain_until", "dispose_by", "retention_code").rows()
    }
    assert told == {
        "a": (floor, floor, "scheduled"),
        "b": (ceiling, ceiling, "scheduled"),
        "c": (floor, ceiling, "conflict"),
        "d": (floor, floor, "scheduled"),
    }
