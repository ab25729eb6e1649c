"""Legal holds: which messages must be kept whatever a ceiling says.

A hold covers what fits every condition it names. A custodian's hold covers what they sent and the
conversations (person and channel) they took part in, since what was answered belongs to it.
Source: FRCP 37(e); GDPR Art. 17(3)(e).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import narwhals as nw

Frame = nw.LazyFrame[Any]


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold in force. is_personal: it names a person; party_id: who that is by now, None where
    nobody with that identifier is known."""

    hold_id: str
    matter: str = ""
    is_personal: bool = False
    party_id: str | None = None
    custodian_id: str | None = None
    channel_id: str | None = None
    sent_from: datetime | None = None
    sent_to: datetime | None = None


def with_hold(messages: Frame, holds: Sequence[Hold]) -> Frame:
    """Adds `hold_id`: the first hold, by its number, that covers the message; null for none.

    messages: party_id, custodian_id, channel_id, sent_at.
    """
    found: Any = nw.lit(None, dtype=nw.String)
    for hold in sorted(holds, key=lambda hold: hold.hold_id, reverse=True):
        found = nw.when(_covers(hold)).then(nw.lit(hold.hold_id)).otherwise(found)
    return messages.with_columns(hold_id=found)


def _covers(hold: Hold) -> Any:
    mask: Any = nw.lit(True)
    if hold.is_personal:
        mask = (nw.col("party_id") == hold.party_id).fill_null(False) if hold.party_id else nw.lit(False)
    if hold.custodian_id:
        sent = (nw.col("custodian_id") == hold.custodian_id).fill_null(False)
        spoke = nw.when(sent).then(nw.lit(1)).otherwise(nw.lit(0)).max().over("party_id", "channel_id")
        mask = mask & (sent | ((spoke == 1) & ~nw.col("party_id").is_null()))
    if hold.channel_id:
        mask = mask & (nw.col("channel_id") == hold.channel_id).fill_null(False)
    if hold.sent_from:
        mask = mask & (nw.col("sent_at") >= nw.lit(hold.sent_from))
    if hold.sent_to:
        mask = mask & (nw.col("sent_at") < nw.lit(hold.sent_to))
    return mask
