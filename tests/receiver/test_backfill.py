"""The write-ahead file is brought over while others write and read, and nothing is lost by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database.test_locks import elsewhere
from wa_analytics import tables as t
from wa_analytics.database import Database
from wa_analytics.receiver import backfill
from wa_analytics.receiver.archive import impatient
from wa_analytics.receiver.backfill import Backfill


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(backfill, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(backfill, "LONG_PAGES", 200)
    database = impatient(f"sqlite:///{tmp_path / 'wa.db'}")
    database.migrate()
    yield database
    database.close()


def written_to(database: Database, beside: Backfill, mark: str) -> float:
    """100 commits of 20 kB; the longest one in seconds."""
    longest = 0.0
    for batch in range(100):
        begun = time.monotonic()
        with database.writing() as writer:
            writer.append(
                t.Channel,
                ("channel_id", "has_inbound"),
                [(f"{mark}-{batch}-{n}-{'x' * 900}", False) for n in range(20)],
            )
        beside.want()
        longest = max(longest, time.monotonic() - begun)
    return longest


def test_the_file_starts_anew_and_every_row_stays(written: Database, tmp_path: Path) -> None:
    beside = Backfill(written)
    written_to(written, beside, "first")
    pages = written.frame("PRAGMA page_count").row(0)[0]
    end = time.monotonic() + 30
    while (tmp_path / "wa.db").stat().st_size < pages * 4_096 and time.monotonic() < end:
        beside.want()
        time.sleep(0.05)
    written_to(written, beside, "second")
    beside.stop()
    assert not beside.is_alive()
    # Each half writes some 9 MB.
    assert (tmp_path / "wa.db-wal").stat().st_size < 12_000_000
    assert elsewhere(tmp_path / "wa.db", "count") == "4000"
    assert written.frame("PRAGMA integrity_check").row(0) == ("ok",)


def test_a_long_read_holds_up_no_commit(written: Database, tmp_path: Path) -> None:
    beside = Backfill(written)
    with written.engine.connect() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM channel").scalar() == 0
        longest = written_to(written, beside, "beside")
        assert reader.exec_driver_sql("SELECT count(*) FROM channel").scalar() == 0
    beside.stop()
    assert longest < 2.5
    assert elsewhere(tmp_path / "wa.db", "count") == "2000"
