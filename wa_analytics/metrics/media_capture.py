"""How many of the media files that messages announced are held, byte for byte."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw

from wa_analytics.metrics.cases import place_cases
from wa_analytics.metrics.frames import Lazy, MetricFrames, flag
from wa_analytics.metrics.interval import Grid
from wa_analytics.metrics.metric import Metric

MEDIA_DAYS = 7


def cases(frames: MetricFrames, as_of: datetime, grid: Grid) -> Lazy:
    source, intact = nw.col("source_code"), nw.col("is_intact").fill_null(True)
    files = (
        frames.lazy("media")
        .with_columns(
            announced_at=nw.when(source == "announced").then(nw.col("occurred_at")),
            held=flag((source == "fetched") & intact),
            lost=flag((source == "lost") | ((source == "fetched") & ~intact)),
        )
        .group_by("media_digest")
        .agg(
            nw.col("entity").min(),
            nw.col("channel_id").min(),
            nw.col("announced_at").min(),
            nw.col("held").max(),
            nw.col("lost").max(),
        )
        .with_columns(company=nw.col("entity").fill_null(""), told=nw.col("held") + nw.col("lost"))
    )
    fetching = files.filter(nw.col("told") > 0).select("company").unique()
    due = files.join(fetching, on="company", how="inner").filter(
        nw.col("announced_at") <= as_of,
        (nw.col("announced_at") <= as_of - timedelta(days=MEDIA_DAYS)) | (nw.col("told") > 0),
    )
    return place_cases(due, nw.col("held"), nw.lit(1), nw.col("announced_at"))


METRIC = Metric(
    name="media_capture",
    title="Media capture",
    unit="ratio",
    numerator_meaning="of these, files held with the bytes that were announced",
    denominator_meaning=(
        "files that messages announced and that were fetched, lost, or announced seven days ago or "
        "earlier, of companies that fetch files"
    ),
    direction="higher",
    source="17 CFR 240.17a-4(b)(4); Meta: media ids of webhooks expire after 7 days",
    cases=cases,
    needs=("media",),
)
