# ruff: noqa: E501 (drawn tables are wide)
"""Which rows bind a message, and until when: drawn, on Polars and DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from tests.spec.drawn_table import ENGINES, drawn
from tests.spec.frames import by_key, lifted, rows
from wa_analytics.errors import SettingsInvalid
from wa_analytics.retention.schedule import (
    OWN_CLASSES,
    ScheduleRow,
    classed,
    later,
    offsets,
    read_schedule,
    scheduled,
)
from wa_analytics.settings import Entity, RecordClassRule
from wa_analytics.tables import Message

ENTITIES = (
    Entity(key="bank", kind="broker_dealer", jurisdiction="US"),
    Entity(key="air", kind="airline", jurisdiction="EU"),
    Entity(key="clinic", kind="clinic", jurisdiction="BR"),
)
GIVEN = ("message_id", "entity", "party_id", "record_class", "sent_at")
TOLD = ("message_id", "retention_code", "retain_until", "retain_rule", "dispose_by", "dispose_rule")
on_both = pytest.mark.parametrize("engine", ENGINES)


def schedule_tells(engine: str, messages: str, *schedule: ScheduleRow) -> None:
    wanted = drawn(Message, messages)
    if wanted["record_class"].null_count():
        wanted = wanted.with_columns(pl.col("record_class").fill_null("correspondence"))
    (given,) = lifted(engine, wanted.select(GIVEN))
    assert rows(scheduled(given, schedule, ENTITIES), *TOLD) == by_key(wanted.select(TOLD))


@on_both
def test_calendar_arithmetic(engine: str) -> None:
    """29 February + 1 year is 28 February; months end where the shorter month ends; the parts of a
    duration apply in turn."""
    moments = """
    message_id | type_code | sent_at             | retain_until
    leap       | P1Y       | 2024-02-29 12:00:00 | 2025-02-28 12:00:00
    leap 4     | P4Y       | 2024-02-29 12:00:00 | 2028-02-29 12:00:00
    to leap    | P1Y       | 2023-02-28 23:59:59 | 2024-02-28 23:59:59
    month end  | P1M       | 2024-01-31 00:00:00 | 2024-02-29 00:00:00
    two months | P2M       | 2023-12-31 00:00:00 | 2024-02-29 00:00:00
    18 months  | P18M      | 2024-08-31 00:00:00 | 2026-02-28 00:00:00
    mixed      | P1M1D     | 2024-01-31 00:00:00 | 2024-03-01 00:00:00
    year, week | P1Y1W     | 2024-02-29 00:00:00 | 2025-03-07 00:00:00
    days       | P90D      | 2024-01-01 06:00:00 | 2024-03-31 06:00:00
    hours      | P1DT36H   | 2024-01-01 06:00:00 | 2024-01-03 18:00:00
    none       | P0D       | 2024-01-01 06:00:00 | 2024-01-01 06:00:00
    """
    wanted = drawn(Message, moments)
    for name, duration in wanted.select("message_id", "type_code").iter_rows():
        (one,) = lifted(engine, wanted.filter(pl.col("message_id") == name))
        found = rows(one.select(retain_until=later(nw.col("sent_at"), duration)), "retain_until")
        assert found == wanted.filter(pl.col("message_id") == name).select("retain_until").rows(), name


@pytest.mark.parametrize("text", ["", "P", "PT", "3Y", "P3", "P-1Y", "P1.5Y", "three years", "P1D2M"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no ISO 8601 duration"):
        offsets(text)


@on_both
def test_the_latest_floor_and_the_earliest_ceiling(engine: str) -> None:
    schedule_tells(
        engine,
        """
        message_id | entity | record_class | sent_at          | retain_until     | retain_rule            | dispose_by       | dispose_rule            | retention_code
        bank       | bank   |              | 2024-01-01 00:00 | 2027-01-01 00:00 | B/any/P3Y              | 2031-01-01 00:00 | E/correspondence/P7Y    | scheduled
        air        | air    |              | 2024-01-01 00:00 | 2025-01-01 00:00 | A/correspondence/P1Y   | 2024-03-31 00:00 | D/correspondence/P90D   | conflict
        medical    | clinic | medical      | 2024-01-01 00:00 | 2044-01-01 00:00 | C/medical/P20Y         |                  |                         | scheduled
        class      | clinic | other        | 2024-01-01 00:00 |                  |                        |                  |                         | unscheduled
        nobody     |        |              | 2024-01-01 00:00 | 2025-01-01 00:00 | A/correspondence/P1Y   | 2031-01-01 00:00 | E/correspondence/P7Y    | scheduled
        """,
        ScheduleRow(authority="A", record_class="correspondence", floor="P1Y"),
        ScheduleRow(authority="B", entity_kind="broker_dealer", jurisdiction="US", floor="P3Y"),
        ScheduleRow(authority="C", record_class="medical", jurisdiction="BR", floor="P20Y"),
        ScheduleRow(authority="D", record_class="correspondence", entity_kind="airline", ceiling="P90D"),
        ScheduleRow(authority="E", record_class="correspondence", ceiling="P7Y"),
    )


@on_both
def test_a_fallback_counts_only_where_no_other_floor_applies(engine: str) -> None:
    schedule_tells(
        engine,
        """
        message_id | entity | record_class | sent_at          | retain_until     | retain_rule          | retention_code
        has floor  | bank   |              | 2024-01-01 00:00 | 2027-01-01 00:00 | B/correspondence/P3Y | scheduled
        has none   | bank   | other        | 2024-01-01 00:00 | 2030-01-01 00:00 | F/any/P6Y            | scheduled
        no row     | air    |              | 2024-01-01 00:00 |                  |                      | unscheduled
        """,
        ScheduleRow(authority="F", entity_kind="broker_dealer", floor="P6Y", is_fallback=True),
        ScheduleRow(authority="B", entity_kind="broker_dealer", record_class="correspondence", floor="P3Y"),
    )


@on_both
def test_rows_are_in_force_by_the_trigger_half_open(engine: str) -> None:
    schedule_tells(
        engine,
        """
        message_id | sent_at             | retain_until        | retain_rule | retention_code
        before     | 2019-12-31 23:59:59 | 2021-12-31 23:59:59 | O/any/P2Y   | scheduled
        from       | 2020-01-01 00:00:00 | 2021-01-01 00:00:00 | N/any/P1Y   | scheduled
        last       | 2022-12-31 23:59:59 | 2023-12-31 23:59:59 | N/any/P1Y   | scheduled
        to         | 2023-01-01 00:00:00 |                     |             | unscheduled
        """,
        ScheduleRow(authority="O", floor="P2Y", effective_to=datetime(2020, 1, 1, tzinfo=UTC)),
        ScheduleRow(
            authority="N",
            floor="P1Y",
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            effective_to=datetime(2023, 1, 1, tzinfo=UTC),
        ),
    )


@on_both
def test_conflict_is_a_ceiling_strictly_before_the_floor(engine: str) -> None:
    schedule_tells(
        engine,
        """
        message_id | sent_at          | retain_until     | retain_rule | dispose_by       | dispose_rule | retention_code
        equal      | 2024-01-01 00:00 | 2025-01-01 00:00 | A/any/P1Y   | 2025-01-01 00:00 | B/any/P12M   | scheduled
        """,
        ScheduleRow(authority="A", floor="P1Y"),
        ScheduleRow(authority="B", ceiling="P12M"),
    )
    schedule_tells(
        engine,
        """
        message_id | sent_at          | retain_until     | retain_rule | dispose_by       | dispose_rule | retention_code
        one row    | 2024-01-01 00:00 | 2025-07-01 00:00 | A/any/P18M  | 2025-01-01 00:00 | A/any/P1Y    | conflict
        """,
        ScheduleRow(authority="A", floor="P18M", ceiling="P1Y"),
    )


@on_both
def test_of_equal_ends_the_smaller_key_is_named(engine: str) -> None:
    schedule_tells(
        engine,
        """
        message_id | sent_at          | retain_until     | retain_rule | dispose_by       | dispose_rule | retention_code
        m          | 2024-01-01 00:00 | 2025-01-01 00:00 | A/any/P12M  | 2026-01-01 00:00 | A/any/P24M   | scheduled
        """,
        ScheduleRow(authority="B", floor="P1Y", ceiling="P2Y"),
        ScheduleRow(authority="A", floor="P12M", ceiling="P24M"),
    )


@on_both
def test_the_last_entry_is_the_newest_message_of_party_company_and_class(engine: str) -> None:
    schedule_tells(
        engine,
        """
        message_id | entity | party_id | record_class | sent_at          | retain_until     | retain_rule    | retention_code
        old        | clinic | ana      | medical      | 2004-01-01 00:00 | 2040-06-01 00:00 | L/medical/P20Y | scheduled
        new        | clinic | ana      | medical      | 2020-06-01 00:00 | 2040-06-01 00:00 | L/medical/P20Y | scheduled
        other      | clinic | bob      | medical      | 2004-01-01 00:00 | 2024-01-01 00:00 | L/medical/P20Y | scheduled
        company    | air    | ana      | medical      | 2021-01-01 00:00 |                  |                | unscheduled
        unknown 1  | clinic |          | medical      | 2004-01-01 00:00 | 2024-01-01 00:00 | L/medical/P20Y | scheduled
        unknown 2  | clinic |          | medical      | 2005-01-01 00:00 | 2025-01-01 00:00 | L/medical/P20Y | scheduled
        """,
        ScheduleRow(
            authority="L", record_class="medical", jurisdiction="BR", floor="P20Y", trigger="last_entry_at"
        ),
    )


@on_both
def test_the_first_class_rule_that_matches(engine: str) -> None:
    wanted = drawn(
        Message,
        """
        message_id | entity | channel_id | purpose_code | template_name | record_class
        a          | clinic | c1         | utility      | results       | medical
        b          | clinic | c1         | marketing    | results       | promotion
        c          | clinic | c1         | marketing    |               | promotion
        d          | bank   | c9         |              |               | trading
        e          | bank   | c1         |              |               | correspondence
        f          |        |            |              |               | correspondence
        """,
    )
    rules = (
        RecordClassRule(record_class="promotion", purpose="marketing"),
        RecordClassRule(record_class="medical", entity="clinic", template="results"),
        RecordClassRule(record_class="trading", channel="c9"),
        RecordClassRule(record_class="never", channel="c9"),
    )
    (given,) = lifted(engine, wanted.drop("record_class"))
    expected = by_key(wanted.select("message_id", "record_class"))
    assert rows(classed(given, rules), "message_id", "record_class") == expected


def test_the_shipped_schedule() -> None:
    found = {(row.authority, row.floor, row.ceiling): row for row in read_schedule()}
    assert found["SEC-01", "P3Y", ""].entity_kind == "broker_dealer"
    assert found["FIN-01", "P6Y", ""].is_fallback
    records = next(row for row in found.values() if row.floor == "P20Y")
    assert (records.jurisdiction, records.trigger) == ("BR", "last_entry_at")
    assert any(row.ceiling == "P90D" for row in found.values())


HEADER = "record_class,entity_kind,jurisdiction,authority,floor,ceiling,is_fallback,trigger,effective_from,effective_to\n"


def test_a_workspace_may_replace_it(tmp_path: Path) -> None:
    (tmp_path / "retention.csv").write_text(
        "\ufeff" + HEADER + "mail,,,OWN,P1Y,,TRUE,,2020-01-01,2021-01-01\n"
    )
    (row,) = read_schedule(tmp_path)
    assert row == ScheduleRow(
        record_class="mail",
        authority="OWN",
        floor="P1Y",
        is_fallback=True,
        effective_from=datetime(2020, 1, 1, tzinfo=UTC),
        effective_to=datetime(2021, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("class,floor\nx,P1Y\n", "retention.csv, line 1: column record_class is missing"),
        ("", "retention.csv, line 1: column record_class is missing"),
        (HEADER + "a,,,A,P1Y,,,,,\nb,,,B,soon,,,,,\n", "retention.csv, line 3, column floor"),
        (HEADER + "a,,,A,,x,,,,\n", "retention.csv, line 2, column ceiling"),
        (HEADER + "a,,,A,P1Y,,,read_at,,\n", "retention.csv, line 2, column trigger"),
        (HEADER + "a,,,A,P1Y,,,,31.12.2020,\n", "retention.csv, line 2, column effective_from"),
        (HEADER + "a,,,A,P1Y,,ture,,,\n", "retention.csv, line 2, column is_fallback: must be true"),
        (HEADER + "a,,,A,P1Y,,,,,,more\n", "retention.csv, line 2: more cells than columns"),
        (
            "record_class,cieling\na,P1Y\n",
            "retention.csv, line 1: column 'cieling' is not known; write it ceil",
        ),
        ("Record_Class,floor\na,P1Y\n", "line 1: column 'Record_Class' is not known; write it record_class"),
        (HEADER + 'a,,,"A,P1Y,,,,,\nb,,,B,P1Y,,,,,\n', "retention.csv, line 3: not CSV"),
    ],
)
def test_what_is_wrong_with_it_is_told_by_line_and_column(tmp_path: Path, written: str, told: str) -> None:
    (tmp_path / "retention.csv").write_text(written)
    with pytest.raises(SettingsInvalid, match=told):
        read_schedule(tmp_path)


def test_empty_rows_and_notes_of_one_s_own_are_no_rules(tmp_path: Path) -> None:
    (tmp_path / "retention.csv").write_text(
        "record_class,floor,why\nmail,P1Y,the board said so\n,,\n\n , ,\n"
    )
    assert read_schedule(tmp_path) == (ScheduleRow(record_class="mail", floor="P1Y"),)


@pytest.mark.parametrize(
    ("place", "seat", "binds"),
    [
        ("", "", True),
        ("US", "US", True),
        ("US", "US-NY", True),
        ("US-NY", "US-NY", True),
        ("US-NY", "US", False),
        ("US-NY", "US-CA", False),
        ("GB", "UK", True),
        ("UK", "GB", True),
        ("BR", "br", True),
        ("EU", "ES-CT", True),
        ("EU", "GB", False),
        ("US", "", False),
    ],
)
def test_a_country_binds_all_its_parts(place: str, seat: str, binds: bool) -> None:
    assert ScheduleRow(jurisdiction=place).binds(Entity(key="one", jurisdiction=seat)) is binds


def test_it_must_be_utf_8(tmp_path: Path) -> None:
    (tmp_path / "retention.csv").write_bytes((HEADER + "médico,,,A,P1Y,,,,,\n").encode("latin-1"))
    with pytest.raises(SettingsInvalid, match="is not UTF-8"):
        read_schedule(tmp_path)


def test_shipped_rows_bind_only_the_companies_they_are_made_for() -> None:
    """The rows beyond the first five change nothing for companies of other kinds."""
    every = read_schedule()
    kinds = ("broker_dealer", "airline", "clinic", "futures_firm", "investment_firm")
    places = ("US", "GB", "DE", "BR", "")
    bound = {
        (kind, place): {
            row.authority
            for row in every
            if row.binds(Entity(key="e", kind=kind, jurisdiction=place))
            and row.record_class not in OWN_CLASSES
        }
        for kind in kinds
        for place in places
    }
    assert bound["broker_dealer", "US"] == {"SEC-01", "FIN-01"}
    assert bound["futures_firm", "US"] == {"CFT-01"}
    assert bound["investment_firm", "DE"] == {"MIF-01"}
    assert bound["investment_firm", "GB"] == {"FCA-04"}
    assert bound["investment_firm", "US"] == set()
    assert bound["airline", "GB"] == {"GDP-02"}
    assert bound["clinic", "BR"] == {"Lei 13.787/2018 art. 6", "LGP-01"}


def test_records_of_the_workbench_have_rows_and_bind_no_message() -> None:
    own = [row for row in read_schedule() if row.record_class in OWN_CLASSES]
    assert {row.record_class for row in own} == set(OWN_CLASSES)
    message = messages_of("finding")
    found = scheduled(nw.from_native(message.lazy()), own, [Entity(key="e1")]).collect("polars").to_native()
    assert found["retention_code"].to_list() == ["unscheduled"]


def messages_of(record_class: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "message_id": ["m"],
            "entity": ["e1"],
            "party_id": ["p"],
            "record_class": [record_class],
            "sent_at": [datetime(2020, 1, 1, tzinfo=UTC)],
        }
    )


def test_which_rows_are_union_law() -> None:
    rows = {row.authority: row.is_union_law for row in read_schedule()}
    assert rows["MIF-01"]
    assert not rows["SEC-01"]
    assert not rows["FCA-04"]
    assert ScheduleRow(jurisdiction="DE").is_union_law, "a row that names no law: by its jurisdiction"
    assert not ScheduleRow(law="US", jurisdiction="DE").is_union_law
