"""Consent facts → one row per consent event.

Decision: of several facts with one id the earliest governs, then the smallest digest; they are
conflicting where their content differs. A failed status with error 131050 (the
person stopped marketing) is an event too, dated by the send that met it.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]

# The content digest speaks of one identifier; the further columns leave no tie to input order.
GOVERNING_ORDER = (
    "occurred_at", "content_digest", "identifier_digest", "entity", "channel_id", "country_code",
    "source_code",
)  # fmt: skip


def folded_events(consent_facts: Frame, messages: Frame, identifiers: Frame) -> Frame:
    """Columns of `consent_event` but `is_asked_again`.

    consent_facts: columns of `consent_fact`.
    messages: message_id, entity, channel_id, party_id, country_code, sent_at, stopped_at_failure.
    identifiers: identifier_digest, party_id.
    """
    differing = consent_facts.group_by("event_id").agg(
        nw.col("content_digest").min().alias("digest_low"),
        nw.col("content_digest").max().alias("digest_high"),
    )
    governing = (
        consent_facts.unique(subset=["event_id"], keep="first", order_by=list(GOVERNING_ORDER))
        .join(differing, on="event_id", how="left")
        .join(identifiers, on="identifier_digest", how="left")
    )
    from_register = nw.col("source_code") == "register"
    is_grant = nw.col("action_code").is_in(["granted", "confirmed"])
    complete = (
        nw.col("has_method")
        & (nw.col("has_wording") | nw.col("has_wording_version"))
        & nw.col("has_business_name")
    )
    told = governing.with_columns(
        has_unknown_business=from_register & nw.col("entity").is_null() & ~nw.col("is_any_entity"),
        is_incomplete=from_register & is_grant & ~complete,
        is_conflicting=from_register & (nw.col("digest_low") != nw.col("digest_high")),
    )
    columns = (
        "event_id", "source_code", "party_id", "country_code", "entity", "is_any_entity",
        "has_unknown_business", "channel_id", "purpose_code", "action_code", "occurred_at",
        "recorded_at", "expires_at", "wording_version", "language", "jurisdiction",
        "lawful_basis_code", "is_incomplete", "is_conflicting",
    )  # fmt: skip
    text, moment = nw.lit(None, dtype=nw.String), nw.lit(None, dtype=nw.Datetime("us", "UTC"))
    stopped = messages.filter((nw.col("stopped_at_failure") == 1).fill_null(False)).select(
        nw.col("message_id").alias("event_id"),
        nw.lit("platform_error").alias("source_code"),
        "party_id",
        "country_code",
        "entity",
        nw.lit(False).alias("is_any_entity"),
        nw.lit(False).alias("has_unknown_business"),
        "channel_id",
        nw.lit("marketing").alias("purpose_code"),
        nw.lit("stop").alias("action_code"),
        nw.col("sent_at").alias("occurred_at"),
        moment.alias("recorded_at"),
        moment.alias("expires_at"),
        text.alias("wording_version"),
        text.alias("language"),
        text.alias("jurisdiction"),
        text.alias("lawful_basis_code"),
        nw.lit(False).alias("is_incomplete"),
        nw.lit(False).alias("is_conflicting"),
    )
    return nw.concat([told.select(*columns), stopped.select(*columns)])
