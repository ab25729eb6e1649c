"""What the pictures share: legend, axes, names of rows, ranged bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboard import look
from wa_analytics.metrics.metric import Metric
from wa_analytics.reports.altair import alt
from wa_analytics.reports.charts import INK, house_config, time_axis, trend_chart

SCREEN_FONT = "'Source Sans', 'Source Sans Pro', 'Segoe UI', system-ui, sans-serif"
AMBER, CALM, PALE, VIOLET, SLATE = "#e0a840", "#7fb0d0", "#d9dfe6", "#6d52a3", "#28323d"
# The colours of each picture stay apart for colour-blind readers too (tests/dashboard/test_look.py).


@dataclass(frozen=True)
class Picture:
    """A chart and its legend: name → colour, of what the chart shows. `dashed`: names drawn so."""

    chart: Any
    legend: Mapping[str, str] = field(default_factory=dict)
    dashed: tuple[str, ...] = ()


def shown(
    picture: Picture | None, alternative: str, empty: str = "nothing to draw yet", key: str | None = None
) -> None:
    """The picture over the full width, with words for those who cannot see it; None is said instead."""
    if picture is None:
        st.html(f'<p class="wb-empty">{empty}</p>')
        return
    if picture.legend:
        st.html(look.legend(picture.legend, picture.dashed))
    config = house_config() | {"font": SCREEN_FONT, "background": "transparent"}
    config["padding"] = {"left": 4, "right": 14, "top": 6, "bottom": 4}
    config["axis"] = config["axis"] | {"labelFontSize": 12, "titleFontSize": 12}
    st.altair_chart(picture.chart.configure(**config), width="stretch", theme=None, alt=alternative, key=key)


def present(names: Iterable[str], colours: Mapping[str, str]) -> dict[str, str]:
    """The colours of what is there, in their own order."""
    found = set(names)
    return {name: colour for name, colour in colours.items() if name in found}


def coloured(column: str, legend: Mapping[str, str]) -> alt.Color:
    """The colours of a legend that stands outside the chart, where it can break into lines."""
    scale = alt.Scale(domain=list(legend), range=list(legend.values()))
    return alt.Color(f"{column}:N", scale=scale, legend=None)


def counts(column: str, title: str, ticks: int = 4) -> alt.Y:
    """A count upwards; always the same room for its labels, so that pictures above each other share
    their weeks."""
    axis = alt.Axis(format=",d", tickCount=ticks, tickMinStep=1, minExtent=34)
    return alt.Y(f"{column}:Q", title=title, axis=axis, stack="zero")


def days(column: str, first: date, last: date) -> alt.X:
    """An axis of days (ISO dates, UTC) from the first to the last one."""
    least, most = (
        alt.DateTime(year=end.year, month=end.month, date=end.day, utc=True) for end in (first, last)
    )
    scale = alt.Scale(type="utc", nice=False, domainMin=least, domainMax=most)
    return alt.X(f"{column}:T", title=None, axis=time_axis(), scale=scale)


def stacked(
    frame: pl.DataFrame,
    colour: str,
    value: str,
    colours: Mapping[str, str],
    since: date,
    until: date,
    height: int,
) -> Picture:
    """Bars over `begin` to `end` (days), stacked by the column `colour`."""
    legend = present(frame[colour], colours)
    bars = frame.with_columns(
        pl.col("begin", "end").cast(pl.String),
        pl.col(colour).replace_strict({name: index for index, name in enumerate(legend)}).alias("rank"),
    )
    chart = (
        alt.Chart(bars, height=height)
        .mark_bar(orient="vertical", cornerRadiusEnd=0)
        .encode(
            x=days("begin", since, until),
            x2="end:T",
            y=counts(value, value),
            color=coloured(colour, legend),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("begin:N", title="from"),
                f"{colour}:N",
                alt.Tooltip(f"{value}:Q", format=",d"),
            ],
        )
    )
    return Picture(chart, legend)


def row_names(base: alt.Chart, column: str, lift: int) -> alt.Chart:
    """The name of each row above what it shows, so that it takes no width."""
    return base.mark_text(align="left", baseline="bottom", yOffset=-lift, color=INK, fontSize=12.5).encode(
        x=alt.value(0), text=f"{column}:N"
    )


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def trend(frame: pl.DataFrame, metric: Metric, height: int = 312) -> Picture | None:
    """One metric by week."""
    if frame.filter(pl.col("metric") == metric.name, pl.col("denominator") > 0).is_empty():
        return None
    drawn = trend_chart(frame, metric, height=height)
    drawn.title = alt.Undefined  # the card has one
    return Picture(drawn)
