"""Large tables read by processes of their own, while this one does something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wa_analytics.database import Database
from wa_analytics.pipeline.workers import Workers

if TYPE_CHECKING:
    import polars as pl
    from sqlmodel import SQLModel

_opened: list[Database] = []


@contextmanager
def read_beside(
    database: Database, wanted: Mapping[type[SQLModel], tuple[str, ...]], prefix: str
) -> Iterator[dict[type[SQLModel], Callable[[], pl.DataFrame]]]:
    """Gives what waits for each table's rows. wanted: columns by table; see `Database.table`."""
    with Workers(_begun, database.url) as pool:
        yield {table: pool.submit(_read, table, columns, prefix).result for table, columns in wanted.items()}


def _begun(url: str) -> None:
    _opened[:] = [Database(url)]


def _read(table: type[SQLModel], columns: tuple[str, ...], prefix: str) -> pl.DataFrame:
    return _opened[0].table(table, columns=columns, prefix=prefix)
