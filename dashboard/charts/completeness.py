"""The pictures of the completeness page."""

from __future__ import annotations

import polars as pl

from dashboard.capture import DAY_STATES
from dashboard.charts.picture import AMBER, PALE, VIOLET, Picture, coloured, counts, present, row_names
from wa_analytics.reports.altair import alt
from wa_analytics.reports.charts import ACCENT, ALARM, time_axis

DAYS = dict(zip(DAY_STATES, (VIOLET, ALARM, AMBER, "#4f9bc4", PALE), strict=True))
HELD, TOLD = "held in the archive", "sent, by the platform"
ROW, AXIS = 36, 30  #: pixels


def number_days(days: pl.DataFrame, names: dict[str, str], *, has_company: bool) -> Picture | None:
    """A strip per number, a cell per day, coloured by what is known of it."""
    if days.is_empty():
        return None
    company = pl.col("entity").replace(names).fill_null("of no company")
    label = pl.col("channel_id") + " · " + company if has_company else pl.col("channel_id")
    words = days.with_columns(
        label.alias("number"),
        pl.col("expected_count").round(1).cast(pl.String).fill_null("not known").alias("expected"),
        pl.col("platform_sent_count").cast(pl.String).fill_null("not known").alias("platform"),
    ).sort("entity", "channel_id", "day_on", nulls_last=True)
    legend = present(words["state"], DAYS)
    numbers = words["number"].unique(maintain_order=True)
    rows = alt.Y("number:N", sort=numbers.to_list(), title=None, axis=None)
    cells = (
        alt.Chart(words)
        .mark_rect(stroke="#ffffff", strokeWidth=0.6, height=15, yOffset=9)
        .encode(
            x=alt.X("utcyearmonthdate(day_on):T", title=None, axis=time_axis(grid=False)),
            y=rows,
            color=coloured("state", legend),
            tooltip=[
                "number:N",
                alt.Tooltip("day_on:N", title="day (UTC)"),
                "state:N",
                alt.Tooltip("inbound_count:Q", title="inbound held", format=",d"),
                alt.Tooltip("expected:N", title="inbound expected"),
                alt.Tooltip("outbound_count:Q", title="sent, held", format=",d"),
                alt.Tooltip("platform:N", title="sent, by the platform"),
            ],
        )
    )
    named = row_names(alt.Chart(pl.DataFrame({"number": numbers})).encode(y=rows), "number", 0)
    return Picture((cells + named).properties(height=AXIS + ROW * numbers.len()), legend)


def held_beside_told(totals: pl.DataFrame, height: int = 292) -> Picture | None:
    """Messages sent per day: the archive's count and the platform's."""
    if totals.is_empty():
        return None
    legend = {TOLD: AMBER, HELD: ACCENT}
    dashes = alt.Scale(domain=list(legend), range=[[1, 0], [5, 3]])
    chart = (
        alt.Chart(totals, height=height)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("utcyearmonthdate(day_on):T", title=None, axis=time_axis()),
            y=counts("messages", "messages a day").stack(None),
            color=coloured("source", legend),
            strokeDash=alt.StrokeDash("source:N", scale=dashes, legend=None),
            tooltip=[
                alt.Tooltip("day_on:N", title="day (UTC)"),
                "source:N",
                alt.Tooltip("messages:Q", format=",d"),
            ],
        )
    )
    return Picture(chart, legend, dashed=(HELD,))
