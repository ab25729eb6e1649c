"""The hand of someone who may do anything to the database but has no key: drops the triggers,
changes rows, and puts the triggers back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wa_analytics.database import Database
from wa_analytics.database.bulk import Writer
from wa_analytics.database.triggers import GUARDED, names, statements


@contextmanager
def unguarded(database: Database) -> Iterator[Writer]:
    with database.writing() as writer:
        if database.dialect == "sqlite":
            for name in names("sqlite"):
                writer.execute(f"DROP TRIGGER {name}")
        else:
            for table in GUARDED:
                writer.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_refuses_change")
        yield writer
        if database.dialect == "sqlite":
            for statement in statements("sqlite"):
                writer.execute(statement)
        else:
            for table in GUARDED:
                writer.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuses_change")
