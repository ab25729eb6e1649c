"""What a metric is, and how its cases become rows.

A metric file states its *cases*: a lazy frame with one row per thing considered, in which
`is_counted` (0 or 1) goes to the numerator and `is_considered` (0 or 1) to the denominator. Grouping,
intervals and distinct persons are done here once, for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import narwhals as nw
import polars as pl

from wa_analytics.errors import InputRefused
from wa_analytics.metrics.frames import FrameName, Lazy, MetricFrames, collected
from wa_analytics.metrics.interval import Grid, Interval

Unit = Literal["ratio", "per_10k", "count"]
Cases = Callable[[MetricFrames, datetime, Grid], Lazy]

#: dimension → column of the message and finding tables
DIMENSIONS: dict[str, str] = {
    "entity": "entity",
    "channel": "channel_id",
    "purpose": "purpose_code",
    "country": "country_code",
    "template": "template_name",
    "business_unit": "business_unit",
}
ROW_COLUMNS = ("metric", "interval_start", "interval_end", "numerator", "denominator", "ratio")


@dataclass(frozen=True)
class Metric:
    """One figure: what it divides by what, which way is better, and where its meaning comes from.

    `cases` has the columns `entity, at, is_counted, is_considered`, those of DIMENSIONS except
    business_unit, `custodian_id`, and `party_id` where `counts` is "parties"; the two counts are 0 or 1,
    or numbers of what one row stands for. `has_denominator` False: a plain count. `needs`: frames
    without which nothing can be said. `is_stock`: the figure speaks of a moment (what is overdue now),
    not of what happened in an interval.
    """

    name: str
    title: str
    unit: Unit
    numerator_meaning: str
    denominator_meaning: str
    direction: Literal["higher", "lower"]
    source: str
    cases: Cases
    counts: Literal["rows", "parties"] = "rows"
    has_denominator: bool = True
    is_stock: bool = False
    needs: tuple[FrameName, ...] = ()

    def compute(
        self,
        frames: MetricFrames,
        as_of: datetime,
        by: Sequence[str] = (),
        interval: Interval | None = None,
    ) -> pl.DataFrame:
        """Rows `metric, interval_start, interval_end, <by…>, numerator, denominator, ratio`.

        Without `interval` one row per group, from the beginning (`interval_start` null) to `as_of`.
        With one, half-open days, ISO weeks or months in the entity's time zone; where `entity` is
        not in `by` and the entities keep different zones, in UTC, so that the bounds stay true.
        `ratio` is null where the denominator is empty or null. Raises InputRefused for an unknown
        dimension or interval.
        """
        for dimension in by:
            if dimension not in DIMENSIONS:
                raise InputRefused(
                    f"Metrics have no dimension {dimension!r}; use one of {', '.join(DIMENSIONS)}."
                )
        grid = Grid.of(frames.zones, interval, as_of, is_by_entity="entity" in by)
        if any(getattr(frames, name) is None for name in self.needs):
            return _shaped(self, [], by, grid, as_of)
        cases = self.cases(frames, as_of, grid)
        if "business_unit" in by:
            cases = _with_business_unit(cases, frames, as_of)
        keys = [DIMENSIONS[dimension] for dimension in by]
        if interval is not None:
            cases = grid.placed(cases)
            keys.append("local_start")
        if self.counts == "parties":
            cases = cases.group_by(*keys, "party_id").agg(
                nw.col("is_counted").max(), nw.col("is_considered").max()
            )
        sums = [
            nw.col("is_counted").sum().alias("numerator"),
            nw.col("is_considered").sum().alias("denominator"),
        ]
        summed = cases.group_by(*keys).agg(*sums) if keys else cases.select(*sums)
        return _shaped(self, collected(summed).to_dicts(), by, grid, as_of)


def _with_business_unit(cases: Lazy, frames: MetricFrames, as_of: datetime) -> Lazy:
    """Adds the business unit the sending custodian belonged to on the local day of the send."""
    facts = (
        frames.lazy("custodians")
        .select("custodian_id", "business_unit", "active_from", "active_to")
        .with_columns(nw.col("active_from").fill_null("").str.slice(0, 10))
        .with_columns(nw.col("active_to").fill_null("9999-12-31").str.slice(0, 10))
        .group_by("custodian_id", "active_from")
        .agg(nw.col("business_unit").min(), nw.col("active_to").max())
        .with_columns(
            next_from=nw.col("active_from").shift(-1).over("custodian_id", order_by=["active_from"])
        )
        .with_columns(nw.col("next_from").fill_null("9999-12-31"))
    )
    grid = Grid.of(frames.zones, None, as_of, is_by_entity=True)
    numbered = cases.with_columns(local_day=grid.local_at().dt.to_string("%Y-%m-%d"))
    days = numbered.select("custodian_id", "local_day").unique()
    units = (
        days.join(facts, on="custodian_id", how="inner")
        .filter(
            nw.col("active_from") <= nw.col("local_day"),
            nw.col("local_day") < nw.col("next_from"),
            nw.col("local_day") <= nw.col("active_to"),
        )
        .select("custodian_id", "local_day", "business_unit")
    )
    return numbered.join(units, on=["custodian_id", "local_day"], how="left")


def _shaped(
    metric: Metric, summed: list[dict[str, Any]], by: Sequence[str], grid: Grid, as_of: datetime
) -> pl.DataFrame:
    """The small aggregated rows in their public shape."""
    rows: list[dict[str, Any]] = []
    if not summed and not by and grid.interval is None:
        summed = [{}]
    for given in summed:
        numerator = int(given.get("numerator") or 0) if given else None
        denominator = int(given.get("denominator") or 0) if metric.has_denominator else None
        start, end = (
            grid.bounds(given["local_start"], given.get("entity"))
            if grid.interval is not None
            else (None, as_of)
        )
        rows.append(
            {
                "metric": metric.name,
                "interval_start": start,
                "interval_end": end,
                **{dimension: given.get(DIMENSIONS[dimension]) for dimension in by},
                "numerator": numerator,
                "denominator": denominator,
                "ratio": numerator / denominator if denominator and numerator is not None else None,
            }
        )
    instant = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        rows,
        schema={
            "metric": pl.String,
            "interval_start": instant,
            "interval_end": instant,
            **dict.fromkeys(by, pl.String),
            "numerator": pl.Int64,
            "denominator": pl.Int64,
            "ratio": pl.Float64,
        },
    )
    return frame.sort(["interval_start", *by], nulls_last=False)


def shown_value(unit: Unit, numerator: int | None, ratio: float | None) -> float | None:
    """The number people see: a count, a share between 0 and 1, or a rate per 10,000."""
    if unit == "count":
        return None if numerator is None else float(numerator)
    if ratio is None:
        return None
    return ratio * 10_000 if unit == "per_10k" else ratio
