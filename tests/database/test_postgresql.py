"""A server that others use and administer too: their locks, their old transactions, their settings."""

from __future__ import annotations

import uuid

import psycopg
import pytest
from sqlalchemy.engine import make_url

from wa_analytics.database import Database
from wa_analytics.errors import DatabaseUnavailable, EvidenceBroken
from wa_analytics.evidence.disposal import swept


@pytest.fixture
def wrapping_key(postgresql_url: str) -> str:
    """A database with one wrapping key; its URL."""
    database = Database(postgresql_url)
    with database.writing() as writer:
        writer.execute(
            "INSERT INTO wrapping_key (wrapping_key_id, created_at, wrapped) VALUES (1, now(), 'made up')"
        )
    database.close()
    return postgresql_url


def test_a_lock_that_is_never_given_up_is_told_in_a_sentence(
    wrapping_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a dump of the database holds for hours, or a session left open in a transaction."""
    monkeypatch.setattr("wa_analytics.database.BUSY_SECONDS", 1)
    holder, other = Database(wrapping_key), Database(wrapping_key)
    with holder.reading() as reading:
        reading.exec_driver_sql("SELECT 1 FROM wrapping_key")
        with pytest.raises(DatabaseUnavailable, match="locked by another program for more than 1 s"):
            swept(other)
    swept(other)
    holder.close()
    other.close()


def test_a_destroyed_key_that_an_older_transaction_still_sees_is_told(wrapping_key: str) -> None:
    """PostgreSQL then writes it into the new table too."""
    holder, other = Database(wrapping_key), Database(wrapping_key)
    with holder.engine.connect() as looking:
        looking = looking.execution_options(isolation_level="REPEATABLE READ")
        looking.exec_driver_sql("SELECT 1 FROM channel")
        with other.writing() as writer:
            writer.execute("UPDATE wrapping_key SET wrapped = NULL")
        with pytest.raises(EvidenceBroken, match="older transaction of another program"):
            swept(other)
    swept(other)
    holder.close()
    other.close()


def test_statistics_keep_no_key(wrapping_key: str) -> None:
    """ANALYZE, which the server calls by itself too, keeps a sample of each column's values."""
    database = Database(wrapping_key)
    with database.writing() as writer:
        writer.execute(
            "INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest) "
            "SELECT number, 1, sha256(number::text::bytea), sha256(number::text::bytea) "
            "FROM generate_series(1, 300) AS number"
        )
        writer.execute("ANALYZE entry_key, wrapping_key")
        kept = {
            (table, column)
            for table, column in writer.rows(
                "SELECT tablename, attname FROM pg_stats WHERE tablename IN ('entry_key', 'wrapping_key')"
            )
        }
    assert {("entry_key", "wrapping_key_id"), ("wrapping_key", "wrapping_key_id")} <= kept
    secret = {("entry_key", "wrapped_key"), ("entry_key", "recognition_digest"), ("wrapping_key", "wrapped")}
    assert not secret & kept
    database.close()


def test_what_address_or_environment_ask_of_the_server_stays(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema of the company's own, a timeout; as psql takes them."""
    asked = Database(f"{postgresql_url}&options=-csearch_path%3Dwa%20-ctimezone%3DAsia/Tokyo")
    assert [asked.scalar(f"SHOW {name}") for name in ("search_path", "timezone")] == ["wa", "UTC"]
    asked.close()
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=7s")
    asked = Database(postgresql_url)
    assert asked.scalar("SHOW lock_timeout") == "7s"
    asked.close()


def test_a_connection_that_the_server_closed_is_opened_anew(postgresql_url: str) -> None:
    """For being idle too long, or because the server started again."""
    database, other = Database(postgresql_url), Database(postgresql_url)
    idle = database.scalar("SELECT pg_backend_pid()")
    assert other.scalar("SELECT pg_terminate_backend(:pid, 5000)", pid=idle)
    assert database.scalar("SELECT pg_backend_pid()") != idle
    database.close()
    other.close()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("postgresql://wa:s/e@cret@127.0.0.1/wa", "more than one @"),
        ("postgresql://wa:secret@127.0.0.1:port/wa", "cannot be read"),
        ("postgresql+psycopg2://wa:secret@127.0.0.1:1/wa", "127.0.0.1:1/wa cannot be used"),
        ("postgresql+asyncpg://wa:secret@127.0.0.1:1/wa", "127.0.0.1:1/wa cannot be used"),
        ("{nowhere}", "/nowhere is not there, or its role is not"),
        ("{nobody}", "is not there, or its role is not"),
        ("{full}", "has no connection left"),
        ("{hasty}", "statement_timeout"),
    ],
)
def test_a_server_that_refuses_is_told_in_a_sentence_without_password(
    postgresql_url: str, asked: str, sentence: str
) -> None:
    maintained = Database(postgresql_url)
    with maintained.writing() as writer:
        writer.execute("DROP ROLE IF EXISTS wa_full")
        writer.execute("CREATE ROLE wa_full LOGIN CONNECTION LIMIT 0")
    url = make_url(postgresql_url)
    urls = {
        "nowhere": url.set(database="nowhere"),
        "nobody": url.set(username="nobody"),
        "full": url.set(username="wa_full"),
        "hasty": url.update_query_dict({"options": "-cstatement_timeout=20"}),
    }
    there = {name: one.render_as_string(hide_password=False) for name, one in urls.items()}
    with pytest.raises(DatabaseUnavailable, match=sentence) as told:
        Database(asked.format(**there)).scalar("SELECT pg_sleep(1)")
    assert "cret" not in str(told.value)
    with maintained.writing() as writer:
        writer.execute("DROP ROLE wa_full")
    maintained.close()


def test_a_database_of_another_encoding_is_refused_before_it_has_tables(postgresql_server: str) -> None:
    latin = f"wa_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        database = Database(postgresql_server.replace("/postgres?", f"/{latin}?"))
        with pytest.raises(DatabaseUnavailable, match="keeps text as LATIN1"):
            database.migrate()
        assert database.is_empty()
        database.close()
        connection.execute(f"DROP DATABASE {latin}")
