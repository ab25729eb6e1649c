"""`wa erase`: decide on every record of a person, record the decisions, destroy what goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.errors import ReasonRequired
from wa_analytics.pipeline.destroying.destruction import Destroyed, destroyed
from wa_analytics.pipeline.destroying.disposal import settled
from wa_analytics.pipeline.destroying.erasure_request import Request, erasure_request
from wa_analytics.pipeline.destroying.suppressions import SUPPRESSION_COLUMNS, suppressions_in_force
from wa_analytics.pipeline.destroying.target import Target
from wa_analytics.pipeline.holds import Voice, instant_or_none
from wa_analytics.pipeline.refreshing.refresh import refresh
from wa_analytics.pipeline.refreshing.spans import Progress
from wa_analytics.retention.erasure import ForeignDuty
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

DECISION = "erasure"
DECISION_COLUMNS = (
    "request_id", "subject_code", "subject_id", "decision_code", "rule", "keep_until", "decided_at", "actor",
)  # fmt: skip


@dataclass(frozen=True)
class Erasure:
    """What an erasure did. suppressions: rows by which a "no" outlives it; left: identifiers of the
    person that kept records, or captures that no fact leads to, still tell."""

    request_id: str
    request: Request
    destroyed: Destroyed
    wrapping_keys: int
    suppressions: int
    left: int


def erased(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    person: str,
    *,
    reason: str,
    actor: str,
    at: datetime,
    foreign_duty: ForeignDuty = "ask",
    names: Sequence[str] = (),
    progress: Callable[[str], Progress] | None = None,
) -> Erasure:
    """Carry out a request. The caller holds the refresh lock. Decisions are recorded and journalled
    before anything is destroyed; after a kill the same call decides on what is left.

    Raises ReasonRequired, InputRefused.
    """
    if not reason.strip():
        raise ReasonRequired("An erasure needs a reason; say why with --reason.")
    refresh(database, ring, settings, schedule, progress=progress)
    request = erasure_request(database, ring, settings, schedule, person, at, foreign_duty, names)
    suppressions = suppressions_in_force(database, ring, settings, request, at)
    request_id = _recorded(database, ring, request, suppressions, reason, actor, at)
    target = Target(
        messages=request.messages.filter(pl.col("message_id").is_in(request.going("message"))).with_columns(
            rule=pl.lit(f"erasure {request_id}")
        ),
        decision=DECISION,
        actor=actor,
        events=frozenset(request.going("consent_event")),
        people=frozenset(request.people),
        keeps_refusals=False,
    )
    outcome = destroyed(
        database, ring, settings, target, at, progress=progress("destroy") if progress else None
    )
    wrapping_keys = settled(database, ring, settings, schedule, at, progress=progress)
    condition, params = database.matching("identifier_digest", request.people)
    # A number that others held too stays known through them.
    shared = "identifier_digest NOT IN (SELECT {} FROM number_epoch)"
    left = int(
        database.scalar(
            f"SELECT count(*) FROM identifier WHERE {condition} AND "
            f"{shared.format('identifier_digest')} AND {shared.format('epoch_digest')}",
            **params,
        )
    )
    return Erasure(request_id, request, outcome, wrapping_keys, len(suppressions), left)


def _recorded(
    database: Database,
    ring: KeyRing,
    request: Request,
    suppressions: list[tuple[Any, ...]],
    reason: str,
    actor: str,
    at: datetime,
) -> str:
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        number = int(writer.rows("SELECT count(DISTINCT request_id) + 1 FROM erasure_decision")[0][0])
        request_id = f"ERASE-{number:04}"
        moment = instant_or_none(at)
        writer.append(
            t.ErasureDecision,
            DECISION_COLUMNS,
            [
                (request_id, *key, found.code, found.rule, instant_or_none(found.keep_until), moment, actor)
                for key, found in request.decisions.items()
            ],
        )
        writer.append(t.Suppression, SUPPRESSION_COLUMNS, suppressions, skip_known=True)
        counts = dict(request.frame["decision"].value_counts().iter_rows())
        say(writer, "journal", "erase", reason, {"request_id": request_id, "decisions": counts})
    return request_id
