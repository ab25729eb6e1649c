"""Many raw rows at once: the driver's own cursor, because a row object per entry would cost as
much as hashing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wa_analytics.database import Database


_TOGETHER = 64


def stored_rows(
    database: Database, sql: str, params: Sequence[Any] = (), *, bounded: tuple[int, int] | None = None
) -> list[tuple[Any, ...]]:
    """Plain tuples of a query written with `?` marks; PostgreSQL answers in binary.

    Instants are text on SQLite and aware datetimes on PostgreSQL (`layout.microseconds_of` reads
    both). bounded: (place of a column of bytes, most of them): no more rows once those read hold as many;
    the first comes in any case. Raises DatabaseUnavailable.
    """
    refused = database.engine.dialect.loaded_dbapi.OperationalError
    with database.reading() as connection:
        driver: Any = connection.connection.driver_connection
        try:
            if database.dialect == "postgresql":
                name = {"name": "bounded"} if bounded else {}
                with driver.cursor(binary=True, **name) as cursor:
                    cursor.execute(sql.replace("?", "%s"), params)
                    rows = _fetched(cursor, bounded)
            else:
                rows = _sqlite_rows(driver, sql, params, bounded)
        except refused as error:
            raise OperationalError(sql, None, error) from None
    return rows


def _fetched(cursor: Any, bounded: tuple[int, int] | None) -> list[tuple[Any, ...]]:
    if bounded is None:
        return list(cursor.fetchall())
    place, most = bounded
    rows: list[tuple[Any, ...]] = []
    size = 0
    while size < most and (more := cursor.fetchmany(_TOGETHER)):
        for at, row in enumerate(more):
            size += len(row[place])
            if size > most and (rows or at):
                more = more[:at]
                break
        rows += more
    return rows


def _sqlite_rows(
    driver: Any, sql: str, params: Sequence[Any], bounded: tuple[int, int] | None
) -> list[tuple[Any, ...]]:
    try:
        return _fetched(driver.execute(sql, params), bounded)
    except driver.OperationalError as error:
        if "decode" not in str(error):
            raise
        # Someone wrote bytes that are no text into a text column: they are to be found, not to
        # end the search.
        standing = driver.text_factory
        driver.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            return _fetched(driver.execute(sql, params), bounded)
        finally:
            driver.text_factory = standing
