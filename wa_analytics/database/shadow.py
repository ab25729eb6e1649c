"""New tables beside the old ones: filled at leisure, then swapped in by name in one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, inspect
from sqlmodel import SQLModel

if TYPE_CHECKING:
    from wa_analytics.database import Database

NEW, OLD = "new_", "old_"
CHUNK = 20_000


def made(database: Database, tables: Sequence[type[SQLModel]]) -> None:
    """Empty tables named `new_…`; leftovers of an interrupted rebuild go first."""
    _dropped(database, NEW, tables)
    _dropped(database, OLD, tables)
    taken = {
        index["name"]
        for table in tables
        for index in inspect(database.engine).get_indexes(str(table.__tablename__))
    }
    metadata = MetaData()
    for table in tables:
        copy = table.__table__.to_metadata(metadata, name=NEW + str(table.__tablename__))  # type: ignore[attr-defined]
        for index in copy.indexes:
            plain = str(index.name).replace(f"ix_{NEW}", "ix_")
            index.name = f"{plain}_b" if plain in taken else plain
    with database.engine.connect() as connection:
        connection = connection.execution_options(immediate=True)
        with connection.begin():
            metadata.create_all(connection)


def swapped(database: Database, tables: Sequence[type[SQLModel]]) -> None:
    """`new_…` takes the name, what stood there is emptied and dropped."""
    with database.writing() as writer:
        for table in tables:
            name = table.__tablename__
            writer.execute(f'ALTER TABLE "{name}" RENAME TO "{OLD}{name}"')
            writer.execute(f'ALTER TABLE "{NEW}{name}" RENAME TO "{name}"')
    _dropped(database, OLD, tables)


def dropped(database: Database, tables: Sequence[type[SQLModel]]) -> None:
    """`new_…` goes, what stands stays: for whoever only wanted to look."""
    _dropped(database, NEW, tables)


def _dropped(database: Database, prefix: str, tables: Sequence[type[SQLModel]]) -> None:
    """Drop in small steps: freeing a large SQLite table at once would hold the lock too long."""
    there = set(inspect(database.engine).get_table_names())
    for table in tables:
        name = f"{prefix}{table.__tablename__}"
        if name not in there:
            continue
        if database.dialect == "sqlite":
            while True:
                with database.writing() as writer:
                    if not writer.execute(
                        f'DELETE FROM "{name}" WHERE rowid IN (SELECT rowid FROM "{name}" LIMIT {CHUNK})'
                    ):
                        break
        with database.writing() as writer:
            writer.execute(f'DROP TABLE "{name}"')
