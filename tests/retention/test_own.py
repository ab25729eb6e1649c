"""Our own records: past their ceiling and every floor they go, otherwise they stay."""

from __future__ import annotations

from datetime import UTC, datetime

import narwhals as nw
import polars as pl
import pytest

from wa_analytics.retention.own import own_due
from wa_analytics.retention.schedule import ScheduleRow, read_schedule
from wa_analytics.settings import Entity

AS_OF = datetime(2030, 3, 1, tzinfo=UTC)
BANK = Entity(key="bank", kind="broker_dealer", jurisdiction="US")
AIR = Entity(key="air", kind="airline", jurisdiction="GB")


def row(**given: object) -> ScheduleRow:
    return ScheduleRow(**({"record_class": "journal", "trigger": "created_at"} | given))  # type: ignore[arg-type]


def due(rows: list[ScheduleRow], entity: str | None, created: datetime, *companies: Entity) -> bool:
    records = pl.DataFrame(
        {"record_id": ["r"], "entity": [entity], "triggered_at": [created]},
        schema={"record_id": pl.String, "entity": pl.String, "triggered_at": pl.Datetime("us", "UTC")},
    )
    found = own_due(nw.from_native(records.lazy()), rows, "journal", companies or (BANK, AIR), AS_OF)
    return bool(found.collect("polars").to_native().height)


YEAR_OLD, DAY_SHORT = datetime(2029, 3, 1, tzinfo=UTC), datetime(2029, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "entity", "created", "expected"),
    [
        ([row(ceiling="P1Y")], None, YEAR_OLD, True),
        ([row(ceiling="P1Y")], None, DAY_SHORT, False),
        ([row(floor="P1Y")], None, YEAR_OLD, False),
        ([row(ceiling="P1Y"), row(floor="P2Y")], None, YEAR_OLD, False),
        ([row(ceiling="P1Y", record_class="finding")], None, YEAR_OLD, False),
        ([row(ceiling="P1Y", entity_kind="airline")], "air", YEAR_OLD, True),
        ([row(ceiling="P1Y", entity_kind="airline")], "bank", YEAR_OLD, False),
        # Nobody's alone: a floor of any company holds it, a ceiling of any company ends it.
        ([row(ceiling="P1Y"), row(floor="P6Y", entity_kind="broker_dealer")], None, YEAR_OLD, False),
        ([row(ceiling="P1Y"), row(floor="P6Y", entity_kind="clinic")], None, YEAR_OLD, True),
    ],
)  # fmt: skip
def test_what_goes(rows: list[ScheduleRow], entity: str | None, created: datetime, expected: bool) -> None:
    assert due(rows, entity, created) is expected


def test_the_shipped_schedule_lets_nothing_of_ours_go_by_itself() -> None:
    assert not due(list(read_schedule()), None, datetime(1999, 1, 1, tzinfo=UTC))
