"""A "no" outlives the evidence that told it: rows of `suppression`."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics.consent.ledger import PURPOSES, spread, states
from wa_analytics.normalise.project import COLUMNS
from wa_analytics.pipeline.holds import instant_or_none
from wa_analytics.pipeline.through import lazy, through

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing
    from wa_analytics.pipeline.destroying.erasure_request import Request
    from wa_analytics.pipeline.record_ids import Rows
    from wa_analytics.settings import Settings

USER_STOPPED = 131050
SUPPRESSION_COLUMNS = (
    "suppression_id", "identifier_digest", "country_code", "entity", "is_any_entity", "channel_id",
    "purpose_code", "action_code", "occurred_at", "made_at",
)  # fmt: skip
# What a row of consent_fact is called as a suppression.
_FROM_EVENT = ("event_id", *SUPPRESSION_COLUMNS[1:-1])


def suppressions_of(
    rows: Rows, messages: Mapping[str, Mapping[str, Any]], made_at: datetime
) -> list[tuple[Any, ...]]:
    """Each "no" among the fact rows of a record that goes. messages: by id, those that go."""
    at = instant_or_none(made_at)
    found = [
        (*(event[name] for name in _FROM_EVENT), at)
        for event in _named(rows, "consent_fact")
        if event["identifier_digest"] and event["action_code"] in ("withdrawn", "refused", "stop")
    ]
    for status in _named(rows, "status_fact"):
        is_stop = status["error_code"] == USER_STOPPED and status["status_code"] == "failed"
        if is_stop and status["identifier_digest"]:
            message = messages[status["message_id"]]
            found.append(
                (
                    status["message_id"], status["identifier_digest"], status["country_code"],
                    message["entity"], False, message["channel_id"], "marketing", "stop",
                    instant_or_none(message["sent_at"]), at,
                )
            )  # fmt: skip
    return found


def _named(rows: Rows, table: str) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in rows.get(table, ())]


def suppressions_in_force(
    database: Database, ring: KeyRing, settings: Settings, request: Request, at: datetime
) -> list[tuple[Any, ...]]:
    """Each "no" in force at `at`, once per identifier of the person, if anything goes at all."""
    if not (request.going("message") or request.going("consent_event")) or request.events.is_empty():
        return []
    keys = tuple(entity.key for entity in settings.entities)
    spoken = spread(lazy(request.events), keys)
    asked = pl.DataFrame({"party_id": list(request.party_ids)}).join(
        pl.DataFrame({"entity": list(keys)}), how="cross"
    )
    asked = asked.join(pl.DataFrame({"purpose_code": list(PURPOSES)}), how="cross").with_columns(
        message_id=pl.concat_str("party_id", "entity", "purpose_code", separator="|"),
        sent_at=pl.lit(at).cast(pl.Datetime("us", "UTC")),
    )
    judged = through(lambda rows: states(rows, spoken), asked)
    condition, params = database.matching("identifier_digest", request.people)
    countries = dict(
        database.frame(
            f"SELECT identifier_digest, country_code FROM identifier WHERE {condition}", **params
        ).iter_rows()
    )
    rows = []
    for row in judged.filter(pl.col("consent_code").is_in(["withdrawn", "refused"])).iter_rows(named=True):
        for person, (action, said_at) in product(request.people, _said(row)):
            made_of = (person, row["entity"], row["purpose_code"], action, said_at)
            rows.append(
                (
                    ring.digest("consent_event", "\x1f".join(("suppression", *map(str, made_of)))),
                    person, countries.get(person), row["entity"], False, None, row["purpose_code"],
                    action, said_at, instant_or_none(at),
                )
            )  # fmt: skip
    return rows


def _said(state: Mapping[str, Any]) -> set[tuple[str, Any]]:
    """(action, instant) of what says "no" in a row of `states`: in the register, on the platform, and
    the first of them, from which its term runs."""
    noes = {}
    if state["governing_action"] in ("refused", "withdrawn"):
        noes[state["governing_action"]] = state["governing_at"]
    if state["consent_event_id"] is None:
        noes["stop"] = state["stop_at"]
    first = (next(iter(noes)), state["withdrawn_at"])
    return {(action, instant_or_none(at)) for action, at in (*noes.items(), first)}
