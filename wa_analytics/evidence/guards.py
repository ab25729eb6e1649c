"""Whether the triggers that refuse changes still stand as the migration made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wa_analytics.database.triggers import names, statements
from wa_analytics.evidence.broken import Findings
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database

# pg_trigger.tgtype: BEFORE (2) a DELETE (8), UPDATE (16) or TRUNCATE (32), per statement.
_POSTGRESQL_TYPE = 2 | 8 | 16 | 32


def check_guards(database: Database, findings: Findings) -> None:
    """Finds each trigger that is missing, switched off or says something else."""
    standing = _sqlite(database) if database.dialect == "sqlite" else _postgresql(database)
    for name in sorted(names(database.dialect) - standing):
        findings.of("trigger_missing", name)


def _sqlite(database: Database) -> set[str]:
    made = {statement.split()[2]: statement for statement in statements("sqlite")}
    rows = stored_rows(database, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {name for name, sql in rows if made.get(name) == sql}


def _postgresql(database: Database) -> set[str]:
    body = statements("postgresql")[0].split("$body$")[1]
    rows = stored_rows(
        database,
        "SELECT t.tgname::text, c.relname::text FROM pg_trigger t"
        " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
        " WHERE t.tgenabled = 'A' AND t.tgtype = ? AND t.tgqual IS NULL AND p.prosrc = ?"
        " AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'entry'::regclass)",
        (_POSTGRESQL_TYPE, body),
    )
    return {name for name, table in rows if name == f"{table}_refuses_change"}
