"""Consent state of each send, as of the moment it was sent.

The register stream (what a person told the company) and the platform stream (what the person told
the platform: stop and resume) are laid into one stream with the sends, ordered by time, and filled
forward over party, company and purpose; the sends are then read off.

Source: the rules of the README's "Consent state"; GDPR Art. 7, 47 CFR 64.1200(a)(10), Meta
"user_preferences" and error 131050.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]

PURPOSES = ("marketing", "utility", "authentication", "service")
KEY = ["party_id", "entity", "purpose_code"]
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
REGISTER_ACTIONS = ("granted", "confirmed", "refused", "withdrawn")


def spread(events: Frame, entities: tuple[str, ...]) -> Frame:
    """Events once per company and purpose they speak for: `all` is every purpose, no named
    business every company."""
    anywhere = nw.concat(
        [events.filter(nw.col("is_any_entity")).with_columns(entity=nw.lit(entity)) for entity in entities]
        + [events.filter(~nw.col("is_any_entity") & ~nw.col("entity").is_null())]
    )
    other = anywhere.filter(~nw.col("purpose_code").is_in([*PURPOSES, "all"]))
    return nw.concat(
        [
            anywhere.filter(nw.col("purpose_code").is_in([purpose, "all"])).with_columns(
                purpose_code=nw.lit(purpose)
            )
            for purpose in PURPOSES
        ]
        + [other]
    ).filter(~nw.col("party_id").is_null())


def _strength() -> nw.Expr:
    withdrawn, refused = nw.col("action_code") == "withdrawn", nw.col("action_code") == "refused"
    return nw.when(withdrawn).then(nw.lit(0)).otherwise(nw.when(refused).then(nw.lit(1)).otherwise(nw.lit(2)))


def _register(events: Frame) -> Frame:
    """Register stream: those events that can govern, with their order at one instant."""
    return events.filter(
        nw.col("action_code").is_in(list(REGISTER_ACTIONS))
        & nw.col("source_code").is_in(["register", "preference", "opt_out_word", "suppression"])
    ).with_columns(strength=_strength(), ends_at=nw.col("expires_at").fill_null(nw.lit(NEVER)))


def _governing(register: Frame) -> Frame:
    return register.unique(
        subset=[*KEY, "occurred_at"], keep="first", order_by=["strength", "ends_at", "event_id"]
    )


def states(sends: Frame, events: Frame, *, before: bool = False) -> Frame:
    """State of each send.

    sends: message_id, party_id, entity, purpose_code, sent_at.
    events: spread consent events (columns of `consent_event`).
    before: read the state just before the instant, as a request made then is judged.
    Returns message_id, consent_code, consent_event_id, was_known, lawful_basis_code, withdrawn_at
    (since when the person has been saying no: a second "stop" starts no new term), and what decides:
    governing_action, governing_at, governing_recorded_at, stop_at.
    """
    register = _register(events)
    governing = _governing(register)
    text, moment = nw.lit(None, dtype=nw.String), nw.lit(None, dtype=nw.Datetime("us", "UTC"))

    flag = nw.lit(None, dtype=nw.Boolean)

    def row(order: int, at: str, **columns: Any) -> list[Any]:
        given = {
            "message_id": text, "event_id": text, "is_register_no": flag, "governing_at": moment,
            "stop_at": moment, "resume_at": moment, "asked_at": moment, "asked_known_at": moment, **columns,
        }  # fmt: skip
        return [
            *(nw.col(name) for name in KEY),
            nw.col(at).alias("at"),
            nw.lit(order).alias("order"),
            *(expression.alias(name) for name, expression in given.items()),
        ]

    action = nw.col("action_code")
    stream = nw.concat(
        [
            governing.select(
                *row(
                    1,
                    "occurred_at",
                    event_id=nw.col("event_id"),
                    is_register_no=nw.col("strength") < 2,
                    governing_at=nw.col("occurred_at"),
                )
            ),
            events.filter((action == "stop") & (nw.col("purpose_code") == "marketing")).select(
                *row(1, "occurred_at", stop_at=nw.col("occurred_at"))
            ),
            events.filter((action == "resume") & (nw.col("purpose_code") == "marketing")).select(
                *row(1, "occurred_at", resume_at=nw.col("occurred_at"))
            ),
            events.filter(action == "requested").select(
                *row(1, "occurred_at", asked_at=nw.col("occurred_at"), asked_known_at=nw.col("recorded_at"))
            ),
            sends.select(*row(0 if before else 2, "sent_at", message_id=nw.col("message_id"))),
        ]
    )
    # Of one instant a "no" comes first, so that a resume or grant interrupts none that goes on.
    is_no = ~nw.col("stop_at").is_null() | nw.col("is_register_no").fill_null(False)
    stream = stream.with_columns(rank=nw.when(is_no).then(nw.lit(0)).otherwise(nw.lit(1)))
    order_by = ["at", "order", "rank", "event_id", "message_id"]

    def filled(name: str) -> nw.Expr:
        return nw.col(name).fill_null(strategy="forward").over(*KEY, order_by=order_by)

    read = (
        stream.with_columns(
            event_id=filled("event_id"),
            is_register_no=filled("is_register_no"),
            governing_at=filled("governing_at"),
            stop_at=filled("stop_at"),
            resume_at=filled("resume_at"),
            asked_at=filled("asked_at"),
            asked_known_at=nw.col("asked_known_at").cum_min().over(*KEY, order_by=order_by),
        )
        .with_columns(
            asked_known_at=filled("asked_known_at"),
            is_no=nw.col("is_register_no").fill_null(False) | _stops(),
        )
        .with_columns(was_no=nw.col("is_no").shift(1).over(*KEY, order_by=order_by).fill_null(False))
        .with_columns(no_since_at=nw.when(nw.col("is_no") & ~nw.col("was_no")).then(nw.col("at")))
        .with_columns(no_since_at=filled("no_since_at"))
        .filter(~nw.col("message_id").is_null())
    )
    attributes = governing.select(
        *KEY, "event_id", "action_code", "ends_at", "recorded_at", "lawful_basis_code"
    )
    first_grants = _first_grants(read, register)
    joined = read.join(attributes, on=[*KEY, "event_id"], how="left").join(
        first_grants, on="message_id", how="left"
    )
    return _decided(joined)


def _first_grants(read: Frame, register: Frame) -> Frame:
    """(message_id, granted_known_at, has_grant): grants of another purpose by then, where nothing
    governs."""
    ungoverned = read.filter(nw.col("event_id").is_null()).select("message_id", "party_id", "entity", "at")
    grants = register.filter(nw.col("strength") == 2).select(
        "party_id", "entity", "occurred_at", nw.col("recorded_at").alias("granted_recorded_at")
    )
    return (
        ungoverned.join(grants, on=["party_id", "entity"], how="inner")
        .filter(nw.col("occurred_at") <= nw.col("at"))
        .group_by("message_id")
        .agg(
            nw.col("occurred_at").min().alias("granted_at"),
            nw.col("granted_recorded_at").min().alias("granted_known_at"),
        )
    )


def _stops() -> nw.Expr:
    """Whether a stop is in force and not earlier than what governs in the register."""
    stop, resume, governing_at = nw.col("stop_at"), nw.col("resume_at"), nw.col("governing_at")
    in_force = ~stop.is_null() & (resume.is_null() | (stop >= resume).fill_null(True))
    return in_force & (governing_at.is_null() | (stop >= governing_at).fill_null(True))


def _decided(joined: Frame) -> Frame:
    at = nw.col("at")
    governed = ~nw.col("event_id").is_null()
    stops = _stops()
    action = nw.col("action_code")
    withdrawn = (action == "withdrawn").fill_null(False)
    refused = (action == "refused").fill_null(False)
    code = (
        nw.when(withdrawn | stops)
        .then(nw.lit("withdrawn"))
        .otherwise(
            nw.when(refused)
            .then(nw.lit("refused"))
            .otherwise(
                nw.when(governed & (nw.col("ends_at") <= at).fill_null(False))
                .then(nw.lit("expired"))
                .otherwise(
                    nw.when(governed)
                    .then(nw.lit("granted"))
                    .otherwise(
                        nw.when(~nw.col("asked_at").is_null())
                        .then(nw.lit("unconfirmed"))
                        .otherwise(
                            nw.when(~nw.col("granted_at").is_null())
                            .then(nw.lit("wrong_purpose"))
                            .otherwise(nw.lit("never_asked"))
                        )
                    )
                )
            )
        )
    )
    decided = joined.with_columns(consent_code=code, by_stop=stops)
    by_stop = nw.col("by_stop")
    known_at = (
        nw.when(by_stop)
        .then(nw.lit(None, dtype=nw.Datetime("us", "UTC")))
        .otherwise(
            nw.when(governed)
            .then(nw.col("recorded_at"))
            .otherwise(
                nw.when(nw.col("consent_code") == "unconfirmed")
                .then(nw.col("asked_known_at"))
                .otherwise(nw.col("granted_known_at"))
            )
        )
    )
    said_no = nw.col("consent_code").is_in(["withdrawn", "refused"])
    return decided.with_columns(
        was_known=nw.when(nw.col("consent_code") != "granted").then(known_at <= at),
        consent_event_id=nw.when(~by_stop).then(nw.col("event_id")),
        withdrawn_at=nw.when(said_no).then(nw.col("no_since_at")),
    ).select(
        "message_id",
        *KEY,
        nw.col("at").alias("sent_at"),
        "consent_code",
        "consent_event_id",
        "was_known",
        "lawful_basis_code",
        "withdrawn_at",
        nw.col("action_code").alias("governing_action"),
        "governing_at",
        nw.col("recorded_at").alias("governing_recorded_at"),
        "stop_at",
    )


def asked_again(requests: Frame, events: Frame) -> Frame:
    """(message_id) of the requests made after a withdrawal in force.

    requests: like sends, each request under each company and purpose it speaks for. The withdrawal was in
    force just before the request, and what else was said at its instant ended it no more than it did.
    """
    in_force = nw.col("consent_code") == "withdrawn"
    before, at_request = (
        states(requests, events, before=early).filter(in_force).select("message_id")
        for early in (True, False)
    )
    return before.join(at_request, on="message_id", how="inner")


def recorded_late(judged: Frame, events: Frame) -> Frame:
    """(message_id, is_recorded_late) for granted sends: True where the events recorded by
    `sent_at` did not grant; null where the governing event's `recorded_at` is unknown."""
    granted = judged.filter(nw.col("consent_code") == "granted")
    late = nw.col("governing_recorded_at") > nw.col("sent_at")
    told = (
        granted.filter(late.fill_null(False))
        .select("message_id", *KEY, "sent_at")
        .join(
            _register(events).select(*KEY, "event_id", "occurred_at", "ends_at", "strength", "recorded_at"),
            on=KEY,
            how="inner",
        )
        .filter(
            (nw.col("occurred_at") <= nw.col("sent_at"))
            & (nw.col("recorded_at") <= nw.col("sent_at")).fill_null(False)
        )
    )
    latest = told.group_by("message_id").agg(nw.col("occurred_at").max().alias("latest_at"))
    granting = (
        told.join(latest, on="message_id", how="inner")
        .filter(nw.col("occurred_at") == nw.col("latest_at"))
        .unique(subset=["message_id"], keep="first", order_by=["strength", "ends_at", "event_id"])
        .filter((nw.col("strength") == 2) & (nw.col("ends_at") > nw.col("sent_at")))
        .select("message_id", nw.lit(1).alias("grants"))
    )
    return granted.join(granting, on="message_id", how="left").select(
        "message_id", (late & nw.col("grants").is_null()).alias("is_recorded_late")
    )
