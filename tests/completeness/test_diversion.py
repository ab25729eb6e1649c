"""Stretches in which deliveries went elsewhere, drawn."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.spec.drawn_table import drawn_rows, instant
from wa_analytics.completeness.diversion import stretches

EVENTS = """
event_code              | occurred_at      | channel_id | account_id | entity
webhook.override        | 2024-05-03 00:00 | c1         | a1         | air
webhook.override        | 2024-05-01 00:00 | c1         | a1         | air
webhook.direct          | 2024-05-04 00:00 | c1         | a1         | air
webhook.subscribed      | 2024-05-02 00:00 | c1         | a1         | air
webhook.unsubscribed    | 2024-05-06 00:00 | c1         | a1         | air
webhook.subscribed      | 2024-05-06 00:00 | c1         | a1         | air
webhook.subscribed      | 2024-05-09 00:00 |            | a1         | air
account.offboarded      | 2024-05-02 00:00 |            | a1         | air
account.reconnected     | 2024-05-02 06:00 |            | a1         | air
account.partner_removed | 2024-05-07 00:00 |            | a1         |
account.pricing_tier    | 2024-05-08 00:00 |            | a1         | air
account.partner_added   | 2024-05-08 00:00 |            | a2         | air
webhook.override        | 2024-05-01 00:00 |            |            |
"""
STRETCHES = """
rule               | place | channel_id | entity | start            | end
capture.diverted   | c1    | c1         | air    | 2024-05-01 00:00 | 2024-05-04 00:00
capture.diverted   | c1    | c1         | air    | 2024-05-06 00:00 |
capture.offboarded | a1    |            | air    | 2024-05-02 00:00 | 2024-05-02 06:00
capture.offboarded | a1    |            | air    | 2024-05-07 00:00 |
"""


def test_each_stretch_begins_with_its_first_event_and_ends_with_the_next_that_ends_it() -> None:
    found = [
        (one.rule, one.place, one.channel_id, one.entity, one.start, one.end)
        for one in stretches(
            row | {"occurred_at": instant(row["occurred_at"] or "")} for row in drawn_rows(EVENTS)
        )
    ]
    assert found == [
        (*(row[name] for name in ("rule", "place", "channel_id", "entity")), instant(row["start"] or ""),
         instant(row["end"]) if row["end"] else None)
        for row in drawn_rows(STRETCHES)
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["webhook.override", "webhook.unsubscribed", "account.deleted"])
def test_the_order_of_telling_is_nothing(code: str) -> None:
    end = {"webhook.override": "webhook.direct", "webhook.unsubscribed": "webhook.subscribed"}.get(
        code, "account.partner_added"
    )
    place = {"channel_id": None, "account_id": "a1", "entity": "air"}
    rows = [
        {"event_code": told, "occurred_at": instant(at), **place}
        for told, at in ((code, "2024-05-01 00:00"), (end, "2024-05-02 00:00"), (code, "2024-05-02 00:00"))
    ]
    expected = stretches(rows)
    assert [one.end for one in expected] == [instant("2024-05-02 00:00"), None]
    assert all(stretches(order) == expected for order in permutations(rows))
