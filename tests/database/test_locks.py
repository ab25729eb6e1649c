"""SQLite's lock rule: nothing this process does may drop the locks of its own open connections.

POSIX drops every lock that a process holds on a file as soon as it closes any descriptor of it, so
a second reader (`open`, another SQLite library) would let another process's committed rows vanish.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wa_analytics import tables as t
from wa_analytics.database import Database
from wa_analytics.errors import DatabaseUnavailable

COLUMNS = ("channel_id", "has_inbound")
ELSEWHERE = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], timeout=30)
    if sys.argv[2] == "count":
        print(connection.execute("SELECT count(*) FROM channel").fetchone()[0])
    else:
        with connection:
            connection.executemany(
                "INSERT INTO channel (channel_id, has_inbound) VALUES (?, 0)",
                [(f"{sys.argv[2]}-{number}",) for number in range(int(sys.argv[3]))])
    connection.close()
"""


def elsewhere(path: Path, *arguments: str) -> str:
    """What another process does with the file."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ELSEWHERE), str(path), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def touched_as_the_product_does(database: Database) -> None:
    """Everything this process does with the file besides writing."""
    database.table(t.Channel)
    database.frame("SELECT count(*) AS number FROM channel")
    with database.session() as session:
        session.get(t.Channel, "none")
    assert database.is_current()
    database.migrate()
    second = Database(database.url)
    second.scalar("SELECT count(*) FROM channel")
    second.close()


def test_nothing_vanishes_beside_an_idle_connection(tmp_path: Path) -> None:
    path = tmp_path / "wa.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.engine.connect() as idle:
        idle.exec_driver_sql("SELECT count(*) FROM channel").fetchall()
        idle.rollback()
        touched_as_the_product_does(database)
        elsewhere(path, "second", "500")
        with database.writing() as writer:
            writer.append(t.Channel, COLUMNS, [(f"first-{number}", False) for number in range(500)])
        assert elsewhere(path, "count") == "1000"
    database.close()
    assert elsewhere(path, "count") == "1000"
    again = Database(f"sqlite:///{path}")
    assert again.scalar("SELECT count(*) FROM channel WHERE channel_id LIKE 'second%'") == 500
    assert again.frame("PRAGMA integrity_check").row(0) == ("ok",)
    again.close()


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "wa.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.writing() as writer:
        writer.append(t.Channel, COLUMNS, [("unfinished", False)])
        assert elsewhere(path, "count") == "0"
    assert elsewhere(path, "count") == "1"
    database.close()


def test_a_lock_that_is_never_given_up_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wa_analytics.database.BUSY_SECONDS", 0)
    holder, other = (Database(f"sqlite:///{tmp_path / 'wa.db'}") for _ in "12")
    holder.migrate()
    with (
        holder.writing(),
        pytest.raises(DatabaseUnavailable, match="locked by another program"),
        other.writing(),
    ):
        pytest.fail("two writers at once")
    holder.close()
    other.close()


def test_a_failure_that_the_driver_does_not_name_is_told_in_a_sentence(database: Database) -> None:
    """psycopg has only DatabaseError, without SQLSTATE, for a server that was stopped at once; sqlite3
    for a file that is damaged."""
    driver = database.engine.dialect.loaded_dbapi
    assert driver is not None
    for use in (database.reading, database.writing, database.session):
        with pytest.raises(DatabaseUnavailable, match="cannot be used"), use():
            raise driver.DatabaseError("server closed the connection unexpectedly")
        with pytest.raises(driver.IntegrityError), use():
            raise driver.IntegrityError("a row that is there already")
