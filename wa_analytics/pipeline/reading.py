"""A large table read by a process of its own, while this one does something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    database: Database, table: type[SQLModel], columns: tuple[str, ...], prefix: str
) -> Iterator[Callable[[], pl.DataFrame]]:
    """Gives what waits for the rows (see `Database.table`)."""
    with Workers(_begun, database.url) as pool:
        yield pool.submit(_read, table, columns, prefix).result


def _begun(url: str) -> None:
    _opened[:] = [Database(url)]


def _read(table: type[SQLModel], columns: tuple[str, ...], prefix: str) -> pl.DataFrame:
    return _opened[0].table(table, columns=columns, prefix=prefix)
