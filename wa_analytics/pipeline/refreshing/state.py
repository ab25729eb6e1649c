"""Facts → state: the pure rooms put together, frames in and frames out.

Runs over all facts or over everything that touches some parties; both give the same rows, because
every rule looks only at one party, plus three facts of the whole that are handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from wa_analytics.consent.ledger import asked_again, recorded_late, spread, states
from wa_analytics.consent.window import windows
from wa_analytics.normalise.events import folded_events
from wa_analytics.normalise.holders import in_epochs
from wa_analytics.normalise.messages import folded_messages, template_purpose_at_send
from wa_analytics.retention.due import decided, suspended
from wa_analytics.retention.holds import Hold, with_hold
from wa_analytics.retention.schedule import ScheduleRow, classed, scheduled
from wa_analytics.settings import Entity, RecordClassRule

Frame = nw.LazyFrame[Any]
JUDGED_PURPOSES = ["marketing", "utility", "authentication"]


@dataclass(frozen=True)
class Facts:
    """Fact frames with the columns of their tables; `identifiers` has identifier_digest, party_id,
    `witnesses` message_id. Both outlive evidence that was disposed of. Of numbers that changed hands:
    `epochs` (columns of number_epoch) and, undecided, `later` (party_id, later_party_id)."""

    messages: Frame
    statuses: Frame
    consents: Frame
    templates: Frame
    identifiers: Frame
    suppressions: Frame | None = None
    witnesses: Frame | None = None
    epochs: Frame | None = None
    later: Frame | None = None


@dataclass(frozen=True)
class Whole:
    """What a rule must know of the whole group beside one party's facts.

    registered: companies of which a consent register was captured.
    inbound_channels: channels with any inbound captured.
    holds: in force; decisions: of pairs of schedule rows that contradict each other.
    """

    entities: tuple[Entity, ...]
    schedule: Sequence[ScheduleRow]
    class_rules: Sequence[RecordClassRule]
    registered: Collection[str]
    inbound_channels: Collection[str]
    holds: Sequence[Hold] = ()
    decisions: Mapping[str, str] = field(default_factory=dict)


def settled(frame: Frame) -> Frame:
    """The frame computed once. What several rules read is settled first: a lazy plan that is read
    twice at each of many steps would otherwise be computed over and over."""
    if frame.implementation.is_polars():
        return frame.collect("polars").lazy()
    return frame


def states_of(facts: Facts, whole: Whole) -> tuple[Frame, Frame]:
    """(message, consent_event) with the columns of those tables."""
    identifiers = settled(facts.identifiers)
    template_purposes = settled(template_purpose_at_send(facts.messages, facts.templates))
    folded = folded_messages(facts.messages, facts.statuses, template_purposes)
    folded = in_epochs(folded, facts.epochs, "sent_at")
    placed = settled(classed(folded, whole.class_rules).join(identifiers, on="identifier_digest", how="left"))
    keys = tuple(entity.key for entity in whole.entities)
    consents = in_epochs(facts.consents, facts.epochs, "occurred_at")
    events = settled(_with_suppressions(folded_events(consents, placed, identifiers), facts, identifiers))
    spoken = settled(spread(events, keys))
    binding = (
        spoken if facts.later is None else settled(spread(_with_earlier_noes(events, facts.later), keys))
    )

    judged = settled(_judged(placed, whole.registered))
    sends = judged.filter(nw.col("is_judged")).select(
        "message_id", "party_id", "entity", "purpose_code", "sent_at"
    )
    consent = settled(states(settled(sends), binding))
    late = settled(recorded_late(consent, binding))
    is_free_form = (nw.col("direction_code") == "outbound") & (nw.col("kind_code") == "free_form").fill_null(
        False
    )
    free_form = placed.filter(is_free_form & ~nw.col("is_group")).select(
        "message_id", "party_id", "channel_id", "sent_at"
    )
    contacts = settled(_contacts(placed, facts, identifiers))
    window = settled(windows(settled(free_form), contacts, whole.inbound_channels))
    window = _with_witnesses(window, facts)
    kept = decided(settled(scheduled(placed, whole.schedule, whole.entities)), whole.decisions)
    if whole.holds:
        held = with_hold(placed, whole.holds).select("message_id", "hold_id")
        kept = suspended(kept.join(held, on="message_id", how="left")).drop("hold_id")
    kept = settled(kept)

    state = (
        judged.join(consent.select(*CONSENT_COLUMNS), on="message_id", how="left")
        .join(late, on="message_id", how="left")
        .join(window, on="message_id", how="left")
        .join(kept, on="message_id", how="left")
        .with_columns(
            consent_code=nw.coalesce("consent_code", "unjudged_code"),
            window_code=nw.coalesce(
                "window_code",
                nw.when(nw.col("lacks_kind") | (is_free_form & nw.col("is_group")))
                .then(nw.lit("not_evaluated"))
                .otherwise(nw.lit("not_judged")),
            ),
            body_code=_body_code(),
        )
    )
    return state.select(*MESSAGE_COLUMNS), _with_asked_again(events, spoken).select(*EVENT_COLUMNS)


def _with_suppressions(events: Frame, facts: Facts, identifiers: Frame) -> Frame:
    """The events and each suppression of a known identifier whose own event is gone."""
    if facts.suppressions is None:
        return events
    text, moment = nw.lit(None, dtype=nw.String), nw.lit(None, dtype=nw.Datetime("us", "UTC"))
    kept = (
        in_epochs(facts.suppressions, facts.epochs, "occurred_at")
        .join(identifiers, on="identifier_digest", how="inner")
        .join(events.select("event_id"), left_on="suppression_id", right_on="event_id", how="anti")
        .select(
            nw.col("suppression_id").alias("event_id"),
            nw.lit("suppression").alias("source_code"),
            "party_id", "country_code", "entity", "is_any_entity",
            nw.lit(False).alias("has_unknown_business"),
            "channel_id", "purpose_code", "action_code", "occurred_at",
            moment.alias("recorded_at"), moment.alias("expires_at"), text.alias("wording_version"),
            text.alias("language"), text.alias("jurisdiction"), text.alias("lawful_basis_code"),
            nw.lit(False).alias("is_incomplete"), nw.lit(False).alias("is_conflicting"),
        )
    )  # fmt: skip
    return nw.concat([events, kept.select(*events.collect_schema().names())])


def _with_earlier_noes(events: Frame, later: Frame) -> Frame:
    """The events, and each "no" of an earlier holder of a number for its later holders too.

    As long as nobody decided whether they are one person: what the earlier one agreed to does not pass
    on, and no stop gets lost. An own, later grant ends it as always.
    """
    noes = events.filter(nw.col("action_code").is_in(["withdrawn", "refused", "stop"]))
    passed_on = (
        noes.join(later, on="party_id", how="inner")
        .with_columns(party_id=nw.col("later_party_id"))
        .select(*events.collect_schema().names())
    )
    return nw.concat([events, passed_on])


def _with_witnesses(window: Frame, facts: Facts) -> Frame:
    """A send that was inside by a message disposed of since stays inside."""
    if facts.witnesses is None:
        return window
    witnessed = facts.witnesses.select("message_id", nw.lit(1).alias("witnessed"))
    return window.join(witnessed, on="message_id", how="left").select(
        "message_id",
        nw.when((nw.col("witnessed") == 1).fill_null(False))
        .then(nw.lit("inside"))
        .otherwise(nw.col("window_code"))
        .alias("window_code"),
    )


def _judged(messages: Frame, registered: Collection[str]) -> Frame:
    """Adds is_judged (consent is evaluated), unjudged_code and consent_reason_code."""
    outbound = nw.col("direction_code") == "outbound"
    is_marketing = (nw.col("purpose_code") == "marketing").fill_null(False)
    is_unclear = nw.col("lacks_kind") & ~is_marketing
    asks = outbound & ((nw.col("judged_kind") == "template").fill_null(False) | is_marketing | is_unclear)
    reason = (
        nw.when(is_unclear)
        .then(nw.lit("kind_unknown"))
        .otherwise(
            nw.when((nw.col("purpose_code") == "service").fill_null(False))
            .then(nw.lit("purpose_service"))
            .otherwise(
                nw.when(~nw.col("purpose_code").is_in(JUDGED_PURPOSES).fill_null(False))
                .then(nw.lit("purpose_unknown"))
                .otherwise(
                    nw.when(nw.col("entity").is_null())
                    .then(nw.lit("no_entity"))
                    .otherwise(
                        nw.when(~nw.col("entity").is_in(sorted(registered)).fill_null(False))
                        .then(nw.lit("no_register"))
                        .otherwise(
                            nw.when(nw.col("is_group"))
                            .then(nw.lit("group"))
                            .otherwise(nw.when(nw.col("party_id").is_null()).then(nw.lit("no_party")))
                        )
                    )
                )
            )
        )
    )
    return (
        messages.with_columns(asks=asks)
        .with_columns(consent_reason_code=nw.when(nw.col("asks")).then(reason))
        .with_columns(
            is_judged=nw.col("asks") & nw.col("consent_reason_code").is_null(),
            unjudged_code=nw.when(nw.col("asks"))
            .then(nw.lit("not_evaluated"))
            .otherwise(nw.lit("not_judged")),
        )
    )


def _contacts(placed: Frame, facts: Facts, identifiers: Frame) -> Frame:
    """(party_id, channel_id, at): what opens a service window, each message once, at its own time."""
    calls = facts.messages.filter((nw.col("source_code") == "call") & (nw.col("direction_code") == "inbound"))
    return nw.concat(
        [
            found.select("party_id", "channel_id", nw.col("sent_at").alias("at"))
            for found in (
                placed.filter(
                    (nw.col("source_code") == "inbound")
                    & (nw.col("direction_code") == "inbound")
                    & (nw.col("type_code") != "system").fill_null(True)
                ),
                in_epochs(calls, facts.epochs, "sent_at").join(
                    identifiers, on="identifier_digest", how="inner"
                ),
            )
        ]
    )


def _body_code() -> Any:
    return (
        nw.when(nw.col("is_status_only"))
        .then(nw.lit("statuses_only"))
        .otherwise(
            nw.when(nw.col("shows_body"))
            .then(nw.lit("held"))
            .otherwise(
                nw.when(nw.col("has_send_log") & nw.col("template_name").is_null())
                .then(nw.lit("missing_log"))
                .otherwise(nw.lit("not_required"))
            )
        )
    )


def _with_asked_again(events: Frame, spoken: Frame) -> Frame:
    """Marks requests made after a withdrawal in force for one of their purposes."""
    requests = spoken.filter(nw.col("action_code") == "requested").select(
        nw.concat_str(["event_id", "entity", "purpose_code"], separator="|").alias("message_id"),
        "party_id",
        "entity",
        "purpose_code",
        nw.col("occurred_at").alias("sent_at"),
        "event_id",
    )
    again = (
        settled(asked_again(settled(requests.drop("event_id")), spoken))
        .join(requests.select("message_id", "event_id"), on="message_id", how="inner")
        .select("event_id", nw.lit(1).alias("asked_again"))
        .unique()
    )
    return events.join(again, on="event_id", how="left").with_columns(
        is_asked_again=nw.col("asked_again").fill_null(0) == 1
    )


CONSENT_COLUMNS = (
    "message_id", "consent_code", "consent_event_id", "was_known", "lawful_basis_code", "withdrawn_at",
)  # fmt: skip
MESSAGE_COLUMNS = (
    "message_id", "entity", "channel_id", "party_id", "direction_code", "kind_code", "type_code",
    "template_name", "custodian_id", "country_code", "sent_at", "has_send_log", "has_echo", "has_body",
    "is_conflicting", "first_status_at", "delivered_at", "read_at", "failed_at", "status_code",
    "error_code", "purpose_code", "declared_purpose_code", "priced_purpose_code",
    "template_purpose_code", "has_purpose_mismatch", "consent_code", "consent_reason_code",
    "consent_event_id", "was_known", "is_recorded_late", "lawful_basis_code", "withdrawn_at",
    "window_code", "body_code", "record_class", "retain_until", "dispose_by", "retain_rule",
    "dispose_rule", "retention_code",
)  # fmt: skip
EVENT_COLUMNS = (
    "event_id", "source_code", "party_id", "country_code", "entity", "is_any_entity",
    "has_unknown_business", "channel_id", "purpose_code", "action_code", "occurred_at", "recorded_at",
    "expires_at", "wording_version", "language", "jurisdiction", "lawful_basis_code", "is_incomplete",
    "is_conflicting", "is_asked_again",
)  # fmt: skip
