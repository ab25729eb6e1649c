"""What a driver says where the database cannot be used, in one sentence without role and password."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError, ProgrammingError

from wa_analytics.errors import DatabaseUnavailable

# PostgreSQL's words for it.
UNDEFINED_TABLE, DISK_FULL, LOCK_NOT_AVAILABLE, NOT_ALLOWED = "42P01", "53100", "55P03", "42501"
ENCODINGS = ("UTF8", "SQL_ASCII")
# A server that refuses to connect says so in words alone.
REFUSALS = {
    "statement timeout": "ends statements after its statement_timeout; raise it for this role",
    "password authentication failed": "refuses the role or its password; correct the database URL "
    "(signs in a password are written as %40 and the like)",
    "no password supplied": "wants a password; put it into the database URL or ~/.pgpass",
    "too many": "has no connection left; close some or raise max_connections",
    "connection slots": "has no connection left; close some or raise max_connections",
    "does not exist": "is not there, or its role is not; create it or correct the database URL",
}
TABLES_DIFFER = ("42P07", "42701", "42703", "42704", "42710", UNDEFINED_TABLE)


def tables_differ(error: OperationalError | ProgrammingError) -> bool:
    """Whether a migration found a table or column that it was to make, or not what it was to alter."""
    said = str(error.orig)
    return getattr(error.orig, "sqlstate", "") in TABLES_DIFFER or any(
        word in said for word in ("duplicate column", "already exists", "no such")
    )


def sentence(error: Exception, place: str, lock_seconds: int) -> DatabaseUnavailable:
    """For the error of a driver or SQLAlchemy's around it."""
    driver = getattr(error, "orig", error)
    cause, state = str(driver).splitlines()[0], getattr(driver, "sqlstate", "")
    if "locked" in cause or state == LOCK_NOT_AVAILABLE:
        return DatabaseUnavailable(
            f"The database is locked by another program for more than {lock_seconds} s; "
            "stop it or try again later."
        )
    if "no such table" in cause or state == UNDEFINED_TABLE:
        return DatabaseUnavailable("The database has no tables of this version; run `wa init` first.")
    if "disk is full" in cause or state == DISK_FULL:
        return DatabaseUnavailable(
            f"The disk of the database {place} is full; free space there, then try again."
        )
    if state == NOT_ALLOWED:
        return DatabaseUnavailable(
            f"The role may not write all of the database {place}; let it own the schema that holds "
            "the tables (README, PostgreSQL), then try again."
        )
    for words, refusal in REFUSALS.items():
        if words in str(driver):
            return DatabaseUnavailable(f"The database {place} {refusal}, then try again.")
    return DatabaseUnavailable(
        f"The database {place} cannot be used ({type(error).__name__}); "
        "check that it exists, runs and may be written, then try again."
    )
