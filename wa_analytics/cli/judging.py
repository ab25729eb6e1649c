"""Commands that judge: metrics, controls, scorecard."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from wa_analytics.cli.invocation import AsOf, Json, current, moment
from wa_analytics.cli.output import emit
from wa_analytics.cli.tables import table

if TYPE_CHECKING:
    from wa_analytics.pipeline.judgement import Judgement


def register(app: typer.Typer) -> None:
    app.command("metrics")(metrics)
    app.command("controls")(controls)
    app.command("scorecard")(scorecard)


class Interval(StrEnum):
    day = "day"
    week = "week"
    month = "month"


TIME_DIMENSIONS = tuple(interval.value for interval in Interval)


def metrics(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Metrics; all without any.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="DIM,…",
            help="entity, channel, purpose, country, template, business_unit; day, week, month.",
        ),
    ] = "",
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Figures with numerator and denominator, computed on demand."""
    from wa_analytics.errors import InputRefused

    given = [name.strip().replace(" ", "_") for name in by.split(",") if name.strip()]
    dimensions = list(dict.fromkeys(given))
    times = [name for name in dimensions if name in TIME_DIMENSIONS]
    if len(times) > 1:
        raise InputRefused(f"--by takes one of {', '.join(TIME_DIMENSIONS)}, not several.")
    groups = [name for name in dimensions if name not in TIME_DIMENSIONS]
    judgement = current(context).judgement(moment(as_of))
    found = judgement.metrics(list(dict.fromkeys(names or [])), groups, times[0] if times else None)  # type: ignore[arg-type]
    if as_json:
        emit([row for one in found for row in one.rows()])
        return
    import polars as pl

    if not groups and not times:
        from wa_analytics.reports.wording import figure

        rows = [
            {"metric": one.metric.title, "figure": figure(one.metric.unit, *one.frame.row(0)[-3:])}
            for one in found
        ]
        table(pl.DataFrame(rows))
        return
    for one in found:
        table(one.frame.drop("metric"), title=one.metric.title, empty=f"{one.metric.title}: not evaluated")


def controls(context: typer.Context, as_of: AsOf = None, as_json: Json = False) -> None:
    """Each control's verdict on each company that it binds."""
    verdicts = current(context).controls(moment(as_of) if as_of else None)
    if as_json:
        emit([verdict.row() for verdict in verdicts])
        return
    import polars as pl

    from wa_analytics.reports.wording import VERDICTS

    rows = [
        {key: row[key] for key in ("control", "framework", "entity", "verdict", "reason")}
        | {"verdict": VERDICTS[row["verdict"]]}
        for row in (verdict.row() for verdict in verdicts)
    ]
    table(pl.DataFrame(rows), empty="No control binds a company of settings.toml.")


def scorecard(context: typer.Context, as_of: AsOf = None, as_json: Json = False) -> None:
    """Checklist, figures, controls and decisions on one screen."""
    workspace = current(context)
    judgement: Judgement = workspace.judgement(moment(as_of) if as_of else None)
    if as_json:
        emit([verdict.row() for verdict in judgement.verdicts])
        return
    from rich.console import Console

    from wa_analytics.reports.scorecard import scorecard_text

    freshness = workspace.last_seen()
    Console().print(scorecard_text(judgement.overview(freshness), judgement.companies(freshness)))
