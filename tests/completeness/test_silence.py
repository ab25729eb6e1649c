"""Silence: what a weekly pattern makes improbable, judged by days before it, and how often wrongly."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.silence import measured
from wa_analytics.completeness.silence import LONGEST_DAYS, Heard, alpha_of, heard

ALPHA = alpha_of(0.01)
MONDAY = 20_003 - 20_003 % 7
# Ten a day, weekends none.
OFFICE = {MONDAY + day: 10 for day in range(8 * 7) if day % 7 < 5}
TODAY = MONDAY + 8 * 7
FAR = 2_900_002  # the year 9909; whole weeks


def silent_days(counts: dict[int, int], until: int) -> list[int]:
    return [one.day - TODAY for one in heard(counts, until, ALPHA) if one.is_silent]


def test_a_dead_office_number_shows_within_two_working_days_and_weekends_never() -> None:
    told = heard(OFFICE, TODAY + 9, ALPHA)
    assert [one.day - TODAY for one in told if one.is_silent] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {one.since for one in told if one.is_silent} == {TODAY - 2}
    assert next(one.expected for one in told if one.day == TODAY) == 10
    assert [one.is_silent for one in told if one.day % 7 == MONDAY % 7 + 5 and one.day < TODAY][-1] is False


def test_the_probability_is_the_one_the_docstring_states() -> None:
    counts = {MONDAY + day: 10 for day in range(8 * 7)}
    spread = 1 + 2 / math.sqrt(49)
    chance = (8 / 9) ** ((80 + 0.5) * math.log(spread) / (spread - 1))
    (day,) = heard(counts, TODAY + 1, chance * 1.000001)[-1:]
    assert day == Heard(TODAY, 10.0, True, TODAY)
    assert heard(counts, TODAY + 1, chance * 0.999999)[-1].is_silent is False


def test_what_follows_changes_nothing_before() -> None:
    ended = heard(OFFICE, TODAY + 9, ALPHA)
    went_on = heard(OFFICE | {TODAY + 9: 10, TODAY + 10: 3}, TODAY + 30, ALPHA)
    assert went_on[: len(ended)] == ended


def test_a_number_that_stays_silent_is_not_taken_for_a_quiet_one() -> None:
    months = silent_days(OFFICE, TODAY + 200)
    assert months == list(range(1, 200))
    assert len(silent_days(OFFICE, TODAY + 900)) <= LONGEST_DAYS


def test_a_day_of_the_year_9999_is_no_walk_of_millions() -> None:
    """A send log may hold it; what is said of the days before and after stays the same."""
    after = {FAR + day: 10 for day in OFFICE}
    told = heard(OFFICE | after, FAR + TODAY + 9, ALPHA)
    assert len(told) < 3 * (LONGEST_DAYS + len(OFFICE))
    assert told[: TODAY + 9 - MONDAY] == heard(OFFICE, TODAY + 9, ALPHA)
    later = [one.day - FAR - TODAY for one in told if one.is_silent and one.day > FAR]
    assert later == silent_days(OFFICE, TODAY + 9)


def test_ordinary_pauses_are_learnt_and_a_long_one_is_not() -> None:
    counts = dict.fromkeys(range(TODAY - 120, TODAY, 2), 2)
    told = heard(counts, TODAY + 40, ALPHA)
    silent = [one.day - TODAY for one in told if one.is_silent]
    assert silent
    assert 7 < silent[0] < 25


@pytest.mark.parametrize(
    ("counts", "until"),
    [
        ({}, TODAY),
        (dict.fromkeys(range(TODAY - 21, TODAY), 10), TODAY + 60),
        (dict.fromkeys(range(TODAY - 300, TODAY, 14), 1), TODAY + 60),
        ({TODAY - 100: 5_000}, TODAY + 60),
    ],
    ids=["nothing", "three weeks", "too thin", "one day"],
)
def test_with_too_little_before_nothing_is_said(counts: dict[int, int], until: int) -> None:
    assert {one.is_silent for one in heard(counts, until, ALPHA)} <= {None}


@given(st.dictionaries(st.integers(MONDAY, MONDAY + 120), st.integers(0, 30)), st.integers(0, 40))
def test_every_day_is_told_once_and_only_empty_ones_are_silent(counts: dict[int, int], more: int) -> None:
    told = heard(counts, MONDAY + 121 + more, ALPHA)
    held = sorted(day for day, count in counts.items() if count)
    assert [one.day for one in told] == list(range(held[0], MONDAY + 121 + more) if held else [])
    for one in told:
        if one.is_silent:
            assert one.since is not None
            assert not any(counts.get(day, 0) for day in range(one.since, one.day + 1))


def test_false_alarms_on_clean_traffic_stay_below_the_rate_that_is_stated() -> None:
    """At a rate that a few hundred made-up years can measure; the benchmark measures the default."""
    told = measured(years=400, false_alarms=0.1)
    assert told["false_alarms_per_number_year"] <= 0.1  # type: ignore[operator]
    by_traffic = {(row["rate"], row["spread"]): row for row in told["by_traffic"]}  # type: ignore[attr-defined,index]
    assert by_traffic[(200.0, 1.0)]["days_until_seen"] == 1
    assert by_traffic[(20.0, 2.0)]["days_until_seen"] <= 3
