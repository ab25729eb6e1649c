"""New tables beside the old ones: filled at leisure, then swapped in by name in one moment."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, inspect
from sqlmodel import SQLModel

from wa_analytics.database.pace import Pace

if TYPE_CHECKING:
    from wa_analytics.database import Database

NEW, OLD = "new_", "old_"
CHUNK, LARGEST_CHUNK = 5_000, 20_000


def made(database: Database, tables: Sequence[type[SQLModel]]) -> None:
    """Empty tables named `new_…`; leftovers of an interrupted rebuild go first."""
    _dropped(database, NEW, tables)
    _dropped(database, OLD, tables)
    with database.reading() as connection:
        looked = inspect(connection)
        taken = {index["name"] for table in tables for index in looked.get_indexes(str(table.__tablename__))}
    metadata = MetaData()
    for table in tables:
        copy = table.__table__.to_metadata(metadata, name=NEW + str(table.__tablename__))  # type: ignore[attr-defined]
        for index in copy.indexes:
            plain = str(index.name).replace(f"ix_{NEW}", "ix_")
            index.name = f"{plain}_b" if plain in taken else plain
    with database.writing() as writer:
        metadata.create_all(writer.connection)


def swapped(database: Database, tables: Sequence[type[SQLModel]]) -> None:
    """`new_…` takes the name, what stood there is emptied and dropped.

    All names change at once, so on SQLite this is the one write that may hold the lock longer than
    100 ms: each renaming reads the schema anew, some milliseconds, however many rows there are.
    """
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
    with database.reading() as connection:
        there = set(inspect(connection).get_table_names())
    for table in tables:
        name = f"{prefix}{table.__tablename__}"
        if name not in there:
            continue
        if database.dialect == "sqlite":
            pace, rows = Pace(CHUNK, LARGEST_CHUNK), 1
            while rows:
                some = f'SELECT rowid FROM "{name}" LIMIT {pace.rows}'
                with database.writing() as writer:
                    begun = perf_counter()
                    rows = writer.execute(f'DELETE FROM "{name}" WHERE rowid IN ({some})')
                pace.learn(rows, perf_counter() - begun)
        with database.writing() as writer:
            writer.execute(f'DROP TABLE "{name}"')
