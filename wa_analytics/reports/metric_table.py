"""A metric's rows and their picture, as `ws.metric(…)` gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from wa_analytics.metrics.metric import Metric


@dataclass(frozen=True)
class MetricTable:
    """`.frame` has the columns of `Metric.compute`; `.chart()` draws it; `.metric` says what it means."""

    metric: Metric
    frame: pl.DataFrame

    def chart(self) -> Any:
        """An Altair chart: lines over intervals, else bars by group."""
        from wa_analytics.reports.charts import metric_chart

        return metric_chart(self.frame, self.metric)

    def rows(self) -> list[dict[str, Any]]:
        """Rows as `wa metrics --json` prints them: dimensions gathered in `group`."""
        fixed = ("metric", "interval_start", "interval_end")
        sums = ("numerator", "denominator", "ratio")
        groups = [name for name in self.frame.columns if name not in (*fixed, *sums)]
        return [
            {
                **{name: row[name] for name in fixed},
                "group": {name: row[name] for name in groups},
                **{name: row[name] for name in sums},
            }
            for row in self.frame.to_dicts()
        ]

    def _repr_html_(self) -> str:
        return f"<p><b>{self.metric.title}</b></p>{self.frame._repr_html_()}"
