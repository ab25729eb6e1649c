"""The schema: made by migrations, equal to the tables, the same on both databases."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, String, inspect
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.database import Database, shadow
from wa_analytics.database.triggers import names as trigger_names
from wa_analytics.errors import DatabaseUnavailable
from wa_analytics.tables.column import Instant


def differences(engine: Engine) -> list[object]:
    """What Alembic would still have to do to make the database's schema the tables'."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'wa.db'}")
    else:
        opened = Database(request.getfixturevalue("empty_postgresql_url"))
    yield opened
    opened.close()


def test_migrations_make_exactly_the_tables(empty: Database) -> None:
    assert not empty.is_current()
    empty.migrate()
    assert empty.is_current()
    assert differences(empty.engine) == []
    made = set(inspect(empty.engine).get_table_names()) - {"alembic_version"}
    assert made == {str(table.__tablename__) for table in t.TABLES}
    empty.migrate()
    assert differences(empty.engine) == []


def test_tables_of_a_newer_version_are_refused_in_one_sentence(empty: Database) -> None:
    empty.migrate()
    with empty.writing() as writer:
        writer.execute("UPDATE alembic_version SET version_num = '9999'")
    for use in (empty.is_current, empty.migrate):
        with pytest.raises(DatabaseUnavailable, match=r"A newer version made these tables \(migration 9999"):
            use()


@pytest.mark.parametrize("names", ["0001", "0002", None])
def test_tables_that_are_not_those_of_their_version_are_told(empty: Database, names: str | None) -> None:
    empty.migrate()
    with empty.writing() as writer:
        writer.execute("DELETE FROM alembic_version")
        if names:
            writer.execute("INSERT INTO alembic_version VALUES (:names)", {"names": names})
    assert not empty.is_current()
    with pytest.raises(DatabaseUnavailable, match="not those of the version that the database names"):
        empty.migrate()


def test_an_upgrade_that_is_cut_short_never_happened(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    def cut_short(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(op, "add_column", cut_short)
        with pytest.raises(KeyboardInterrupt):
            empty.migrate()
    assert inspect(empty.engine).get_table_names() == []
    empty.migrate()
    assert empty.is_current()
    assert differences(empty.engine) == []


def test_a_role_that_may_not_write_is_told_in_one_sentence(empty_postgresql_url: str) -> None:
    """By name of the driver where rows are copied, by SQLAlchemy's else."""
    owner = Database(empty_postgresql_url)
    role = f"reader_{uuid.uuid4().hex[:8]}"
    with owner.writing() as writer:
        writer.execute(f"CREATE ROLE {role} LOGIN")
    reader = Database(str(make_url(owner.url).set(username=role)))
    sentence = "The role may not write all of the database"
    try:
        with pytest.raises(DatabaseUnavailable, match=sentence):
            reader.migrate()
        owner.migrate()
        with owner.writing() as writer:
            writer.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        with pytest.raises(DatabaseUnavailable, match=sentence), reader.writing() as writer:
            writer.append(t.Channel, ["channel_id"], [("1",)])
        with pytest.raises(DatabaseUnavailable, match=sentence), reader.writing() as writer:
            writer.execute("DELETE FROM channel")
        with pytest.raises(DatabaseUnavailable, match=sentence):
            shadow.made(reader, t.DERIVED)
    finally:
        reader.close()
        with owner.writing() as writer:
            writer.execute(f"DROP OWNED BY {role}")
            writer.execute(f"DROP ROLE {role}")
        owner.close()


def test_a_missing_or_further_column_is_seen(empty: Database) -> None:
    """The comparison above can fail."""
    empty.migrate()
    with empty.writing() as writer:
        writer.execute("ALTER TABLE channel ADD COLUMN colour VARCHAR")
        writer.execute("DROP INDEX ix_message_party_id")
    assert {change[0] for change in differences(empty.engine)} == {"remove_column", "add_index"}  # type: ignore[index]


def test_instants_are_timestamptz_on_postgresql(postgresql_url: str) -> None:
    opened = Database(postgresql_url)
    kinds = opened.frame(
        "SELECT DISTINCT data_type AS kind FROM information_schema.columns "
        "WHERE table_schema = 'public' AND (column_name LIKE '%\\_at' OR column_name = 'as_of')"
    )
    opened.close()
    assert kinds["kind"].to_list() == ["timestamp with time zone"]


def test_triggers_guard_the_evidence(database: Database) -> None:
    source = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname AS name FROM pg_trigger WHERE NOT tgisinternal",
    }
    assert trigger_names(database.dialect) <= set(database.frame(source[database.dialect])["name"])


# --- the tables as declared -----------------------------------------------------------------------

COLUMNS = [(table, column) for table in t.TABLES for column in table.__table__.columns]  # type: ignore[attr-defined]


def test_every_table_is_listed() -> None:
    assert {str(table.__tablename__) for table in t.TABLES} == set(SQLModel.metadata.tables)


def test_every_column_says_what_it_is_and_whether_it_may_show_a_person() -> None:
    for table, column in COLUMNS:
        place = f"{table.__tablename__}.{column.name}"
        assert column.info.get("privacy") in ("clear", "digest", "sealed"), place
        assert column.info.get("meaning"), place
        is_digest = column.name.endswith("_digest") or column.name in ("message_id", "party_id", "event_id")
        if is_digest and isinstance(column.type, String):
            assert column.info["privacy"] == "digest", place


def test_names_tell_their_kind() -> None:
    """`*_at` is an instant, an instant's name tells a moment, `is_/has_/was_` is a Boolean; one name,
    one type, since frames are typed by name."""
    kinds: dict[str, set[str]] = {}
    for _, column in COLUMNS:
        kinds.setdefault(column.name, set()).add(f"{type(column.type).__name__}")
        tells_a_moment = column.name.endswith(("_at", "_from", "_to", "_until", "_by"))
        if isinstance(column.type, Instant):
            assert tells_a_moment or column.name in ("as_of", "at"), column.name
        assert isinstance(column.type, Instant) or not column.name.endswith("_at"), column.name
        if column.name.startswith(("is_", "has_", "was_")):
            assert column.type.python_type is bool, column.name
    text, whole = {"AutoString", "String"}, {"Integer", "BigInteger"}
    mixed = {
        name for name, found in kinds.items() if not (len(found) == 1 or found <= text or found <= whole)
    }
    # Bytes where it is looked up for every capture, text where rules name the few they speak of.
    assert mixed == {"recognition_digest"}
