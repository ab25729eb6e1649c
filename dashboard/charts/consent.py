"""The pictures of the consent page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from dashboard.board import OPT_OUT_SOURCES, SINCE
from dashboard.charts.picture import Picture, counts, days, monday, row_names, stacked
from wa_analytics.reports.altair import alt
from wa_analytics.reports.charts import ACCENT, ALARM, INK, MUTED
from wa_analytics.reports.disclosure import SMALLEST_SHOWN
from wa_analytics.reports.wording import figure, whole

#: consent state → words and colour; granted is drawn apart, since it hides the others
STATES = {
    "withdrawn": ("withdrawn", "#7a1f14"),
    "refused": ("refused", "#c4503c"),
    "never_asked": ("no record found", "#e0902f"),
    "expired": ("expired", "#f2cf6b"),
    "wrong_purpose": ("other purpose only", "#6d52a3"),
    "unconfirmed": ("never confirmed", "#4aa3c7"),
    "not_evaluated": ("not evaluated", "#b3bdc7"),
}
SOURCES = dict(
    zip(OPT_OUT_SOURCES.values(), (ACCENT, "#c96a1f", "#8fc9e0", "#f0cf6a", "#8a97a3"), strict=True)
)
MOST_GROUPS = 14
ROW, AXIS = 42, 52  #: pixels


def _weeks(as_of: datetime) -> tuple[date, date]:
    """From the first of the drawn weeks to the end of the last: the same for every picture of the page."""
    return monday((as_of - SINCE).date()), monday(as_of.date()) + timedelta(days=7)


def _bars(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(begin="week", end=pl.col("week") + timedelta(days=6))


def judged_sends(sends: pl.DataFrame, as_of: datetime, height: int = 130) -> Picture | None:
    """All judged sends by week, as the ground for the exceptions above it."""
    judged = sends.filter(pl.col("state") != "not_evaluated")
    if judged.is_empty():
        return None
    weekly = judged.group_by("week").agg(pl.col("sends").sum()).sort("week")
    return Picture(
        alt.Chart(weekly.with_columns(pl.col("week").cast(pl.String)), height=height)
        .mark_area(orient="vertical", color=ACCENT, opacity=0.16, line={"color": ACCENT, "strokeWidth": 1.6})
        .encode(
            x=days("week", *_weeks(as_of)),
            y=counts("sends", "sends judged", 3),
            tooltip=[alt.Tooltip("week:N", title="week from"), alt.Tooltip("sends:Q", format=",d")],
        )
    )


def sends_without_consent(sends: pl.DataFrame, as_of: datetime, height: int = 285) -> Picture | None:
    """Judged sends other than granted by week, stacked by state."""
    others = sends.filter(pl.col("state").is_in(list(STATES))).with_columns(
        pl.col("state").replace({key: words for key, (words, _) in STATES.items()}),
    )
    if others.is_empty():
        return None
    return stacked(_bars(others), "state", "sends", dict(STATES.values()), *_weeks(as_of), height)


def opt_outs(frame: pl.DataFrame, as_of: datetime, height: int = 232) -> Picture | None:
    """Withdrawals, refusals and stops by week, stacked by the way they came."""
    if frame.is_empty():
        return None
    return stacked(_bars(frame), "source", "events", SOURCES, *_weeks(as_of), height)


def coverage(frame: pl.DataFrame, names: dict[str, str], overall: float | None) -> Picture | None:
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
        .head(MOST_GROUPS)
    )
    known = rows["share"].drop_nulls()
    least = float(known.min()) if known.len() else 0.9  # type: ignore[arg-type]
    scale = alt.Scale(domain=[max(0.0, (int(least * 100) - 2) / 100), 1.0], nice=False)
    share = alt.X(
        "share:Q",
        scale=scale,
        title="share of judged sends with consent",
        axis=alt.Axis(format=".0%", tickCount=5, tickMinStep=0.01),
    )
    base = alt.Chart(rows, height=AXIS + ROW * rows.height).encode(
        y=alt.Y("group:N", sort=rows["group"].to_list(), title=None, axis=None),
    )
    is_below = alt.datum.share < (overall or 0) - 0.005
    layers = [
        base.mark_rule(color="#dbe3ea", strokeWidth=5, strokeCap="round", yOffset=9).encode(
            x=share, x2=alt.value(0)
        ),
        base.mark_circle(size=120, opacity=1, yOffset=9).encode(
            x=share,
            color=alt.condition(is_below, alt.value(ALARM), alt.value(ACCENT)),
            tooltip=["group:N", alt.Tooltip("text:N", title="coverage")],
        ),
        row_names(base, "group", 2),
        base.mark_text(align="right", baseline="bottom", yOffset=-2, color=INK, fontSize=12.5).encode(
            x=alt.value("width"), text="text:N"
        ),
    ]
    if overall is not None:
        ground = alt.Chart(pl.DataFrame({"overall": [overall]}))
        layers.insert(
            1, ground.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(x=alt.X("overall:Q", scale=scale))
        )
    return Picture(alt.layer(*layers))


def _share_in_words(row: dict[str, Any]) -> str:
    if row["denominator"] < SMALLEST_SHOWN:
        return f"fewer than {SMALLEST_SHOWN} sends"
    share = figure("ratio", row["numerator"], row["denominator"], row["ratio"])
    return f"{share}  ({whole(row['numerator'])} of {whole(row['denominator'])})"
