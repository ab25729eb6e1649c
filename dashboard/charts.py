"""The pictures of the pages: Altair in the house theme, in the screen's font.

Frames in, charts out; `shown` puts one on the page. Empty frames give None, and the page says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from wa_analytics.metrics.metric import Metric
from wa_analytics.reports.altair import alt
from wa_analytics.reports.charts import ACCENT, ALARM, INK, MUTED, house_config, time_axis, trend_chart
from wa_analytics.reports.disclosure import SMALLEST_SHOWN
from wa_analytics.reports.wording import figure, whole

SCREEN_FONT = "'Source Sans', 'Source Sans Pro', 'Segoe UI', system-ui, sans-serif"
AMBER, CALM, PALE, VIOLET, SLATE = "#e0a840", "#7fb0d0", "#d9dfe6", "#6d52a3", "#28323d"
# The colours of each picture stay apart for colour-blind readers too (tests/dashboard/test_look.py).
#: consent state → words and colour; granted is drawn apart, since it hides the others
STATES = {
    "withdrawn": ("withdrawn", "#7a1f14"),
    "refused": ("refused", "#c4503c"),
    "never_asked": ("no record found", "#e0902f"),
    "expired": ("expired", "#f2cf6b"),
    "wrong_purpose": ("other purpose only", VIOLET),
    "unconfirmed": ("never confirmed", "#4aa3c7"),
    "not_evaluated": ("not evaluated", "#b3bdc7"),
}
RETENTION = {
    "overdue": ALARM,
    "due in 90 days": AMBER,
    "due later": CALM,
    "no end date": PALE,
    "in conflict": VIOLET,
    "unscheduled": SLATE,
}
#: in the order of `board.OPT_OUT_SOURCES`
SOURCES = (ACCENT, "#c96a1f", "#8fc9e0", "#f0cf6a")
IN_ORDER = ("due later", "no end date")


def shown(chart: Any, alternative: str, empty: str = "nothing to draw yet", key: str | None = None) -> None:
    """The chart over the full width, with words for those who cannot see it; None is said instead."""
    if chart is None:
        st.html(f'<p class="wb-empty">{empty}</p>')
        return
    config = house_config() | {"font": SCREEN_FONT, "background": "transparent"}
    config["axis"] = config["axis"] | {"labelFontSize": 12, "titleFontSize": 12}
    config["legend"] = config["legend"] | {"labelFontSize": 12, "title": None, "offset": 6}
    st.altair_chart(chart.configure(**config), width="stretch", theme=None, alt=alternative, key=key)


def _weeks() -> alt.X:
    return alt.X("utcyearmonthdate(week):T", title=None, axis=time_axis(), scale=alt.Scale(padding=10))


def _counts(field: str, title: str, ticks: int = 4) -> alt.Y:
    """A count upwards; always the same room for its labels, so that pictures above each other share
    their weeks."""
    axis = alt.Axis(format=",d", tickCount=ticks, tickMinStep=1, minExtent=34)
    return alt.Y(f"{field}:Q", title=title, axis=axis)


def _colours(
    field: str, colours: dict[str, str], frame: pl.DataFrame, columns: int | None = None
) -> alt.Color:
    """The colours of what is there, in their order, with the legend above."""
    found = set(frame[field].to_list())
    present = [name for name in colours if name in found]
    return alt.Color(
        f"{field}:N",
        scale=alt.Scale(domain=present, range=[colours[name] for name in present]),
        legend=alt.Legend(orient="top", columns=alt.Undefined if columns is None else columns),
    )


def trend(frame: pl.DataFrame, metric: Metric, height: int = 312) -> Any:
    """One metric by week."""
    if frame.filter(pl.col("metric") == metric.name, pl.col("denominator") > 0).is_empty():
        return None
    drawn = trend_chart(frame, metric, height=height)
    drawn.title = alt.Undefined  # the card has one
    return drawn


def judged_sends(sends: pl.DataFrame, height: int = 130) -> Any:
    """All judged sends by week, as the ground for the exceptions below it."""
    if sends.is_empty():
        return None
    weekly = sends.group_by("week").agg(pl.col("sends").sum()).sort("week")
    return (
        alt.Chart(weekly.with_columns(pl.col("week").cast(pl.String)), height=height)
        .mark_area(color=ACCENT, opacity=0.16, line={"color": ACCENT, "strokeWidth": 1.6})
        .encode(
            x=_weeks(),
            y=_counts("sends", "sends judged", 3),
            tooltip=[alt.Tooltip("week:N", title="week from"), alt.Tooltip("sends:Q", format=",d")],
        )
    )


def sends_without_consent(sends: pl.DataFrame, height: int = 285) -> Any:
    """Judged sends other than granted by week, stacked by state."""
    others = sends.filter(pl.col("state").is_in(list(STATES))).with_columns(
        pl.col("week").cast(pl.String),
        pl.col("state").replace({key: words for key, (words, _) in STATES.items()}),
    )
    if others.is_empty():
        return None
    return _stacked(others, "state", "sends", dict(STATES.values()), height)


def opt_outs(frame: pl.DataFrame, sources: list[str], height: int = 232) -> Any:
    """Withdrawals, refusals and stops by week, stacked by the way they came."""
    if frame.is_empty():
        return None
    colours = dict(zip(sources, SOURCES, strict=True))
    return _stacked(frame.with_columns(pl.col("week").cast(pl.String)), "source", "events", colours, height)


def _stacked(frame: pl.DataFrame, colour: str, value: str, colours: dict[str, str], height: int) -> Any:
    present = [name for name in colours if name in set(frame[colour].to_list())]
    ranked = frame.with_columns(
        pl.col(colour).replace_strict({name: index for index, name in enumerate(present)}).alias("rank")
    )
    return (
        alt.Chart(ranked, height=height)
        .mark_bar(width=13)
        .encode(
            x=_weeks(),
            y=_counts(value, value),
            color=_colours(colour, colours, frame, columns=3 if len(present) > 4 else 2),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("week:N", title="week from"),
                f"{colour}:N",
                alt.Tooltip(f"{value}:Q", format=",d"),
            ],
        )
    )


def coverage(frame: pl.DataFrame, names: dict[str, str], overall: float | None) -> Any:
    """Consent coverage by group as points on a zoomed scale; the thin line is the overall share.

    Groups with fewer than five judged sends stand at the end without a share.
    """
    if frame.is_empty():
        return None
    rows = (
        frame.with_columns(
            pl.col("group").replace(names),
            pl.when(pl.col("denominator") >= SMALLEST_SHOWN).then("ratio").alias("share"),
        )
        .with_columns(
            pl.struct("numerator", "denominator", "ratio")
            .map_elements(_share_in_words, return_dtype=pl.String)
            .alias("text"),
        )
        .sort("share", nulls_last=True)
        .head(14)
    )
    known = rows["share"].drop_nulls()
    least = float(known.min()) if known.len() else 0.9  # type: ignore[arg-type]
    floor = max(0.0, (int(least * 100) - 2) / 100)
    scale = alt.Scale(domain=[floor, 1.0], nice=False)
    base = alt.Chart(rows, height=62 + 30 * rows.height).encode(
        y=alt.Y("group:N", sort=rows["group"].to_list(), title=None, axis=_names(190)),
    )
    line = base.mark_rule(color="#dbe3ea", strokeWidth=5, strokeCap="round").encode(
        x=alt.X(
            "share:Q",
            scale=scale,
            title="share of judged sends with consent",
            axis=alt.Axis(format=".0%", tickCount=5, tickMinStep=0.01),
        ),
        x2=alt.value(0),
    )
    points = base.mark_circle(size=120, opacity=1).encode(
        x=alt.X("share:Q", scale=scale),
        color=alt.condition(alt.datum.share < (overall or 0) - 0.005, alt.value(ALARM), alt.value(ACCENT)),
        tooltip=["group:N", alt.Tooltip("text:N", title="coverage")],
    )
    words = base.mark_text(align="left", dx=12, color=INK, fontSize=12).encode(
        x=alt.value("width"), text="text:N"
    )
    layers = [line, points, words]
    if overall is not None:
        ground = alt.Chart(pl.DataFrame({"overall": [overall]}))
        layers.insert(
            1, ground.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(x=alt.X("overall:Q", scale=scale))
        )
    # room to the right of 100 % for the words
    return alt.layer(*layers).properties(padding={"right": 122, "left": 5, "top": 5, "bottom": 5})


def _share_in_words(row: dict[str, Any]) -> str:
    if row["denominator"] < SMALLEST_SHOWN:
        return f"fewer than {SMALLEST_SHOWN} sends"
    share = figure("ratio", row["numerator"], row["denominator"], row["ratio"])
    return f"{share}  ({whole(row['numerator'])} of {whole(row['denominator'])})"


def retention_classes(frame: pl.DataFrame, names: dict[str, str], show_company: bool) -> Any:
    """Messages that need a hand, by record class (and company); those in order are not drawn."""
    wanting = frame.filter(pl.col("state").is_in([name for name in RETENTION if name not in IN_ORDER]))
    if wanting.is_empty():
        return None
    label = pl.col("record_class").str.replace_all("_", " ")
    rows = wanting.with_columns(
        (label + " · " + pl.col("entity").replace(names) if show_company else label).alias("class"),
        pl.col("state").replace_strict({name: index for index, name in enumerate(RETENTION)}).alias("rank"),
    )
    largest = rows.group_by("class").agg(pl.col("messages").sum()).sort("messages", descending=True)
    return (
        alt.Chart(rows, height=78 + 28 * largest.height)
        .mark_bar(height=16, cornerRadiusEnd=0)
        .encode(
            y=alt.Y("class:N", sort=largest["class"].to_list(), title=None, axis=_names(260)),
            x=alt.X("messages:Q", title="messages", axis=alt.Axis(format=",d", tickCount=5, tickMinStep=1)),
            color=_colours("state", RETENTION, rows, columns=6),
            order=alt.Order("rank:Q"),
            tooltip=["class:N", "state:N", alt.Tooltip("messages:Q", format=",d")],
        )
    )


def _names(limit: int) -> alt.Axis:
    return alt.Axis(labelLimit=limit, labelColor=INK)


def due_dates(frame: pl.DataFrame, as_of: datetime, height: int = 292) -> Any:
    """Dates of disposal by month, from two years back to two years ahead; the line is now."""
    near = frame.filter(
        pl.col("month").is_between((as_of - timedelta(days=730)).date(), (as_of + timedelta(days=730)).date())
    )
    if near.is_empty():
        return None
    rows = near.with_columns(pl.col("month").cast(pl.String))
    bars = (
        alt.Chart(rows, height=height)
        .mark_bar(width=12, xOffset=7)
        .encode(
            x=alt.X(
                "utcyearmonthdate(month):T",
                title=None,
                axis=time_axis(),
                scale=alt.Scale(padding=12),
            ),
            y=_counts("messages", "messages"),
            color=_colours("state", RETENTION, rows),
            tooltip=[
                alt.Tooltip("month:N", title="month"),
                "state:N",
                alt.Tooltip("messages:Q", format=",d"),
            ],
        )
    )
    ground = alt.Chart(pl.DataFrame({"now": [as_of.date().isoformat()], "words": ["today"]}))
    line = ground.mark_rule(color=INK, strokeDash=[4, 3]).encode(x="utcyearmonthdate(now):T")
    words = ground.mark_text(align="left", dx=5, dy=8, baseline="top", color=INK, fontSize=12)
    return bars + line + words.encode(x="utcyearmonthdate(now):T", y=alt.value(0), text="words:N")


DAYS = {
    "declared gap": VIOLET,
    "silent": ALARM,
    "fewer than sent": AMBER,
    "agrees with the platform": "#4f9bc4",
    "not reconciled": PALE,
}


def number_days(days: pl.DataFrame) -> Any:
    """A strip per number, a cell per day, coloured by what is known of it."""
    if days.is_empty():
        return None
    numbers = days["channel_id"].unique().sort().to_list()
    words = days.with_columns(
        pl.col("expected_count").round(1).cast(pl.String).fill_null("not known").alias("expected"),
        pl.col("platform_sent_count").cast(pl.String).fill_null("not known").alias("platform"),
    )
    return (
        alt.Chart(words, height=76 + 22 * len(numbers))
        .mark_rect(stroke="#ffffff", strokeWidth=0.6)
        .encode(
            x=alt.X("utcyearmonthdate(day_on):T", title=None, axis=time_axis(grid=False)),
            y=alt.Y("channel_id:N", sort=numbers, title=None, axis=_names(190)),
            color=_colours("state", DAYS, words, columns=5),
            tooltip=[
                alt.Tooltip("channel_id:N", title="number"),
                alt.Tooltip("day_on:N", title="day (UTC)"),
                "state:N",
                alt.Tooltip("inbound_count:Q", title="inbound held", format=",d"),
                alt.Tooltip("expected:N", title="inbound expected"),
                alt.Tooltip("outbound_count:Q", title="sent, held", format=",d"),
                alt.Tooltip("platform:N", title="sent, by the platform"),
            ],
        )
    )


def held_beside_told(totals: pl.DataFrame, height: int = 292) -> Any:
    """Messages sent per day: the archive's count and the platform's."""
    if totals.is_empty():
        return None
    names = ["sent, by the platform", "held in the archive"]
    return (
        alt.Chart(totals, height=height)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X(
                "utcyearmonthdate(day_on):T",
                title=None,
                axis=time_axis(),
            ),
            y=_counts("messages", "messages a day"),
            color=alt.Color(
                "source:N",
                scale=alt.Scale(domain=names, range=[AMBER, ACCENT]),
                legend=alt.Legend(orient="top"),
            ),
            strokeDash=alt.StrokeDash(
                "source:N",
                scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("day_on:N", title="day (UTC)"),
                "source:N",
                alt.Tooltip("messages:Q", format=",d"),
            ],
        )
    )
