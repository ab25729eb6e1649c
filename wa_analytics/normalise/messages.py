"""Facts → one row per message: sources by rank, statuses by rank, purposes compared.

Decision: never last-write-wins. A send-log row governs over an echo, an echo over the provider's own
list, that over an inbound webhook, anything over statuses alone; among equals the earliest time, then
the smallest digest. `read` and `played` imply delivered, and delivery outranks a failure told of the
same message.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

SOURCE_RANK = {"send_log": 0, "echo": 1, "provider_log": 2, "inbound": 3, "history": 4}
STATUS_RANK = {"sent": 1, "failed": 2, "delivered": 3, "read": 4, "played": 5}
TEMPLATE_PURPOSES = ("marketing", "utility", "authentication")
# Only send-log rows have a content digest; what has a body says more than a placeholder of history; the
# further columns leave no tie to input order.
GOVERNING_ORDER = (
    "sent_at", "content_digest", "lacks_body", "identifier_digest", "type_code", "channel_id", "country_code",
    "entity", "kind_code", "direction_code", "source_code",
)  # fmt: skip

Frame = nw.LazyFrame[Any]


def _ranked(column: str, ranks: dict[str, int], otherwise: int) -> nw.Expr:
    expression: Any = nw.lit(otherwise)
    for code, rank in ranks.items():
        expression = nw.when(nw.col(column) == code).then(nw.lit(rank)).otherwise(expression)
    return expression  # type: ignore[no-any-return]


def _first_at(*codes: str) -> nw.Expr:
    return nw.when(nw.col("status_code").is_in(list(codes))).then(nw.col("occurred_at"))


def folded_statuses(status_facts: Frame) -> Frame:
    """One row per message: times of each outcome, the highest status, purposes priced.

    Columns: message_id, first_status_at, delivered_at, read_at, failed_at, status_rank, error_code,
    status_channel, status_entity, status_identifier, status_country, priced_low, priced_high,
    priced_marketing (1 where any category is marketing), stopped_at_failure (1 on error 131050), group (1
    where it went to one).
    """
    failed = nw.col("status_code") == "failed"
    return (
        status_facts.with_columns(
            delivered_at=_first_at("delivered", "read", "played"),
            read_at=_first_at("read", "played"),
            failed_at=_first_at("failed"),
            status_rank=_ranked("status_code", STATUS_RANK, 0),
            failure=nw.when(failed).then(nw.col("error_code")),
            is_marketing=nw.when(nw.col("purpose_code") == "marketing").then(nw.lit(1)).otherwise(nw.lit(0)),
            group=nw.when(nw.col("is_group")).then(nw.lit(1)).otherwise(nw.lit(0)),
            is_stop=nw.when(failed & (nw.col("error_code") == 131050)).then(nw.lit(1)).otherwise(nw.lit(0)),
        )
        .group_by("message_id")
        .agg(
            nw.col("occurred_at").min().alias("first_status_at"),
            nw.col("delivered_at").min(),
            nw.col("read_at").min(),
            nw.col("failed_at").min(),
            nw.col("status_rank").max(),
            nw.col("failure").min().alias("error_code"),
            nw.col("channel_id").min().alias("status_channel"),
            nw.col("entity").min().alias("status_entity"),
            nw.col("identifier_digest").min().alias("status_identifier"),
            nw.col("country_code").min().alias("status_country"),
            nw.col("purpose_code").min().alias("priced_low"),
            nw.col("purpose_code").max().alias("priced_high"),
            nw.col("is_marketing").max().alias("priced_marketing"),
            nw.col("is_stop").max().alias("stopped_at_failure"),
            nw.col("group").max(),
        )
    )


def folded_messages(message_facts: Frame, status_facts: Frame, template_purposes: Frame) -> Frame:
    """One row per message with every column of `message` that needs no other message.

    message_facts, status_facts: columns of the tables of that name.
    template_purposes: (message_id, template_purpose_code), see `template_purpose_at_send`.
    """
    facts = message_facts.filter(nw.col("source_code") != "call")
    statuses = folded_statuses(status_facts)
    known_ids = facts.select("message_id").unique()
    status_only = statuses.join(known_ids, on="message_id", how="anti").select(
        nw.col("message_id"),
        nw.lit("status").alias("source_code"),
        nw.lit("").alias("content_digest"),
        nw.col("first_status_at").alias("sent_at"),
        nw.col("status_channel").alias("channel_id"),
        nw.col("status_entity").alias("entity"),
        nw.col("status_identifier").alias("identifier_digest"),
        nw.col("status_country").alias("country_code"),
        nw.lit("outbound").alias("direction_code"),
        nw.lit(None, dtype=nw.String).alias("kind_code"),
        nw.lit(None, dtype=nw.String).alias("type_code"),
        nw.lit(None, dtype=nw.String).alias("purpose_code"),
        nw.lit(None, dtype=nw.String).alias("template_name"),
        nw.lit(None, dtype=nw.String).alias("custodian_id"),
        nw.lit(1).alias("lacks_body"),
    )
    columns = status_only.collect_schema().names()
    ranked = facts.with_columns(
        source_rank=_ranked("source_code", SOURCE_RANK, 9),
        lacks_body=nw.when(nw.col("has_body")).then(nw.lit(0)).otherwise(nw.lit(1)),
    )
    governing = _first_of(ranked, ["source_rank", *GOVERNING_ORDER]).select(*columns)
    per_message = (
        ranked.with_columns(
            from_log=nw.when(nw.col("source_code") == "send_log").then(nw.lit(1)).otherwise(nw.lit(0)),
            from_echo=nw.when(nw.col("source_code") == "echo").then(nw.lit(1)).otherwise(nw.lit(0)),
            body=nw.when(nw.col("has_body")).then(nw.lit(1)).otherwise(nw.lit(0)),
            body_elsewhere=nw.when(nw.col("has_body") & (nw.col("source_code") != "send_log"))
            .then(nw.lit(1))
            .otherwise(nw.lit(0)),
            log_digest=nw.when(nw.col("source_code") == "send_log").then(nw.col("content_digest")),
        )
        .group_by("message_id")
        .agg(
            nw.col("from_log").max(),
            nw.col("from_echo").max(),
            nw.col("body").max(),
            nw.col("body_elsewhere").max(),
            nw.col("log_digest").min().alias("digest_low"),
            nw.col("log_digest").max().alias("digest_high"),
        )
    )
    joined = (
        nw.concat([governing, status_only])
        .join(per_message, on="message_id", how="left")
        .join(statuses, on="message_id", how="left")
        .join(template_purposes, on="message_id", how="left")
    )
    return _with_purposes(joined).with_columns(
        has_send_log=nw.col("from_log").fill_null(0) == 1,
        has_echo=nw.col("from_echo").fill_null(0) == 1,
        has_body=nw.col("body").fill_null(0) == 1,
        is_group=nw.col("group").fill_null(0) == 1,
        # Of rows of the send log that contradict each other the one that governs speaks.
        shows_body=(nw.col("lacks_body") == 0) | (nw.col("body_elsewhere").fill_null(0) == 1),
        is_conflicting=(nw.col("digest_low") != nw.col("digest_high")).fill_null(False),
        channel_id=nw.coalesce("channel_id", "status_channel"),
        entity=nw.coalesce("entity", "status_entity"),
        identifier_digest=nw.coalesce("identifier_digest", "status_identifier"),
        country_code=nw.coalesce("country_code", "status_country"),
        status_code=_status_name(),
        # A provider's list that holds no text any more tells no more than statuses do.
        is_status_only=(nw.col("source_code") == "status")
        | (
            (nw.col("source_code") == "provider_log")
            & (nw.col("direction_code") == "outbound")
            & (nw.col("body").fill_null(0) == 0)
        ),
    )


def _first_of(facts: Frame, order_by: list[str]) -> Frame:
    """One fact per message, the first in this order. Few messages have several: only those are sorted."""
    is_alone = nw.col("message_id").is_unique()
    several = facts.filter(~is_alone).unique(subset=["message_id"], keep="first", order_by=order_by)
    return nw.concat([facts.filter(is_alone), several])


def _status_name() -> nw.Expr:
    expression: Any = nw.lit(None, dtype=nw.String)
    for code, rank in STATUS_RANK.items():
        expression = nw.when(nw.col("status_rank") == rank).then(nw.lit(code)).otherwise(expression)
    return expression  # type: ignore[no-any-return]


def _with_purposes(joined: Frame) -> Frame:
    """Purpose is the send log's, else the priced one; marketing wherever any of the three says so."""
    outbound = nw.col("direction_code") == "outbound"
    declared, low, high, template = (
        nw.col(name) for name in ("purpose_code", "priced_low", "priced_high", "template_purpose_code")
    )
    differs = (
        (declared != low).fill_null(False)
        | (declared != template).fill_null(False)
        | (template != low).fill_null(False)
        | (declared != high).fill_null(False)
        | (template != high).fill_null(False)
        | (low != high).fill_null(False)
    )
    says_marketing = (
        (declared == "marketing").fill_null(False)
        | (nw.col("priced_marketing") == 1).fill_null(False)
        | (template == "marketing").fill_null(False)
    )
    return joined.with_columns(
        has_purpose_mismatch=outbound & differs,
        declared_purpose_code=declared,
        priced_purpose_code=nw.when((nw.col("priced_marketing") == 1).fill_null(False))
        .then(nw.lit("marketing"))
        .otherwise(low),
    ).with_columns(
        purpose_code=nw.when(says_marketing)
        .then(nw.lit("marketing"))
        .otherwise(
            nw.coalesce(
                "declared_purpose_code",
                "priced_purpose_code",
                # Error 131050: the person stopped marketing messages, so this was one.
                nw.when((nw.col("stopped_at_failure") == 1).fill_null(False)).then(nw.lit("marketing")),
            )
        ),
        judged_kind=nw.when(nw.col("kind_code").is_null() & (nw.col("source_code") == "status"))
        .then(
            nw.when(low.is_in(list(TEMPLATE_PURPOSES)) | high.is_in(list(TEMPLATE_PURPOSES))).then(
                nw.lit("template")
            )
        )
        .otherwise(nw.col("kind_code")),
        lacks_kind=outbound & nw.col("kind_code").is_null() & (nw.col("source_code") != "status"),
    )


def template_purpose_at_send(message_facts: Frame, template_facts: Frame) -> Frame:
    """(message_id, template_purpose_code): the template's category when the message was sent.

    The latest category told at or before `sent_at`; where all were told later, the earliest. A
    category told for an account of no known company holds for every company.
    """
    sends = (
        _first_of(message_facts.filter(nw.col("source_code") == "send_log"), ["sent_at", "content_digest"])
        .filter(~nw.col("template_name").is_null())
        .select("message_id", "template_name", "entity", "sent_at")
    )
    told = template_facts.filter(~nw.col("purpose_code").is_null()).select(
        nw.col("template_name"),
        nw.col("entity").alias("template_entity"),
        nw.col("purpose_code").alias("template_purpose_code"),
        nw.col("observed_at"),
    )
    pairs = sends.join(told, on="template_name", how="inner").filter(
        nw.col("template_entity").is_null() | (nw.col("template_entity") == nw.col("entity")).fill_null(True)
    )
    before = pairs.filter(nw.col("observed_at") <= nw.col("sent_at"))
    latest = before.unique(
        subset=["message_id"], keep="last", order_by=["observed_at", "template_purpose_code"]
    )
    later = pairs.join(before.select("message_id").unique(), on="message_id", how="anti")
    earliest = later.unique(
        subset=["message_id"], keep="first", order_by=["observed_at", "template_purpose_code"]
    )
    return nw.concat([latest, earliest]).select("message_id", "template_purpose_code")
