"""The pictures of the retention page."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from dashboard.charts.picture import (
    AMBER,
    CALM,
    PALE,
    SLATE,
    VIOLET,
    Picture,
    coloured,
    days,
    present,
    row_names,
    stacked,
)
from wa_analytics.reports.altair import alt
from wa_analytics.reports.charts import ALARM, INK

RETENTION = {
    "overdue": ALARM,
    "due in 90 days": AMBER,
    "due later": CALM,
    "no end date": PALE,
    "in conflict": VIOLET,
    "unscheduled": SLATE,
}
IN_ORDER = ("due later", "no end date")
NEAR = timedelta(days=730)
ROW, AXIS = 40, 52  #: pixels


def retention_classes(frame: pl.DataFrame, names: dict[str, str], *, has_company: bool) -> Picture | None:
    """Messages that need a hand, by record class (and company); those in order are not drawn."""
    wanting = frame.filter(pl.col("state").is_in([name for name in RETENTION if name not in IN_ORDER]))
    if wanting.is_empty():
        return None
    label = pl.col("record_class").str.replace_all("_", " ")
    rows = wanting.with_columns(
        (label + " · " + pl.col("entity").replace(names) if has_company else label).alias("class"),
        pl.col("state").replace_strict({name: index for index, name in enumerate(RETENTION)}).alias("rank"),
    )
    largest = rows.group_by("class").agg(pl.col("messages").sum()).sort("messages", descending=True)
    legend = present(rows["state"], RETENTION)
    order = largest["class"].to_list()
    base = alt.Chart(rows).encode(y=alt.Y("class:N", sort=order, title=None, axis=None))
    bars = base.mark_bar(height=12, cornerRadiusEnd=0, yOffset=9).encode(
        x=alt.X("messages:Q", title="messages", axis=alt.Axis(format=",d", tickCount=5, tickMinStep=1)),
        color=coloured("state", legend),
        order=alt.Order("rank:Q"),
        tooltip=["class:N", "state:N", alt.Tooltip("messages:Q", format=",d")],
    )
    named = alt.Chart(largest).encode(y=alt.Y("class:N", sort=order, title=None, axis=None))
    return Picture(
        (bars + row_names(named, "class", 0)).properties(height=AXIS + ROW * largest.height), legend
    )


def due_dates(frame: pl.DataFrame, as_of: datetime, height: int = 292) -> Picture | None:
    """Dates of disposal by month, from two years back to two years ahead; the line is `as_of`."""
    now = as_of.date()
    near = frame.filter(pl.col("month").is_between((as_of - NEAR).date(), (as_of + NEAR).date()))
    if near.is_empty():
        return None
    months = near.with_columns(
        begin=pl.col("month") + timedelta(days=3), end=pl.col("month").dt.month_end() - timedelta(days=3)
    )
    first, last = (near["month"].min(), near["month"].dt.month_end().max())
    picture = stacked(months, "state", "messages", RETENTION, min(first, now), max(last, now), height)  # type: ignore[type-var,arg-type]
    ground = alt.Chart(pl.DataFrame({"now": [now.isoformat()], "words": ["as of"]}))
    at = days("now", min(first, now), max(last, now))  # type: ignore[type-var,arg-type]
    line = ground.mark_rule(color=INK, strokeDash=[4, 3]).encode(x=at)
    words = ground.mark_text(align="left", dx=5, dy=8, baseline="top", color=INK, fontSize=12)
    chart = picture.chart + line + words.encode(x=at, y=alt.value(0), text="words:N")
    return Picture(chart, picture.legend)
