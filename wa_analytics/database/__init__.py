"""The only door to the database: open, append in bulk, read as Polars, record single facts.

SQLite and PostgreSQL take the same calls. On SQLite nothing but Python's own `sqlite3` touches the
file: another reader in this process would close a descriptor and with it drop every lock the
process holds, so that committed rows of another process vanish (`tests/database/test_locks.py`).
"""

from __future__ import annotations

import json
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlmodel import Session, SQLModel

from wa_analytics.database.bulk import Writer, bound, can_come_as_json, frame_of, sqlite_frame
from wa_analytics.database.trouble import ENCODINGS, NOT_ALLOWED, UNDEFINED_TABLE, sentence, tables_differ
from wa_analytics.errors import DatabaseUnavailable

if TYPE_CHECKING:
    import polars as pl

BUSY_SECONDS = 30
# Measured at a million captures: larger pages make appends of bodies cheaper, random indexes and small
# commits dearer.
PAGE_BYTES = 4_096
WAL_BYTES = 64 << 20


# sqlite3 asks every value of another type than int, float or str what it wants to be stored as, which
# costs more than storing it. These are asked nothing.
_nothing: dict[None, None] = {}
sqlite3.register_adapter(type(None), _nothing.get)
sqlite3.register_adapter(bool, int)
sqlite3.register_adapter(bytes, bytes)


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        f"page_size={PAGE_BYTES}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-262144",
        f"wal_autocheckpoint={WAL_BYTES // PAGE_BYTES}",
        "temp_store=MEMORY",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def normal_url(url: str) -> str:
    """`postgres://` and `postgresql://`, with whatever driver, name psycopg; SQLite urls pass through."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUnavailable(
            "The database URL cannot be read; write it as sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from None
    if parsed.get_backend_name() in ("postgres", "postgresql"):
        if url.count("@") > 1:
            raise DatabaseUnavailable(
                "The database URL holds more than one @; write those of a name or password as %40."
            )
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise DatabaseUnavailable(
            f"The database URL names {parsed.get_backend_name()}; use SQLite or PostgreSQL."
        )
    return parsed.render_as_string(hide_password=False)


class Database:
    """One workspace's database.

    url: SQLAlchemy URL; `postgres://` and `postgresql://` are taken as psycopg.
    Raises DatabaseUnavailable when it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = normal_url(url)
        self.dialect = make_url(self.url).get_backend_name()
        options: dict[str, Any] = {"hide_parameters": True}
        if self.dialect == "postgresql":
            # What the address or the environment asks for stays (a search_path, a timeout); ours come last
            # where the values we read depend on them.
            theirs = make_url(self.url).query.get("options") or os.environ.get("PGOPTIONS", "")
            asked = theirs if isinstance(theirs, str) else " ".join(theirs)
            # One that the server closed meanwhile is opened anew.
            options["pool_pre_ping"] = True
            options["connect_args"] = {
                "options": f"-c lock_timeout={BUSY_SECONDS}s {asked} -c timezone=UTC -c client_encoding=UTF8"
            }
        self.engine: Engine = create_engine(self.url, **options)
        self.gate: Callable[[], AbstractContextManager[None]] = nullcontext
        """Passed before every write, where several processes of one program write in turn."""
        self.lock_seconds = BUSY_SECONDS
        """How long a connection waits for a lock, for the sentence that tells it."""
        # Rows in bulk go past SQLAlchemy, and then the driver's own error comes.
        driver: Any = self.engine.dialect.loaded_dbapi
        self._wrong: tuple[type[Exception], ...] = (ProgrammingError, driver.ProgrammingError)
        self._unnamed: type[Exception] = driver.DatabaseError
        self._away = (OperationalError, driver.OperationalError)
        if self.dialect == "sqlite":
            event.listen(self.engine, "connect", _sqlite_pragmas)
            event.listen(self.engine, "begin", _sqlite_begin)
            # The last connection that is closed brings its log into SQLite's file; at the program's end
            # nobody else may close it.
            weakref.finalize(self, self.engine.dispose)

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL."""
        name = make_url(self.url).database
        return Path(name) if self.dialect == "sqlite" and name else None

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading; the sentence of an unreachable database."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except (DatabaseError, self._unnamed) as error:
            raise self._told(error) from None

    @contextmanager
    def writing(self, prefix: str = "", *, is_derived: bool = False) -> Iterator[Writer]:
        """One write transaction, committed at exit (SQLite: BEGIN IMMEDIATE).

        prefix: written before every table name, to fill new tables beside the old ones.
        is_derived: what is written can be made again from the evidence, so SQLite need not wait for
            the disk at every commit; after a power cut the last of it is made again.
        """
        try:
            with self.gate(), self.engine.connect() as connection:
                connection = connection.execution_options(immediate=True)
                with self._synchronous(connection, "NORMAL" if is_derived else "FULL"), connection.begin():
                    yield Writer(connection, self.dialect, prefix)
        except (DatabaseError, self._unnamed) as error:
            raise self._told(error) from None

    @contextmanager
    def _synchronous(self, connection: Connection, how: str) -> Iterator[None]:
        """SQLite's `synchronous` for one transaction; FULL is what every connection starts with."""
        if self.dialect != "sqlite" or how == "FULL":
            yield
            return
        raw = connection.connection
        raw.cursor().execute(f"PRAGMA synchronous={how}")
        try:
            yield
        finally:
            raw.cursor().execute("PRAGMA synchronous=FULL")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """An ORM session for single recorded facts, committed at exit."""
        try:
            with self.gate(), Session(self.engine) as session:
                session.connection(execution_options={"immediate": True})
                yield session
                session.commit()
        except (DatabaseError, self._unnamed) as error:
            raise self._told(error) from None

    def frame(self, sql: str, **params: Any) -> pl.DataFrame:
        """The rows of a query. `*_at`, `retain_until`, `dispose_by` are aware UTC instants, `is_`,
        `has_`, `was_` Booleans, as the tables declare them."""
        with self.reading() as connection:
            if self.dialect == "sqlite":
                # SQLAlchemy's rows cost as much again as the plain tuples.
                cursor = connection.connection.cursor()
                try:
                    cursor.execute(sql, bound(params, self.dialect))
                    return frame_of(
                        [name for name, *_ in cursor.description], cursor.fetchall(), self.dialect
                    )
                except sqlite3.OperationalError as error:
                    raise self.unavailable(error) from None
                finally:
                    cursor.close()
            result = connection.execute(text(sql), bound(params, self.dialect))
            return frame_of(list(result.keys()), result.fetchall(), self.dialect)

    def table(
        self,
        table: type[SQLModel],
        where: str = "",
        *,
        columns: tuple[str, ...] = (),
        prefix: str = "",
        **params: Any,
    ) -> pl.DataFrame:
        """Rows of one table, all columns unless named."""
        names = columns or tuple(column.name for column in table.__table__.columns)  # type: ignore[attr-defined]
        if self.dialect == "sqlite" and not where and can_come_as_json(table, names):
            with self.reading() as connection, connection.begin():
                cursor = connection.connection.cursor()
                try:
                    return sqlite_frame(cursor, f'"{prefix}{table.__tablename__}"', names)  # type: ignore[arg-type]
                except sqlite3.OperationalError as error:
                    raise self.unavailable(error) from None
                finally:
                    cursor.close()
        condition = f" WHERE {where}" if where else ""
        quoted = ", ".join(f'"{name}"' for name in names)
        return self.frame(f'SELECT {quoted} FROM "{prefix}{table.__tablename__}"{condition}', **params)

    def matching(self, column: str, values: Iterable[str], name: str = "ids") -> tuple[str, dict[str, Any]]:
        """A condition `column` is one of `values`, and its parameter; any number of values."""
        if self.dialect == "sqlite":
            return f"{column} IN (SELECT value FROM json_each(:{name}))", {name: json.dumps(list(values))}
        return f"{column} = ANY(:{name})", {name: list(values)}

    def scalar(self, sql: str, **params: Any) -> Any:
        """The first cell of the first row, or None."""
        with self.reading() as connection:
            return connection.execute(text(sql), bound(params, self.dialect)).scalar()

    def migrate(self) -> None:
        """Bring the schema to this version; idempotent."""
        from wa_analytics.database.schema import upgraded

        if self.dialect == "postgresql" and (kept := self.scalar("SHOW server_encoding")) not in ENCODINGS:
            raise DatabaseUnavailable(
                f"The database {self.place} keeps text as {kept}, which has no place for what people write; "
                "create it with ENCODING 'UTF8'."
            )
        try:
            upgraded(self.engine)
        except (OperationalError, ProgrammingError) as error:
            if getattr(error.orig, "sqlstate", "") != NOT_ALLOWED and tables_differ(error):
                raise DatabaseUnavailable(
                    "The tables are not those of the version that the database names; somebody altered them "
                    "or put only a part of them back. Put a whole backup back, then run `wa init` again."
                ) from None
            raise self.unavailable(error) from None

    def is_current(self) -> bool:
        """Whether the schema is this version's."""
        from wa_analytics.database.schema import is_current

        if not self._is_there():
            return False
        try:
            return is_current(self.engine)
        except SQLAlchemyError as error:
            raise self.unavailable(error) from None

    def is_empty(self) -> bool:
        """Whether nobody ever made tables here."""
        if not self._is_there():
            return True
        with self.reading() as connection:
            return not inspect(connection).has_table("alembic_version")

    def _is_there(self) -> bool:
        """Asked before a look, since SQLite makes the file that it is to open."""
        return self.path is None or self.path.exists()

    @property
    def place(self) -> str:
        """The name for sentences: the file's, or host and database; no role and no password."""
        if self.path:
            return self.path.name
        return make_url(self.url).render_as_string(hide_password=True).split("@")[-1].split("?")[0]

    def _told(self, error: Exception) -> Exception:
        """The sentence of a database that cannot be used; a wrong statement stays what it is.

        The bare DatabaseError is what psycopg has for a server stopped at once, sqlite3 for a damaged file.
        """
        said = getattr(error, "orig", error)
        is_not_ours = isinstance(error, self._wrong) and getattr(said, "sqlstate", "") in (
            UNDEFINED_TABLE,
            NOT_ALLOWED,
        )
        if is_not_ours or isinstance(error, self._away) or type(said) is self._unnamed:
            return self.unavailable(error)
        return error

    def unavailable(self, error: Exception) -> DatabaseUnavailable:
        """The sentence for what the driver said when the database could not be used."""
        return sentence(error, self.place, self.lock_seconds)
