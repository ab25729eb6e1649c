"""Charts draw what the rows say, and name what could not be evaluated."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from tests.reports.world import AS_OF, World
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.reports.charts import MOST_BARS, findings_chart, metric_chart, svg, trend_chart
from wa_analytics.reports.metric_table import MetricTable


def rows_of(chart: object) -> list[dict[str, object]]:
    spec = chart.to_dict()  # type: ignore[attr-defined]
    (rows,) = spec["datasets"].values()
    return list(rows)


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize(
    ("by", "interval"), [((), None), (("entity", "template"), None), (("entity",), "month")]
)
def test_every_metric_can_be_drawn(
    world: World, name: str, by: tuple[str, ...], interval: str | None
) -> None:
    metric = METRICS[name]
    frame = metric.compute(world.frames, AS_OF, by, interval)  # type: ignore[arg-type]
    drawn = svg(MetricTable(metric, frame).chart())
    assert drawn.startswith("<svg")
    assert metric.title in drawn
    assert "http" not in drawn


def test_rates_are_drawn_per_ten_thousand_and_shares_as_shares(world: World) -> None:
    for name, factor in (("sends_after_withdrawal", 10_000), ("consent_coverage", 1)):
        frame = METRICS[name].compute(world.frames, AS_OF, ["entity"])
        values = {row["group"]: row["value"] for row in rows_of(metric_chart(frame, METRICS[name]))}
        for row in frame.to_dicts():
            assert values[row["entity"]] == pytest.approx(row["ratio"] * factor)


def test_an_axis_writes_shares_as_texts_do(world: World) -> None:
    shares = METRICS["consent_coverage"].compute(world.frames, AS_OF, by=["entity"])
    drawn = svg(metric_chart(shares, METRICS["consent_coverage"]))
    assert ">0 %<" in drawn
    assert not re.search(r">[0-9.]+%<", drawn)


def test_an_empty_denominator_is_named_not_drawn_as_zero(world: World) -> None:
    metric = METRICS["consent_coverage"]
    frame = metric.compute(world.frames, datetime(2020, 1, 1, tzinfo=UTC))
    (row,) = rows_of(metric_chart(frame, metric))
    assert (row["value"], row["text"]) == (None, "not evaluated")


def test_too_many_groups_are_cut_and_said_so(world: World) -> None:
    metric = METRICS["consent_coverage"]
    frame = metric.compute(world.frames, AS_OF, ["country", "template", "purpose"], "day")
    days = frame["interval_start"].dt.strftime("%Y-%m-%d")
    never = pl.lit(None).cast(pl.Datetime("us", "UTC"))
    many = frame.with_columns(interval_start=never, country=days)
    chart = metric_chart(many, metric)
    assert f"the {MOST_BARS} largest of" in str(chart.to_dict()["title"])
    assert len({row["group"] for row in rows_of(chart)}) == MOST_BARS


def test_local_midnights_are_drawn_on_their_own_day(world: World) -> None:
    metric = METRICS["consent_coverage"]
    frame = metric.compute(world.frames, AS_OF, ["entity"], "month")
    assert {str(row["day"])[8:] for row in rows_of(metric_chart(frame, metric))} == {"01"}


def test_trends_are_drawn_by_week(world: World) -> None:
    trend = world.overview().trend
    rows = rows_of(trend_chart(trend, METRICS["consent_coverage"]))
    assert len(rows) in (26, 27)


def test_rows_for_json(world: World) -> None:
    frame = METRICS["consent_coverage"].compute(world.frames, AS_OF, ["entity", "purpose"])
    row = MetricTable(METRICS["consent_coverage"], frame).rows()[0]
    assert list(row) == [
        "metric", "interval_start", "interval_end", "group", "numerator", "denominator", "ratio",
    ]  # fmt: skip
    assert set(row["group"]) == {"entity", "purpose"}


def test_reports_draw_nothing_until_asked() -> None:
    code = (
        "import sys, wa_analytics.reports.scorecard, wa_analytics.reports.incident_report,"
        " wa_analytics.reports.overview, wa_analytics.reports.metric_table;"
        "print([m for m in ('altair', 'vl_convert', 'pandas', 'jinja2', 'rich') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_altair_comes_without_the_grammar_of_addresses_and_leaves_it_importable() -> None:
    script = (
        "import sys, wa_analytics.reports.altair\n"
        "print('altair' in sys.modules, 'rfc3987_syntax' in sys.modules)\n"
        "import jsonschema, rfc3987_syntax"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_findings_by_week_show_only_the_kinds_there_are_and_dates_for_people() -> None:
    weeks = pl.DataFrame({"day": ["2026-06-29", "2026-07-06"], "findings": [4, 0], "is_small": [True, False]})
    drawn = svg(findings_chart(weeks))
    assert "29 Jun 2026" in drawn
    assert ">1 to 4<" in drawn
    assert ">as counted<" not in drawn
