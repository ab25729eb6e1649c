"""The customer service window: 24 hours after the person's last message or call.

Source: Meta, "Send messages" (customer service window); WhatsApp Business Messaging Policy.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]

WINDOW_HOURS = 24


def windows(sends: Frame, contacts: Frame, inbound_channels: Collection[str]) -> Frame:
    """(message_id, window_code) of free-form sends.

    sends: message_id, party_id, channel_id, sent_at.
    contacts: party_id, channel_id, at (inbound messages and calls; system messages left out).
    inbound_channels: channels with any inbound captured.
    Code: inside, outside; not_evaluated where the party or channel is unknown or the channel has no
    inbound captured at all.
    """
    key = ["party_id", "channel_id"]
    stream = nw.concat(
        [
            contacts.select(
                *key,
                "at",
                nw.lit(0).alias("order"),
                nw.lit(None, dtype=nw.String).alias("message_id"),
                nw.col("at").alias("last_at"),
            ),
            sends.select(
                *key,
                nw.col("sent_at").alias("at"),
                nw.lit(1).alias("order"),
                nw.col("message_id"),
                nw.lit(None, dtype=nw.Datetime("us", "UTC")).alias("last_at"),
            ),
        ]
    )
    read = (
        stream.filter(~nw.col("party_id").is_null() & ~nw.col("channel_id").is_null())
        .with_columns(
            last_at=nw.col("last_at")
            .fill_null(strategy="forward")
            .over(*key, order_by=["at", "order", "message_id"])
        )
        .filter(~nw.col("message_id").is_null())
        .select("message_id", "last_at", is_placed=nw.lit(1))
    )
    is_captured = nw.col("channel_id").is_in(sorted(inbound_channels)).fill_null(False)
    inside = nw.col("sent_at") < nw.col("last_at").dt.offset_by(f"{WINDOW_HOURS}h")
    return sends.join(read, on="message_id", how="left").select(
        "message_id",
        nw.when(~is_captured | nw.col("is_placed").is_null())
        .then(nw.lit("not_evaluated"))
        .otherwise(nw.when(inside.fill_null(False)).then(nw.lit("inside")).otherwise(nw.lit("outside")))
        .alias("window_code"),
    )
