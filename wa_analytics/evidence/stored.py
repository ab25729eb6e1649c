"""Many raw rows at once: the driver's own cursor, because a row object per entry would cost as
much as hashing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wa_analytics.database import Database


def stored_rows(database: Database, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Plain tuples of a query written with `?` marks; PostgreSQL answers in binary.

    Instants are text on SQLite and aware datetimes on PostgreSQL (`layout.microseconds_of` reads
    both). Raises DatabaseUnavailable.
    """
    refused = database.engine.dialect.loaded_dbapi.OperationalError
    with database.reading() as connection:
        driver: Any = connection.connection.driver_connection
        try:
            if database.dialect == "postgresql":
                with driver.cursor(binary=True) as cursor:
                    cursor.execute(sql.replace("?", "%s"), params)
                    rows: list[tuple[Any, ...]] = cursor.fetchall()
            else:
                rows = _sqlite_rows(driver, sql, params)
        except refused as error:
            raise OperationalError(sql, None, error) from None
    return rows


def _sqlite_rows(driver: Any, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        rows: list[tuple[Any, ...]] = driver.execute(sql, params).fetchall()
    except driver.OperationalError as error:
        if "decode" not in str(error):
            raise
        # Someone wrote bytes that are no text into a text column: they are to be found, not to
        # end the search.
        standing = driver.text_factory
        driver.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            rows = driver.execute(sql, params).fetchall()
        finally:
            driver.text_factory = standing
    return rows
