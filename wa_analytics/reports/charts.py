"""The house's charts: Altair, calm, readable without colour, drawn without a network.

This module imports Altair, so it is imported when a chart is drawn, never before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from wa_analytics.metrics.metric import ROW_COLUMNS, Metric, shown_value
from wa_analytics.reports.altair import alt
from wa_analytics.reports.wording import figure

INK, MUTED, GRID, PAPER = "#1c2733", "#5d6b7a", "#e3e8ee", "#ffffff"
ACCENT, ALARM = "#1f5f8b", "#b4432f"
#: apart in hue and in lightness, so that they hold in greyscale and for colour-blind readers
SERIES = (ACCENT, "#d98032", "#3f8f6b", "#7b5ea7", "#a33f5b", "#4aa3c7", "#8a7a3b", "#5d6b7a")
FONT = "Inter, 'Segoe UI', system-ui, Roboto, 'Helvetica Neue', Arial, sans-serif"
MOST_LINES, MOST_BARS = 8, 40


def house_config() -> dict[str, Any]:
    """The look every chart shares, as a Vega-Lite config."""
    return {
        "background": PAPER,
        # the reader's font may be wider than the one the labels were measured with
        "padding": {"left": 22, "right": 14, "top": 6, "bottom": 6},
        "font": FONT,
        # "97.3 %", as `wording.figure` writes it
        "locale": {
            "number": {
                "decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""], "percent": " %",
            }
        },
        "view": {"stroke": None},
        "range": {"category": list(SERIES)},
        "title": {
            "anchor": "start", "fontSize": 14, "fontWeight": 600, "color": INK, "offset": 12,
            "subtitleColor": MUTED, "subtitleFontSize": 11.5, "subtitlePadding": 4,
        },
        "axis": {
            "labelColor": MUTED, "titleColor": MUTED, "labelFontSize": 11, "titleFontSize": 11,
            "titleFontWeight": "normal", "domain": False, "ticks": False, "gridColor": GRID,
            "labelPadding": 6, "titlePadding": 8, "labelSeparation": 14,
        },
        "axisX": {"grid": False, "domain": True, "domainColor": GRID},
        "legend": {
            "labelColor": INK, "titleColor": MUTED, "labelFontSize": 11, "titleFontSize": 11,
            "titleFontWeight": "normal", "orient": "top", "symbolSize": 70, "columnPadding": 22,
        },
        "line": {"strokeWidth": 2.2},
        "bar": {"cornerRadiusEnd": 2},
        "point": {"size": 42, "filled": True},
    }  # fmt: skip


def styled(chart: Any) -> Any:
    """The chart with the house look."""
    return chart.configure(**house_config())


def metric_chart(frame: pl.DataFrame, metric: Metric) -> Any:
    """A picture of a metric's rows: lines over intervals, else bars by group.

    `frame` is what `Metric.compute` gave. Groups beyond the largest eight (lines) or forty (bars) are
    left out and the subtitle says so. A group that could not be evaluated is named, not drawn as zero.
    """
    groups = [name for name in frame.columns if name not in ROW_COLUMNS]
    shown = _shown(frame, metric, groups)
    if frame["interval_start"].null_count() == frame.height:
        return styled(_bars(shown, metric, groups))
    return styled(_lines(shown, metric, groups))


def _shown(frame: pl.DataFrame, metric: Metric, groups: Sequence[str]) -> pl.DataFrame:
    """The rows with what is drawn: value, its text, a group label, the local day of the interval."""
    texts, values = [], []
    for row in frame.select("numerator", "denominator", "ratio").to_dicts():
        is_known = row["denominator"] != 0
        values.append(shown_value(metric.unit, row["numerator"], row["ratio"]) if is_known else None)
        texts.append(figure(metric.unit, row["numerator"], row["denominator"], row["ratio"]))
    label = (
        pl.concat_str([pl.col(name).fill_null("not known") for name in groups], separator=" · ")
        if groups
        else pl.lit(metric.title)
    )
    return frame.with_columns(
        pl.Series("value", values, dtype=pl.Float64),
        pl.Series("text", texts, dtype=pl.String),
        label.alias("group"),
        # local midnight lies within twelve hours of UTC midnight, so noon names the local day
        (pl.col("interval_start") + pl.duration(hours=12)).dt.strftime("%Y-%m-%d").alias("day"),
    ).select("group", "day", "value", "text", "numerator", "denominator", *groups)


def _largest(shown: pl.DataFrame, most: int) -> tuple[pl.DataFrame, str]:
    sizes = shown.group_by("group").agg(
        pl.max_horizontal(pl.col("denominator").fill_null(0), pl.col("numerator").fill_null(0))
        .sum()
        .alias("n")
    )
    if sizes.height <= most:
        return shown, ""
    kept = sizes.sort(["n", "group"], descending=[True, False]).head(most)
    return shown.filter(
        pl.col("group").is_in(kept["group"].to_list())
    ), f"the {most} largest of {sizes.height} groups"


def _axis_format(metric: Metric) -> str:
    return ".1~%" if metric.unit == "ratio" else ",.0f"


def _value_title(metric: Metric) -> str:
    return {"ratio": "share", "per_10k": "per 10,000", "count": "count"}[metric.unit]


def _tooltip(*first: Any) -> list[Any]:
    return [
        *first,
        alt.Tooltip("text:N", title="value"),
        alt.Tooltip("numerator:Q", format=",d"),
        alt.Tooltip("denominator:Q", format=",d"),
    ]


def _title(metric: Metric, note: str) -> Any:
    subtitle = [line for line in (metric.numerator_meaning, note) if line]
    return alt.Title(metric.title, subtitle=subtitle)


def _lines(shown: pl.DataFrame, metric: Metric, groups: Sequence[str]) -> Any:
    kept, note = _largest(shown, MOST_LINES)
    base = alt.Chart(kept, title=_title(metric, note), width=620, height=240).encode(
        x=alt.X(
            "utcyearmonthdate(day):T",
            title=None,
            axis=time_axis(),
        ),
        y=alt.Y(
            "value:Q",
            title=_value_title(metric),
            axis=alt.Axis(format=_axis_format(metric), tickCount=5),
            scale=alt.Scale(zero=metric.unit != "ratio" or metric.direction == "lower"),
        ),
        tooltip=_tooltip(alt.Tooltip("day:N", title="from"), alt.Tooltip("group:N")),
    )
    if not groups:
        return base.mark_line(point=True, color=ACCENT)
    title = " · ".join(groups)
    # stroke, not colour: colour and shape then share one legend
    line = base.mark_line().encode(stroke=alt.Stroke("group:N", legend=None))
    points = base.mark_point(opacity=1).encode(
        color=alt.Color("group:N", title=title), shape=alt.Shape("group:N", title=title)
    )
    return line + points


def _bars(shown: pl.DataFrame, metric: Metric, groups: Sequence[str]) -> Any:
    kept, note = _largest(shown, MOST_BARS)
    rows = kept.with_columns(pl.col("value").fill_null(0.0).alias("length"))
    base = alt.Chart(rows, width=520, height={"step": 24}).encode(
        y=alt.Y(
            "group:N",
            title=None,
            sort=alt.SortField("value", order="descending"),
            axis=alt.Axis(labelLimit=320),
        ),
        x=alt.X(
            "length:Q", title=_value_title(metric), axis=alt.Axis(format=_axis_format(metric), tickCount=5)
        ),
        tooltip=_tooltip(alt.Tooltip("group:N")),
    )
    bars = base.mark_bar(height=14, color=ACCENT)
    if len(groups) > 1:
        bars = bars.encode(color=alt.Color(f"{groups[0]}:N", title=groups[0]))
    values = base.mark_text(align="left", dx=5, color=INK, fontSize=11).encode(text="text:N")
    return (bars + values).properties(title=_title(metric, note))


def time_axis(**options: Any) -> Any:
    """Days by their date, and where a month begins by the month and its year."""
    names = "utcFormat(datum.value, utcdate(datum.value) == 1 ? '%b %Y' : '%-d %b')"
    return alt.Axis(labelExpr=names, tickCount=6, labelOverlap=True, **options)


def _room(metric: Metric, values: pl.Series) -> dict[str, Any]:
    """A domain for a line without ups and downs, which would otherwise stand on a scale of no height."""
    known = values.drop_nulls().to_list()
    if not known or min(known) < max(known):
        return {}
    step = 0.05 if metric.unit == "ratio" else 1.0
    bottom = 0.0 if metric.direction == "lower" else max(0.0, known[0] - step)
    top = known[0] + step
    return {"domain": [bottom, min(1.0, top) if metric.unit == "ratio" else top]}


def trend_chart(trend: pl.DataFrame, metric: Metric, *, width: int = 300, height: int = 120) -> Any:
    """A small weekly line of one metric out of an overview's trend frame, for pages and screens."""
    shown = _shown(trend.filter(pl.col("metric") == metric.name), metric, [])
    colour = ACCENT if metric.direction == "higher" else ALARM
    base = alt.Chart(shown, width=width, height=height).encode(
        x=alt.X(
            "utcyearmonthdate(day):T",
            title=None,
            axis=time_axis(),
        ),
        y=alt.Y(
            "value:Q",
            title=None,
            axis=alt.Axis(format=_axis_format(metric), tickCount=4),
            scale=alt.Scale(zero=metric.direction == "lower", nice=True, **_room(metric, shown["value"])),
        ),
        tooltip=_tooltip(alt.Tooltip("day:N", title="week from")),
    )
    area = base.mark_area(color=colour, opacity=0.10, line=False)
    line = base.mark_line(color=colour)
    layered = (area + line) if metric.direction == "lower" else line
    return styled(
        layered.properties(title=alt.Title(metric.title, subtitle=_value_title(metric) + ", by week"))
    )


def findings_chart(weeks: pl.DataFrame, *, width: int = 860, height: int = 170) -> Any:
    """Bars of findings per week: columns `day` (ISO date of its Monday), `findings`, `is_small`.

    A week with one to four findings is a pale bar at four: its count is not published.
    """
    most = weeks["findings"].max()
    ticks = min(4, most) if isinstance(most, int) else 4
    kinds = weeks.with_columns(
        pl.when("is_small").then(pl.lit("1 to 4")).otherwise(pl.lit("as counted")).alias("kind")
    )
    week_names = alt.Axis(
        labelAngle=0, labelOverlap=True, labelExpr="utcFormat(toDate(datum.value), '%-d %b %Y')"
    )
    colours = {"as counted": ALARM, "1 to 4": "#e6bdb5"}
    shown = [kind for kind in colours if kind in set(kinds.filter(pl.col("findings") > 0)["kind"])]
    bars = (
        alt.Chart(kinds, width=width, height=height)
        .mark_bar(width={"band": 0.7})
        .encode(
            x=alt.X("day:O", title="week from", axis=week_names),
            y=alt.Y(
                "findings:Q", title="findings", axis=alt.Axis(format=",d", tickCount=ticks, tickMinStep=1)
            ),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=shown, range=[colours[kind] for kind in shown]),
            ),
        )
    )
    return styled(bars)


def svg(chart: Any) -> str:
    """The chart as an SVG element to put into a page: no outside name, not even of a namespace."""
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    drawn = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=version)
    bare = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", drawn)
    # several charts stand in one page: their inner names must not meet
    own = hashlib.sha256(bare.encode()).hexdigest()[:8]
    named = re.sub(r'(\bid="|url\(#)', rf"\g<1>c{own}-", bare)
    return named.replace("<svg", '<svg role="img"', 1)
