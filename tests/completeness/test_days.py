# ruff: noqa: E501 (drawn tables are wide)
"""The platform's counts as days, drawn; and channel_day as a whole on both databases."""

from __future__ import annotations

from itertools import permutations

import polars as pl
import pytest

from tests.spec.drawn_table import ENGINES, drawn, instant
from tests.spec.frames import computed, lifted
from wa_analytics.completeness.days import platform_days
from wa_analytics.tables import PlatformVolume

VOLUMES = """
channel_id | entity | granularity_code | counted_from     | counted_to       | observed_at      | sent_count | delivered_count
c1         | air    | day              | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-02 06:00 | 7          | 5
c1         | air    | day              | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-09 06:00 | 9          | 6
c1         | air    | day              | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-08 06:00 | 11         | 6
c1         | air    | half_hour        | 2024-05-01 00:00 | 2024-05-01 00:30 | 2024-06-01 06:00 | 2          | 2
c1         | air    | half_hour        | 2024-05-02 00:00 | 2024-05-02 00:30 | 2024-05-09 06:00 | 2          | 2
c1         | air    | half_hour        | 2024-05-02 23:30 | 2024-05-03 00:00 | 2024-05-08 06:00 | 3          |
c1         | air    | half_hour        | 2024-05-02 23:30 | 2024-05-03 00:00 | 2024-05-08 06:00 | 3          |
c1         | air    | half_hour        | 2024-05-03 00:00 | 2024-05-03 00:30 | 2024-05-08 06:00 | 0          | 0
c1         | air    | day              | 2024-05-04 07:00 | 2024-05-05 07:00 | 2024-05-09 06:00 | 50         | 50
c1         | air    | day              | 2024-05-03 00:00 | 2024-05-03 23:00 | 2024-05-09 06:00 | 60         | 60
c1         | air    | month            | 2024-05-01 00:00 | 2024-06-01 00:00 | 2024-06-09 06:00 | 90         | 90
c2         | air    | day              | 2024-05-06 00:00 | 2024-05-07 00:00 | 2024-05-09 06:00 |            | 4
           | air    | day              | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-09 06:00 | 99         | 99
           | clinic | day              | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-09 06:00 | 4          | 3
           |        | day              | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-09 06:00 | 98         | 98
"""
DAYS = [
    ("c1", instant("2024-05-01 00:00"), 9, 6, instant("2024-05-09 06:00")),
    ("c1", instant("2024-05-02 00:00"), 5, 2, instant("2024-05-08 06:00")),
    ("c1", instant("2024-05-03 00:00"), 0, 0, instant("2024-05-08 06:00")),
    ("k1", instant("2024-05-01 00:00"), 4, 3, instant("2024-05-09 06:00")),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_newest_word_on_an_interval_governs_and_a_day_over_its_half_hours(engine: str) -> None:
    volumes = drawn(PlatformVolume, VOLUMES)
    for frame in (volumes, volumes.reverse(), pl.concat([volumes, volumes])):
        (lazy,) = lifted(engine, frame)
        assert sorted(computed(platform_days(lazy, {"clinic": "k1"})).rows()) == DAYS


@pytest.mark.parametrize("engine", ENGINES)
def test_two_words_of_one_moment_give_the_same_whatever_their_order(engine: str) -> None:
    rows = [
        f"c1 | day | 2024-05-01 00:00 | 2024-05-02 00:00 | 2024-05-09 06:00 | {sent} | {got}"
        for sent, got in ((3, 2), (4, 1), (4, 2))
    ]
    head = "channel_id | granularity_code | counted_from | counted_to | observed_at | sent_count | delivered_count"
    for order in permutations(rows):
        (lazy,) = lifted(engine, drawn(PlatformVolume, "\n".join([head, *order])))
        (row,) = computed(platform_days(lazy, {})).rows()
        assert row[2:4] == (4, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_told_is_nothing(engine: str) -> None:
    (lazy,) = lifted(engine, drawn(PlatformVolume))
    assert computed(platform_days(lazy, {"air": "c1"})).is_empty()
