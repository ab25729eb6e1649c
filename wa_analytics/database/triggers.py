"""Triggers by which the database itself refuses to change what has been recorded.

They stand against mistakes and against whoever may write rows but not alter the schema; whoever
may alter the schema can drop them, so `wa verify` reads them back and the checkpoints kept
elsewhere prove what the triggers could not prevent.

SQLite: REPLACE deletes without firing delete triggers, hence the ones before INSERT. On `entry`
that one asks for the next sequence exactly, which refuses replacement, gaps and late insertion in
one look at the table's end. PostgreSQL: `ENABLE ALWAYS`, so that a session which calls itself a
replica is refused too.
"""

from __future__ import annotations

GUARDED = ("entry", "checkpoint")

_NEXT_ROW = {
    "entry": "NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM entry)",
    "checkpoint": "EXISTS (SELECT 1 FROM checkpoint WHERE tree_size = NEW.tree_size)",
}


def _sqlite(table: str) -> list[str]:
    refusals = {
        "update": "BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} never changes'); END",
        "delete": "BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} never shrinks'); END",
        "insert": "BEFORE INSERT ON {table} WHEN {condition} "
        "BEGIN SELECT RAISE(ABORT, '{table} only grows at its end'); END",
    }
    return [
        f"CREATE TRIGGER {table}_refuses_{name} " + body.format(table=table, condition=_NEXT_ROW[table])
        for name, body in refusals.items()
    ]


def _postgresql(table: str) -> list[str]:
    name = f"{table}_refuses_change"
    return [
        f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION evidence_refuses_change()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
    ]


_REFUSAL = (
    "CREATE FUNCTION evidence_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $body$ "
    "BEGIN RAISE EXCEPTION 'evidence never changes' USING ERRCODE = 'integrity_constraint_violation'; "
    "END $body$"
)


def statements(dialect: str) -> list[str]:
    """DDL for `sqlite` or `postgresql`, to run once after the tables are made."""
    if dialect == "sqlite":
        return [statement for table in GUARDED for statement in _sqlite(table)]
    return [_REFUSAL, *(statement for table in GUARDED for statement in _postgresql(table))]


def names(dialect: str) -> frozenset[str]:
    """Names of the triggers that `statements` makes."""
    if dialect == "sqlite":
        return frozenset(
            f"{table}_refuses_{change}" for table in GUARDED for change in ("update", "delete", "insert")
        )
    return frozenset(f"{table}_refuses_change" for table in GUARDED)
