"""What a process beside reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wa_analytics import tables as t
from wa_analytics.database import Database
from wa_analytics.errors import DatabaseUnavailable
from wa_analytics.pipeline.refreshing.reading import read_beside

COLUMNS = ("message_id", "status_code", "occurred_at", "error_code")


def test_another_process_reads_the_same(database: Database) -> None:
    with database.session() as session:
        for sequence, error in enumerate((None, 131_050)):
            session.add(
                t.StatusFact(
                    sequence=sequence,
                    message_id=f"{sequence:032}",
                    status_code="failed",
                    occurred_at=datetime(2026, 3, 10, 12, sequence, tzinfo=UTC),
                    is_group=False,
                    error_code=error,
                )
            )
    with read_beside(database, {t.StatusFact: COLUMNS, t.Channel: ("channel_id",)}, "") as ahead:
        read, none = ahead[t.StatusFact](), ahead[t.Channel]()
    assert none.is_empty()
    assert read.height == 2
    assert read.sort("message_id").equals(
        database.table(t.StatusFact, columns=COLUMNS).sort("message_id"), null_equal=True
    )


def test_what_it_could_not_read_is_told_here(database: Database) -> None:
    with (
        read_beside(database, {t.StatusFact: COLUMNS}, "absent_") as ahead,
        pytest.raises(DatabaseUnavailable),
    ):
        ahead[t.StatusFact]()
