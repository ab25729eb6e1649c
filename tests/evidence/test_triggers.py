from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from wa_analytics.database import Database
from wa_analytics.database.triggers import names, statements
from wa_analytics.evidence import log

ENTRY = "(sequence, capture_id, kind, provider, received_at, signature_code, ciphertext_digest, ciphertext)"
VALUES = "('x', 'capture', 'meta-cloud', '2026-01-01 00:00:00.000000', 'valid', 'x', 'x')"
CHECKPOINT = "(tree_size, root, note, created_at) VALUES ({}, 'x', 'x', '2026-01-01 00:00:00.000000')"

BOTH = [
    "UPDATE entry SET provider = 'other'",
    "UPDATE entry SET sequence = sequence + 10",
    "DELETE FROM entry",
    "DELETE FROM entry WHERE sequence = 2",
    "UPDATE checkpoint SET note = 'other'",
    "DELETE FROM checkpoint",
    f"INSERT INTO entry {ENTRY} VALUES (1, {VALUES[1:]}",
    f"INSERT INTO entry {ENTRY} VALUES (1, {VALUES[1:]}"
    " ON CONFLICT (sequence) DO UPDATE SET provider = excluded.provider",
]
SQLITE = [
    f"INSERT OR REPLACE INTO entry {ENTRY} VALUES (1, {VALUES[1:]}",
    f"REPLACE INTO entry {ENTRY} VALUES (1, {VALUES[1:]}",
    f"INSERT INTO entry {ENTRY} VALUES (7, {VALUES[1:]}",
    "UPDATE OR REPLACE entry SET sequence = 0 WHERE sequence = 1",
    f"INSERT OR REPLACE INTO checkpoint {CHECKPOINT.format(3)}",
]
POSTGRESQL = [
    "TRUNCATE entry",
    "TRUNCATE entry CASCADE",
    "TRUNCATE checkpoint",
    "SET session_replication_role = replica; DELETE FROM entry",
    "MERGE INTO entry USING (SELECT 1 AS s) g ON entry.sequence = g.s WHEN MATCHED THEN DELETE",
]


def _refused(database: Database, sql: str) -> None:
    before = log.entries(database)
    *preparations, change = sql.split("; ")
    with database.engine.connect() as connection:
        for preparation in preparations:
            connection.execute(text(preparation))
        with pytest.raises(DBAPIError, match=r"(?i)never|only grows|duplicate key"):
            connection.execute(text(change))
    assert log.entries(database) == before
    assert database.scalar("SELECT count(*) FROM checkpoint") == 1


@pytest.fixture
def three(database: Database, filled: Callable[[int], None]) -> Database:
    filled(3)
    with database.writing() as writer:
        writer.execute(f"INSERT INTO checkpoint {CHECKPOINT.format(3)}")
    return database


@pytest.mark.parametrize("sql", BOTH)
def test_recorded_rows_do_not_change(sql: str, three: Database) -> None:
    _refused(three, sql)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sql", SQLITE)
def test_sqlite_refuses_replacement_and_gaps(sql: str, three: Database) -> None:
    _refused(three, sql)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("sql", POSTGRESQL)
def test_postgresql_refuses_its_own_ways(sql: str, three: Database) -> None:
    _refused(three, sql)


def test_the_migration_makes_every_trigger(database: Database) -> None:
    sql = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgname LIKE '%refuses%'",
    }[database.dialect]
    with database.reading() as connection:
        assert {row[0] for row in connection.execute(text(sql))} == names(database.dialect)
    made = [s for s in statements(database.dialect) if s.startswith("CREATE TRIGGER")]
    assert len(made) == len(names(database.dialect))
