"""The report on one incident: what happened, how it was counted, what runs, what is missing.

The order of the sections is the house's own, and holds what GDPR Art. 33(3) asks for. Nobody is named
and no content is quoted; cells about fewer than five people are hidden.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw
import polars as pl

from wa_analytics.completeness.gaps import SUBJECTS, touches
from wa_analytics.controls.control import Control, Verdict, catalogue
from wa_analytics.incidents.deadlines import clocks
from wa_analytics.incidents.lifecycle import IncidentState, Step
from wa_analytics.metrics.frames import MetricFrames, collected
from wa_analytics.reports.decision import ASKS, NO_OWNER
from wa_analytics.reports.disclosure import SMALLEST_SHOWN, published, suppressed
from wa_analytics.settings import Settings

#: subject of a rule → what may follow for people and the company, to be weighed by a person
CONSEQUENCES = {
    "consent": "People received messages they had not agreed to or had asked not to receive; complaints, "
    "blocks and a lower quality rating of the number may follow.",
    "window": "The platform's policy was not kept; restrictions of the number may follow.",
    "capture": "Records that must be producible may be missing or doubtful; a production may be incomplete.",
    "retention": "Contents were kept longer, or shorter, than the schedule allows.",
}
BREAKDOWNS = (
    ("country", "country_code"),
    ("purpose", "purpose_code"),
    ("template", "template_name"),
    ("what became of it", "outcome_code"),
)
MOST_ROWS = 12
MOST_WEEKS = 52


@dataclass(frozen=True)
class Breakdown:
    """Findings and people by one dimension, small cells hidden; `more` groups are not listed."""

    title: str
    rows: tuple[tuple[str, str, str], ...]
    more: int


@dataclass(frozen=True)
class Extent:
    """What the findings of an incident add up to; of `nobody_count` of them no person is known."""

    finding_count: int
    people: str
    nobody_count: int
    first_at: datetime | None
    last_at: datetime | None
    known_count: int
    unknown_count: int
    channels: tuple[str, ...]
    countries: tuple[str, ...]
    breakdowns: tuple[Breakdown, ...]
    set_digest: str
    check_run_ids: tuple[str, ...]


def incident_findings(state: IncidentState, findings: pl.DataFrame) -> pl.DataFrame:
    """The open findings behind an incident: those of its rule and company; none for one by hand."""
    if state.rule is None:
        return findings.clear()
    return findings.filter(
        pl.col("rule") == state.rule,
        pl.col("entity").eq_missing(pl.lit(state.entity)),
        pl.col("status_code") == "open",
    )


def extent(own: pl.DataFrame, frames: MetricFrames) -> Extent:
    """Counts of an incident's findings and of the persons known whose messages, files or consent they are."""
    joined = own.join(_persons(own, frames), on=["subject", "subject_id"], how="left")
    ids = "\n".join(sorted(own["finding_id"].to_list()))
    return Extent(
        finding_count=own.height,
        people=suppressed(joined["party_id"].drop_nulls().n_unique()),
        nobody_count=joined.filter(pl.col("party_id").is_null()).height,
        first_at=own["occurred_at"].min(),  # type: ignore[arg-type]
        last_at=own["occurred_at"].max(),  # type: ignore[arg-type]
        known_count=own.filter(pl.col("was_known").fill_null(False)).height,
        unknown_count=own.filter(pl.col("was_known").is_null()).height,
        channels=tuple(sorted(own["channel_id"].drop_nulls().unique().to_list())),
        countries=tuple(sorted(own["country_code"].drop_nulls().unique().to_list())),
        breakdowns=tuple(_breakdown(joined, title, column) for title, column in BREAKDOWNS if own.height),
        set_digest=hashlib.sha256(ids.encode()).hexdigest(),
        check_run_ids=tuple(sorted(own["check_run_id"].drop_nulls().unique().to_list())),
    )


def _persons(own: pl.DataFrame, frames: MetricFrames) -> pl.DataFrame:
    """`subject, subject_id, party_id` of the findings that are about somebody known."""
    ids = own["subject_id"].to_list()
    messages = frames.lazy("messages").select("message_id", "party_id")
    events = frames.lazy("consent_events").filter(nw.col("event_id").is_in(ids))
    found = {
        "message": messages.filter(nw.col("message_id").is_in(ids)).rename({"message_id": "subject_id"}),
        "consent_event": events.select(nw.col("event_id").alias("subject_id"), "party_id"),
    }
    if frames.media is not None:
        files = frames.lazy("media").filter(nw.col("media_digest").is_in(ids))
        announced = files.select("message_id", nw.col("media_digest").alias("subject_id"))
        found["media"] = announced.join(messages, on="message_id", how="inner").drop("message_id")
    named = own.filter(pl.col("subject") == "party").select("subject", "subject_id", party_id="subject_id")
    columns = ("subject", "subject_id", "party_id")
    told = [
        collected(rows).with_columns(pl.lit(subject).alias("subject")).select(columns)
        for subject, rows in found.items()
    ]
    return pl.concat([named, *told]).drop_nulls("party_id").unique()


def _breakdown(joined: pl.DataFrame, title: str, column: str) -> Breakdown:
    cells = (
        joined.group_by(pl.col(column).fill_null("not known").alias("group"))
        .agg(
            pl.col("finding_id").n_unique().alias("findings"),
            pl.col("party_id").drop_nulls().n_unique().alias("people"),
        )
        .sort(["findings", "group"], descending=[True, False])
    )
    people = cells["people"].to_list()
    counts = published(people, cells["findings"].to_list())
    persons = [text if known else "not known" for known, text in zip(people, published(people), strict=True)]
    rows = tuple(zip(cells["group"].to_list(), counts, persons, strict=True))
    return Breakdown(title, rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS))


def controls_touched(state: IncidentState, verdicts: Sequence[Verdict]) -> list[tuple[Control, Verdict]]:
    """Controls of the company whose evidence rests on the incident's rule."""
    by_control = {verdict.control: verdict for verdict in verdicts if verdict.entity == state.entity}
    return [
        (control, by_control[control.id])
        for control in catalogue()
        if control.id in by_control and any(state.rule in evidence.checks for evidence in control.evidence)
    ]


def incident_report(
    state: IncidentState,
    steps: Sequence[Step],
    findings: pl.DataFrame,
    frames: MetricFrames,
    verdicts: Sequence[Verdict],
    settings: Settings,
    as_of: datetime,
    *,
    affected: Sequence[str] = (),
    proof: str = "",
    declared: Sequence[Mapping[str, Any]] = (),
    notices: Sequence[str] = (),
) -> str:
    """The report as a self-contained HTML document.

    `findings`: table `finding`; `affected`: countries of the people concerned beside those of the
    findings; `proof`: what the last verification of the log said; `declared`: rows of the declared-gap
    ledger; `notices`: one line each, no person in it.
    """
    from wa_analytics.reports.charts import findings_chart, svg
    from wa_analytics.reports.page import page

    company = settings.entity_by_key(state.entity or "")
    zone = company.time_zone if company else "UTC"
    own = incident_findings(state, findings)
    counted = extent(own, frames)
    touched = controls_touched(state, verdicts)
    weeks = _weeks(own, zone)
    missing = sorted(
        {
            piece.reason
            for _, verdict in touched
            for piece in verdict.evidence
            if piece.outcome == "not_evaluated"
        }
    )
    return page(
        "incident.html",
        title=f"{state.incident_id} – {state.title}",
        state=state,
        company=(company.name or company.key) if company else state.entity or "the group",
        owner=state.owner or (company.owner if company else "") or NO_OWNER,
        zone=zone,
        steps=steps,
        classified_at=next((step.at for step in steps if step.action_code == "decided"), None),
        counted=counted,
        picture=svg(findings_chart(weeks)) if weeks.height else None,
        weeks=weeks,
        clocks=clocks(
            state,
            as_of,
            jurisdiction=company.jurisdiction if company else "",
            affected=(*affected, *counted.countries),
            time_zone=zone if company else None,
        ),
        touched=touched,
        missing=missing,
        declared=[row for row in declared if _is_beside(row, state, counted, as_of)],
        subjects=SUBJECTS,
        consequence=CONSEQUENCES.get((state.rule or "").split(".")[0]),
        measure=ASKS.get(state.rule or ""),
        proof=proof,
        notices=notices,
        as_of=as_of,
    )


def _is_beside(row: Mapping[str, Any], state: IncidentState, counted: Extent, as_of: datetime) -> bool:
    """Whether a declared gap concerns the incident's company, numbers and time."""
    start = counted.first_at or state.occurred_from or state.opened_at
    end = counted.last_at or state.occurred_to or as_of
    return any(
        touches(row, state.entity, channel, start, end)
        for channel in counted.channels or (row["channel_id"],)
    )


def _weeks(own: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Findings per local week: `day` (its Monday), `findings`, `is_small` where they are fewer than five.

    Weeks without any are included; a small one shows the bound, not the count.
    """
    schema = {"day": pl.String, "findings": pl.Int64, "is_small": pl.Boolean}
    moments: list[Any] = own["occurred_at"].drop_nulls().to_list()
    if not moments:
        return pl.DataFrame(schema=schema)
    days = [at.astimezone(ZoneInfo(zone)).date() for at in moments]
    counts = Counter(day - timedelta(days=day.weekday()) for day in days)
    first, last = min(counts), max(counts)
    mondays = [first + timedelta(weeks=index) for index in range((last - first).days // 7 + 1)][-MOST_WEEKS:]
    rows = [
        {
            "day": monday.isoformat(),
            "findings": SMALLEST_SHOWN - 1 if 0 < counts[monday] < SMALLEST_SHOWN else counts[monday],
            "is_small": 0 < counts[monday] < SMALLEST_SHOWN,
        }
        for monday in mondays
    ]
    return pl.DataFrame(rows, schema=schema)
