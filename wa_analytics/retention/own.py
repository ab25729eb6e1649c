"""The schedule's rows for the workbench's own records: findings, check results, incidents, journal,
consent records.

Decision: a record of no single company (the journal, a consent given to all) is bound by the rows of
every company of the group; where a ceiling of one ends before a floor of another, nothing goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import narwhals as nw

from wa_analytics.retention.schedule import ScheduleRow, scheduled
from wa_analytics.settings import Entity

Frame = nw.LazyFrame[Any]


def own_due(
    records: Frame,
    rows: Sequence[ScheduleRow],
    record_class: str,
    entities: Sequence[Entity],
    as_of: datetime,
) -> Frame:
    """The records past their ceiling, and past every floor: record_id, dispose_rule.

    records: record_id, entity (null: the whole group's), triggered_at (creation, or the last entry of
    the person).
    """
    mine = [row for row in rows if row.record_class == record_class]
    of_one = [msgspec.structs.replace(row, trigger="sent_at") for row in mine]
    of_all = [
        msgspec.structs.replace(row, trigger="sent_at", entity_kind="", jurisdiction="")
        for row in mine
        if any(map(row.binds, entities))
    ]
    asked = records.select(
        nw.col("record_id").alias("message_id"),
        "entity",
        nw.col("triggered_at").alias("sent_at"),
        party_id=nw.lit(None, dtype=nw.String),
        record_class=nw.lit(""),
    )
    is_of_one = ~nw.col("entity").is_null()
    parts = [
        scheduled(part, [_unnamed(row) for row in bound], tuple(entities))
        for part, bound in ((asked.filter(is_of_one), of_one), (asked.filter(~is_of_one), of_all))
    ]
    return (
        nw.concat(parts)
        .filter(
            nw.col("retention_code") == "scheduled", (nw.col("dispose_by") <= nw.lit(as_of)).fill_null(False)
        )
        .select(nw.col("message_id").alias("record_id"), "dispose_rule")
    )


def _unnamed(row: ScheduleRow) -> ScheduleRow:
    """The row without its class, which the records were chosen by; the authority keeps it in the
    rule's name."""
    return msgspec.structs.replace(row, record_class="")
