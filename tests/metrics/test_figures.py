# ruff: noqa: E501 (drawn tables are wide)
"""Each metric over a drawn table, on Polars and on DuckDB."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from sqlmodel import SQLModel

from tests.spec.drawn_table import ENGINES, drawn, drawn_rows, instant, on_engines
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.tables import (
    ChannelDay,
    ConsentEvent,
    Custodian,
    Finding,
    MediaFact,
    Message,
    MessageVersion,
    PlatformMessage,
)

AS_OF = instant("2024-06-30 12:00")
ZONES = {"bank": "America/New_York", "clinic": "America/Sao_Paulo", "air": "Europe/Berlin"}

MESSAGES = """
message_id | entity | channel_id | party_id | direction_code | country_code | purpose_code | template_name | custodian_id | sent_at          | consent_code  | window_code  | body_code     | has_body | first_status_at  | delivered_at     | failed_at        | retention_code | dispose_by
m1         | bank   | c1         | p1       | outbound       | US           | utility      | t1            | k1           | 2024-05-01 12:00 | granted       | not_judged   | held          | yes      | 2024-05-01 12:00 | 2024-05-01 12:01 |                  | scheduled      | 2024-06-01 00:00
m2         | bank   | c1         | p2       | outbound       | US           | utility      | t1            | k1           | 2024-06-01 03:59 | withdrawn     | not_judged   | not_required  | no       | 2024-06-01 04:00 |                  | 2024-06-01 04:00 | scheduled      |
m3         | bank   | c1         | p2       | outbound       | US           | utility      | t2            | k1           | 2024-06-01 04:00 | refused       | not_judged   | missing_log   | no       | 2024-06-01 04:00 | 2024-06-01 05:00 | 2024-06-01 04:30 | scheduled      |
m4         | bank   | c1         | p2       | outbound       | US           | service      |               | k2           | 2024-06-02 10:00 | not_judged    | outside      | held          | yes      | 2024-06-02 10:00 | 2024-06-02 10:01 |                  | scheduled      | 2024-08-30 12:00
m5         | bank   | c1         | p3       | outbound       | US           | service      |               |              | 2024-06-03 10:00 | not_judged    | outside      | held          | yes      | 2024-06-03 10:00 |                  | 2024-06-03 10:01 | conflict       | 2024-01-01 00:00
m6         | bank   | c1         | p3       | outbound       | US           | service      |               |              | 2024-06-03 11:00 | not_judged    | inside       | held          | yes      |                  |                  |                  | unscheduled    |
m7         | air    | c2         | p4       | outbound       | DE           | marketing    | t3            |              | 2024-06-10 10:00 | never_asked   | not_judged   | statuses_only | no       | 2024-06-10 10:00 | 2024-06-10 10:01 |                  | scheduled      |
m8         | air    | c2         | p4       | outbound       | DE           | marketing    | t3            |              | 2024-06-29 10:00 | not_evaluated | not_judged   | statuses_only | no       | 2024-06-29 10:00 |                  |                  | scheduled      |
m9         | air    | c2         | p4       | inbound        | DE           |              |               |              | 2024-06-11 10:00 | not_judged    | not_judged   | held          | yes      |                  |                  |                  | scheduled      | 2024-06-30 12:00
late       | bank   | c1         | p1       | outbound       | US           | utility      | t1            | k1           | 2024-07-01 00:00 | withdrawn     | outside      | missing_log   | yes      | 2024-07-01 00:00 |                  | 2024-07-01 00:00 | scheduled      | 2024-06-30 00:00
"""
EVENTS = """
event_id | party_id | entity | is_any_entity | purpose_code | action_code | occurred_at
e1       | p2       | bank   | no            | marketing    | withdrawn   | 2024-06-02 00:00
e2       | p1       |        | yes           | all          | stop        | 2024-05-20 00:00
e3       | p3       | air    | no            | all          | withdrawn   | 2024-06-03 00:00
e4       | p4       | air    | no            | all          | granted     | 2024-06-03 00:00
e5       | p4       | air    | no            | all          | withdrawn   | 2024-07-03 00:00
e6       | p9       | bank   | no            | all          | withdrawn   | 2024-06-03 00:00
"""
CUSTODIANS = """
custodian_id | business_unit | active_from | active_to
k1           | sales         | 2020-01-01  |
k1           | service       | 2024-06-01  |
k2           | desk          |             | 2024-06-01
"""
FINDINGS = """
finding_id | rule               | subject       | subject_id | status_code | entity | template_name | occurred_at      | first_seen_at    | resolved_at
f1         | consent.withdrawn  | message       | m2         | open        | bank   | t1            | 2024-06-01 03:59 | 2024-06-30 12:00 |
f2         | consent.refused    | message       | m3         | resolved    | bank   | t2            | 2024-06-01 04:00 | 2024-06-20 12:00 | 2024-06-29 12:00
f3         | consent.refused    | message       | m3         | resolved    | bank   | t2            | 2024-06-01 04:00 | 2024-06-20 12:00 | 2024-07-02 12:00
f4         | check.overdue      | check         | x          | open        |        |               |                  | 2024-06-30 12:00 |
f5         | consent.withdrawn  | message       | late       | open        | bank   | t1            | 2024-07-01 00:00 | 2024-07-02 12:00 |
f6         | capture.unreadable | capture       | imported   | open        |        |               | 2024-07-01 00:00 | 2024-06-30 12:00 |
f7         | retention.overdue  | message       | m1         | resolved    | bank   | t1            | 2024-05-01 12:00 | 2024-07-02 12:00 | 2024-07-02 12:00
"""
DAYS = """
channel_id | day_on     | entity | outbound_count | edge_count | platform_sent_count | platform_observed_at | day_from         | day_to           | is_silent
c1         | 2024-06-01 | bank   | 8              | 1          | 12                  | 2024-06-09 00:00     | 2024-06-01 00:00 | 2024-06-02 00:00 | no
c1         | 2024-06-02 | bank   | 9              | 0          | 8                   | 2024-06-09 00:00     | 2024-06-02 00:00 | 2024-06-03 00:00 | yes
c1         | 2024-06-03 | bank   | 0              | 0          | 5                   | 2024-06-03 23:00     | 2024-06-03 00:00 | 2024-06-04 00:00 | yes
c2         | 2024-06-04 | air    | 0              | 0          |                     |                      | 2024-06-04 00:00 | 2024-06-05 00:00 |
c2         | 2024-06-29 | air    | 0              | 0          | 7                   | 2024-06-30 10:00     | 2024-06-29 00:00 | 2024-06-30 00:00 | no
c2         | 2024-06-30 | air    | 0              | 0          |                     |                      | 2024-06-30 00:00 | 2024-07-01 00:00 | yes
"""
TOLD = """
message_id | entity | channel_id | occurred_at      | observed_at
m1         | bank   | c1         | 2024-05-01 12:00 | 2024-06-29 00:00
m1         | bank   | c1         | 2024-05-01 12:01 | 2024-06-29 00:00
gone       | bank   | c1         |                  | 2024-06-01 00:00
lacking    | bank   | c1         | 2024-06-23 12:00 | 2024-06-29 00:00
young      | air    | c2         | 2024-06-23 12:01 | 2024-06-29 00:00
"""
MEDIA = """
media_digest | entity | channel_id | source_code | occurred_at      | is_intact
f1           | bank   | c1         | announced   | 2024-06-01 00:00 |
f1           |        |            | fetched     | 2024-06-01 00:01 | yes
f2           | bank   | c1         | announced   | 2024-06-01 00:00 |
f2           | bank   | c1         | fetched     | 2024-06-01 00:01 | no
f3           | bank   | c1         | announced   | 2024-06-23 12:00 |
f4           | bank   | c1         | announced   | 2024-06-29 12:01 |
f5           | bank   | c1         | announced   | 2024-06-29 00:00 |
f5           | bank   | c1         | lost        | 2024-06-29 00:00 |
f6           | air    | c2         | announced   | 2024-06-01 00:00 |
"""
VERSIONS = """
message_id | entity | channel_id | action_code | occurred_at
m1         | bank   | c1         | edit        | 2024-05-01 12:05
m1         | bank   | c1         | revoke      | 2024-05-01 12:07
m2         | bank   | c1         | revoke      | 2024-06-01 04:00
gone       | air    | c2         | edit        | 2024-06-01 04:00
m4         | bank   | c1         | edit        | 2024-07-01 04:00
"""


@pytest.fixture(params=ENGINES)
def frames(request: pytest.FixtureRequest) -> MetricFrames:
    return frames_on(request.param)


def frames_on(engine: str, messages: str = MESSAGES, *, is_empty: bool = False) -> MetricFrames:
    held = drawn(Message, messages)
    gone = pl.DataFrame({"message_id": ["gone"], "has_body": [True]})

    def told(model: type[SQLModel], text: str) -> pl.DataFrame:
        return drawn(model, "" if is_empty else text)

    given = on_engines(
        engine,
        held,
        drawn(ConsentEvent, EVENTS),
        drawn(Custodian, CUSTODIANS),
        drawn(Finding, FINDINGS),
        told(ChannelDay, DAYS),
        told(PlatformMessage, TOLD),
        told(MediaFact, MEDIA),
        told(MessageVersion, VERSIONS),
        pl.concat([held.select("message_id", "has_body"), gone]),
    )
    names = ("channel_days", "platform_messages", "media", "versions", "known")
    return MetricFrames(*given[:4], zones=ZONES, **dict(zip(names, given[4:], strict=True)))


WHOLE = """
metric                    | numerator | denominator
consent_coverage          | 1         | 4
sends_after_withdrawal    | 1         | 4
window_breaches_attempted | 2         | 3
window_breaches_delivered | 1         | 3
body_capture_coverage     | 5         | 7
delivery_failure_rate     | 2         | 7
opt_out_share             | 2         | 4
retention_overdue         | 2         | 3
retention_due_90_days     | 1         | 3
open_findings             | 4         |
capture_completeness      | 2         | 3
volume_gap                | 3         | 20
silence_days              | 2         | 4
media_capture             | 1         | 4
version_fidelity          | 2         | 3
"""


@pytest.mark.parametrize("row", drawn_rows(WHOLE), ids=lambda row: row["metric"])
def test_whole(frames: MetricFrames, row: dict[str, Any]) -> None:
    found = METRICS[row["metric"]].compute(frames, AS_OF).to_dicts()
    numerator = int(row["numerator"])
    denominator = int(row["denominator"]) if row["denominator"] else None
    assert found == [
        {
            "metric": row["metric"],
            "interval_start": None,
            "interval_end": AS_OF,
            "numerator": numerator,
            "denominator": denominator,
            "ratio": numerator / denominator if denominator else None,
        }
    ]


def test_the_drawn_figures_cover_the_catalogue() -> None:
    assert {row["metric"] for row in drawn_rows(WHOLE)} == set(METRICS)


BY = [
    ("consent_coverage", ["entity"], [("air", 0, 1), ("bank", 1, 3)]),
    ("consent_coverage", ["business_unit"], [(None, 0, 1), ("sales", 1, 2), ("service", 0, 1)]),
    ("sends_after_withdrawal", ["template"], [("t1", 1, 2), ("t2", 0, 1), ("t3", 0, 1)]),
    ("window_breaches_attempted", ["channel"], [("c1", 2, 3)]),
    ("delivery_failure_rate", ["country"], [("DE", 0, 2), ("US", 2, 5)]),
    ("opt_out_share", ["purpose"], [("marketing", 0, 1), ("service", 1, 2), ("utility", 2, 2)]),
    ("opt_out_share", ["entity"], [("air", 0, 1), ("bank", 2, 3)]),
    ("open_findings", ["entity"], [(None, 2, None), ("bank", 2, None)]),
    ("open_findings", ["business_unit"], [(None, 2, None), ("sales", 1, None), ("service", 1, None)]),
]


@pytest.mark.parametrize(("name", "by", "expected"), BY, ids=lambda value: str(value)[:40])
def test_groups(
    frames: MetricFrames, name: str, by: list[str], expected: list[tuple[str | None, int, int | None]]
) -> None:
    found = METRICS[name].compute(frames, AS_OF, by)
    assert found.select(*by, "numerator", "denominator").rows() == expected


INTERVALS = """
metric           | interval | interval_start   | interval_end     | entity | numerator | denominator
consent_coverage | month    | 2024-05-31 22:00 | 2024-06-30 22:00 | air    | 0         | 1
consent_coverage | month    | 2024-05-01 04:00 | 2024-06-01 04:00 | bank   | 1         | 2
consent_coverage | month    | 2024-06-01 04:00 | 2024-07-01 04:00 | bank   | 0         | 1
consent_coverage | day      | 2024-06-09 22:00 | 2024-06-10 22:00 | air    | 0         | 1
consent_coverage | day      | 2024-05-01 04:00 | 2024-05-02 04:00 | bank   | 1         | 1
consent_coverage | day      | 2024-05-31 04:00 | 2024-06-01 04:00 | bank   | 0         | 1
consent_coverage | day      | 2024-06-01 04:00 | 2024-06-02 04:00 | bank   | 0         | 1
consent_coverage | week     | 2024-06-09 22:00 | 2024-06-16 22:00 | air    | 0         | 1
consent_coverage | week     | 2024-04-29 04:00 | 2024-05-06 04:00 | bank   | 1         | 1
consent_coverage | week     | 2024-05-27 04:00 | 2024-06-03 04:00 | bank   | 0         | 2
opt_out_share    | month    | 2024-05-31 22:00 | 2024-06-30 22:00 | air    | 0         | 1
opt_out_share    | month    | 2024-05-01 04:00 | 2024-06-01 04:00 | bank   | 1         | 2
opt_out_share    | month    | 2024-06-01 04:00 | 2024-07-01 04:00 | bank   | 1         | 2
"""


@pytest.mark.parametrize(
    ("name", "interval"),
    sorted({(row["metric"], row["interval"]) for row in drawn_rows(INTERVALS)}),
)
def test_intervals_in_the_time_zone_of_the_entity(frames: MetricFrames, name: str, interval: Any) -> None:
    found = METRICS[name].compute(frames, AS_OF, ["entity"], interval)
    expected = [
        (
            instant(str(row["interval_start"])),
            instant(str(row["interval_end"])),
            row["entity"],
            int(str(row["numerator"])),
            int(str(row["denominator"])),
        )
        for row in drawn_rows(INTERVALS)
        if (row["metric"], row["interval"]) == (name, interval)
    ]
    columns = ["interval_start", "interval_end", "entity", "numerator", "denominator"]
    assert sorted(found.select(columns).rows()) == sorted(expected)


NOBODY_S = """
m10        |        | c9         | {party} | outbound       | US           | utility      | t1            |              | 2024-05-21 12:00 | not_evaluated | not_judged   | held          | yes      |                  |                  |                  | scheduled      |
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("party", "stopped"), [("p1", 1), ("p2", 0)], ids=["every company", "one company"])
@pytest.mark.parametrize("interval", [None, "month"])
def test_a_stop_that_governs_every_company_counts_for_a_number_of_no_company(
    engine: str, party: str, stopped: int, interval: Any
) -> None:
    given = frames_on(engine, MESSAGES.rstrip("\n") + NOBODY_S.format(party=party))
    found = METRICS["opt_out_share"].compute(given, AS_OF, ["entity"], interval)
    of_nobody = found.filter(pl.col("entity").is_null())
    assert of_nobody.select("numerator", "denominator").rows() == [(stopped, 1)]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_denominator_gives_null(engine: str) -> None:
    frames = frames_on(engine, messages=MESSAGES.strip().splitlines()[0], is_empty=True)
    for metric in METRICS.values():
        if "findings" in metric.needs:
            continue
        (row,) = metric.compute(frames, AS_OF).to_dicts()
        assert (row["numerator"], row["denominator"], row["ratio"]) == (0, 0, None)
        assert metric.compute(frames, AS_OF, ["entity"], "day").is_empty()


def test_what_was_never_read_is_unknown_not_zero() -> None:
    native = frames_on("polars")
    frames = MetricFrames(native.messages, native.consent_events, native.custodians)
    silent = [metric for metric in METRICS.values() if metric.needs]
    assert len(silent) == 6
    for metric in silent:
        (row,) = metric.compute(frames, AS_OF).to_dicts()
        nothing = 0 if metric.has_denominator else None
        assert (row["numerator"], row["denominator"], row["ratio"]) == (None, nothing, None)


def test_a_day_without_any_platform_count_is_no_denominator(frames: MetricFrames) -> None:
    found = METRICS["volume_gap"].compute(frames, AS_OF, ["entity"])
    assert found.select("entity", "numerator", "denominator").rows() == [("bank", 3, 20)]
    days = METRICS["silence_days"].compute(frames, AS_OF, ["entity"], "day")
    assert days.select("entity", "numerator", "interval_start").rows()[:2] == [
        ("bank", 0, instant("2024-06-01 04:00")),
        ("bank", 1, instant("2024-06-02 04:00")),
    ]


def test_the_frames_of_a_company_and_of_a_week_are_its_own(frames: MetricFrames) -> None:
    bank = frames.of_entity("bank")
    assert METRICS["silence_days"].compute(bank, AS_OF)["denominator"].to_list() == [3]
    recent = frames.since(instant("2024-06-22 12:00"))
    figures = {
        name: METRICS[name].compute(recent, AS_OF).select("numerator", "denominator").row(0)
        for name in ("capture_completeness", "silence_days", "media_capture", "version_fidelity")
    }
    assert figures == {
        "capture_completeness": (0, 1),
        "silence_days": (0, 1),
        "media_capture": (0, 2),
        "version_fidelity": (0, 0),
    }


def test_findings_of_no_check_are_unknown_not_zero() -> None:
    native = frames_on("polars")
    frames = MetricFrames(native.messages, native.consent_events, native.custodians)
    (row,) = METRICS["open_findings"].compute(frames, AS_OF).to_dicts()
    assert row["numerator"] is None
    assert METRICS["open_findings"].compute(frames, AS_OF, ["entity"]).is_empty()


def test_both_engines_agree_on_every_metric_group_and_interval() -> None:
    polars, duck = frames_on("polars"), frames_on("duckdb")
    for metric in METRICS.values():
        for by in ([], ["entity", "purpose", "template"]):
            for interval in (None, "week", "month"):
                left = metric.compute(polars, AS_OF, by, interval)  # type: ignore[arg-type]
                right = metric.compute(duck, AS_OF, by, interval)  # type: ignore[arg-type]
                assert left.rows() == right.rows(), (metric.name, by, interval)
                assert left.schema == right.schema


def test_rows_of_another_order_or_twice_stated_findings_change_nothing() -> None:
    straight = drawn(Message, MESSAGES)
    told = frames_on("polars")
    frames = [
        replace(told, messages=messages, custodians=custodians, versions=told.versions.reverse())
        for messages, custodians in (
            (straight, drawn(Custodian, CUSTODIANS)),
            (straight.reverse(), pl.concat([drawn(Custodian, CUSTODIANS)] * 2).reverse()),
        )
    ]
    for metric in METRICS.values():
        one, two = (metric.compute(each, AS_OF, ["business_unit"], "week").rows() for each in frames)
        assert one == two


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("last_day", "unit"), [("2024-06-01", None), ("2024-06-02", "desk")])
def test_the_last_day_in_a_role_belongs_to_it(engine: str, last_day: str, unit: str | None) -> None:
    messages, custodians = on_engines(
        engine,
        drawn(Message, MESSAGES).filter(pl.col("message_id") == "m4"),
        drawn(Custodian, f"custodian_id | business_unit | active_from | active_to\nk2 | desk | | {last_day}"),
    )
    frames = MetricFrames(messages, None, custodians, zones=ZONES)
    found = METRICS["window_breaches_attempted"].compute(frames, AS_OF, ["business_unit"])
    assert found["business_unit"].to_list() == [unit]
