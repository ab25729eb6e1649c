"""The derived tables of a workspace as plain sets of rows, to compare two workspaces by.

Two workspaces can be compared only when they hold the same digest key: make both from one `blank`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import polars as pl
from sqlmodel import SQLModel

from tests.world_files import Written
from wa_analytics import tables as t
from wa_analytics.workspace import Workspace

Derived = dict[str, pl.DataFrame]
WHERE_IT_CAME_FROM = ("fact_id", "sequence")


def workspace_of(blank: Path, home: Path, written: Written, database_url: str | None = None) -> Workspace:
    """A workspace with the keys of `blank` and the settings of a written world."""
    home.mkdir(parents=True)
    shutil.copytree(blank / "keys", home / "keys")
    if database_url is None:
        shutil.copy(blank / "wa.db", home / "wa.db")
    shutil.copy(written.settings, home / "settings.toml")
    shutil.copy(written.retention, home / "retention.csv")
    return Workspace.init(home, database_url) if database_url else Workspace.open(home)


def brought_in(
    workspace: Workspace, imports: Iterable[tuple[str, Path]], at: datetime, *, each: bool = False
) -> Workspace:
    """Capture files in their order; refresh after each, or once at the end."""
    for provider, path in imports:
        workspace.capture(provider, [str(path)], at)
        if each:
            workspace.refresh()
    if not each:
        workspace.refresh()
    return workspace


def derived(workspace: Workspace, *, files: bool = True) -> Derived:
    """Every derived table without what tells of the capture a row came from.

    files: `captured_file` too, which speaks of how rows were laid out in files.
    """
    found: Derived = {}
    for table in t.DERIVED:
        if table is t.CapturedFile and not files:
            continue
        found[str(table.__tablename__)] = _rows(workspace, table)
    return found


def _rows(workspace: Workspace, table: type[SQLModel]) -> pl.DataFrame:
    frame = workspace.table(table)
    plain = frame.drop(*(name for name in WHERE_IT_CAME_FROM if name in frame.columns))
    if table in t.FACTS:
        plain = plain.unique()
    return plain.sort(plain.columns)


def differences(one: Derived, other: Derived) -> list[str]:
    """In words: table, how many rows only one of them has, and in which columns such rows differ."""
    told = []
    for name, left in one.items():
        right = other[name]
        if left.equals(right):
            continue
        only_left = left.join(right, on=left.columns, how="anti", nulls_equal=True)
        only_right = right.join(left, on=left.columns, how="anti", nulls_equal=True)
        sample = [frame.head(2).to_dicts() for frame in (only_left, only_right)]
        told.append(f"{name}: {only_left.height} and {only_right.height} rows of their own, such as {sample}")
    return told
