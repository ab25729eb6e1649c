"""Whom the statuses of one message name, where some carry only a phone and others only a user id.

Decision: exactly one number, in whatever form, and exactly one user id are one recipient. Several of
either, or a group, link nobody. A status that carries both names its recipient by the phone; that the two
are one person it tells by itself.

Source: Meta, business-scoped user ids (June 2026): `recipient_id` or `recipient_user_id` may be absent.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]


def recipients(statuses: Frame) -> tuple[Frame, Frame]:
    """(pairs that are one recipient, pairs that some message does not make one).

    statuses: every status of the messages, as message_id, identifier_digest (of a phone's canonical form),
    kind_code, is_group, entity, occurred_at, sequence.
    Both have left_digest (the phone) and right_digest (the user id); the first also entity, occurred_at (the
    message's earliest status, so that it falls into the time in which they hold the number) and sequence
    (the first entry that makes it known), one row per pair and company, the earliest.
    """
    is_phone, is_user = nw.col("kind_code") == "phone", nw.col("kind_code") == "user_id"
    is_odd = nw.col("is_group") | ~(is_phone | is_user).fill_null(True)
    named = statuses.with_columns(
        phone=nw.when(is_phone).then(nw.col("identifier_digest")),
        user=nw.when(is_user).then(nw.col("identifier_digest")),
        phone_known=nw.when(is_phone).then(nw.col("sequence")),
        user_known=nw.when(is_user).then(nw.col("sequence")),
        odd=nw.when(is_odd).then(nw.lit(1)).otherwise(nw.lit(0)),
    )
    messages = named.group_by("message_id").agg(
        nw.col("phone").min().alias("left_digest"),
        nw.col("phone").max().alias("last_phone"),
        nw.col("user").min().alias("right_digest"),
        nw.col("user").max().alias("last_user"),
        nw.col("phone_known").min(),
        nw.col("user_known").min(),
        nw.col("odd").max(),
        nw.col("occurred_at").min(),
    )
    is_one = (
        (nw.col("left_digest") == nw.col("last_phone"))
        & (nw.col("right_digest") == nw.col("last_user"))
        & (nw.col("odd") == 0)
    ).fill_null(False)
    pair = ["left_digest", "right_digest"]
    one = (
        messages.filter(is_one)
        .join(
            named.group_by("message_id", "entity").agg(nw.col("sequence").min()), on="message_id", how="inner"
        )
        .with_columns(sequence=nw.max_horizontal("sequence", "phone_known", "user_known"))
        .select(*pair, "entity", "occurred_at", "sequence")
        .unique(subset=[*pair, "entity"], keep="first", order_by=["occurred_at", "sequence"])
    )
    unclear = named.join(messages.filter(~is_one), on="message_id", how="semi")
    apart = (
        unclear.select("message_id", left_digest="phone")
        .join(unclear.select("message_id", right_digest="user"), on="message_id", how="inner")
        .select(*pair)
        .drop_nulls()
        .unique()
    )
    return one, apart
