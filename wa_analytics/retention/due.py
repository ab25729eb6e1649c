"""What is to be disposed of, what a person decided about two rules that contradict each other.

`retention_code`: scheduled, held (a legal hold suspends the ceiling), conflict, unscheduled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]

KEEP_UNTIL_FLOOR, DISPOSE_AT_CEILING = "keep_until_floor", "dispose_at_ceiling"
DECISIONS = (KEEP_UNTIL_FLOOR, DISPOSE_AT_CEILING)


def decided(kept: Frame, decisions: Mapping[str, str]) -> Frame:
    """The schedule's answer with the decisions of people in it.

    kept: columns of `schedule.scheduled`. decisions: `<floor row>|<ceiling row>` → keep_until_floor
    (the ceiling waits for the floor) or dispose_at_ceiling (the floor ends with the ceiling). The
    messages of a decided pair become scheduled.
    """
    if not decisions:
        return kept
    pair = nw.concat_str(["retain_rule", "dispose_rule"], separator="|")
    is_conflict = nw.col("retention_code") == "conflict"

    def told(code: str) -> Any:
        pairs = sorted(name for name, decision in decisions.items() if decision == code)
        return is_conflict & pair.is_in(pairs).fill_null(False) if pairs else nw.lit(False)

    keeps, disposes = told(KEEP_UNTIL_FLOOR), told(DISPOSE_AT_CEILING)
    return kept.with_columns(keeps=keeps, disposes=disposes).select(
        "message_id",
        nw.when(nw.col("disposes"))
        .then(nw.col("dispose_by"))
        .otherwise(nw.col("retain_until"))
        .alias("retain_until"),
        "retain_rule",
        nw.when(nw.col("keeps"))
        .then(nw.col("retain_until"))
        .otherwise(nw.col("dispose_by"))
        .alias("dispose_by"),
        "dispose_rule",
        nw.when(nw.col("keeps") | nw.col("disposes"))
        .then(nw.lit("scheduled"))
        .otherwise(nw.col("retention_code"))
        .alias("retention_code"),
    )


def suspended(kept: Frame) -> Frame:
    """Scheduled messages with a `hold_id` become held."""
    is_held = (nw.col("retention_code") == "scheduled") & ~nw.col("hold_id").is_null()
    return kept.with_columns(
        retention_code=nw.when(is_held).then(nw.lit("held")).otherwise(nw.col("retention_code"))
    )


def disposal_due(
    messages: Frame, as_of: datetime, code: str = "scheduled", *, with_bodiless: bool = False
) -> Frame:
    """The messages whose ceiling has passed and whose content is held.

    messages: columns of `message`. code: `scheduled` for what is to go, `held` for what a hold keeps.
    with_bodiless: those too of which only statuses or a row without text are held.
    """
    is_held = nw.lit(True) if with_bodiless else nw.col("has_body")
    return messages.filter(
        is_held
        & (nw.col("retention_code") == code)
        & (nw.col("dispose_by") <= nw.lit(as_of)).fill_null(False)
    )
