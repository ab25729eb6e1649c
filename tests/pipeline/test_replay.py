"""A database put back to an older copy forgets again what was disposed of since, before it is read."""

from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy.engine import make_url

from tests.pipeline.disposing import Disposing, disposing
from tests.properties.test_equals_oracle import wa
from wa_analytics import tables as t
from wa_analytics.evidence.key_copies import copies_of
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.verify import verify
from wa_analytics.workspace import Workspace

DYING = Path(__file__).with_name("dying.py")
# Before which change of the database each run dies (0: none), after each time that it was put back.
DEATHS = ((1, 3, 8, 21, 0), (55, 0))
KEYS = "SELECT sequence, wrapping_key_id, wrapped_key, recognition_digest FROM entry_key"
WRAPPING = "SELECT wrapping_key_id, created_at, wrapped, lost_at, destroyed_at FROM wrapping_key"


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    return disposing(tmp_path, database_url, seed=2, size=60)


def copied(made: Disposing, folder: Path, server: str) -> Callable[[], None]:
    """Take a copy of the whole database; what is returned puts it back."""
    database = made.workspace.database
    if database.path is not None:

        def over(source: Path, target: Path) -> None:
            # Through the library, since other connections of this process may be open.
            with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
                one.backup(other)

        over(database.path, folder / "backup.db")
        return lambda: over(folder / "backup.db", made.home / "wa.db")
    import psycopg

    name = str(make_url(database.url).database)

    def cloned(source: str, target: str) -> None:
        database.close()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (source,)
            )
            connection.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {target} TEMPLATE {source}")

    cloned(name, f"{name}_copy")
    return lambda: cloned(f"{name}_copy", name)


def keyed(workspace: Workspace) -> set[int]:
    return {row[0] for row in stored_rows(workspace.database, "SELECT sequence FROM entry_key")}


def codes(workspace: Workspace) -> set[str]:
    places = places_of(workspace.home, workspace.settings)
    copies = copies_of(workspace.home, workspace.settings)
    return {found.code for found in verify(workspace.database, places, copies=copies).findings}


def test_a_restored_copy_forgets_again(
    made: Disposing,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = request.getfixturevalue("postgresql_server") if made.workspace.database.path is None else ""
    due = {row["message_id"] for row in made.dispose("--dry-run")["due"]}
    assert due
    before = made.workspace.messages
    put_back = copied(made, tmp_path, server)
    old = {row[0]: bytes(row[2]) for row in stored_rows(made.workspace.database, KEYS)}
    made.dispose("--yes")
    gone = old.keys() - keyed(made.workspace)
    assert gone
    suppressed = made.workspace.table(t.Suppression)
    put_back()
    assert keyed(made.workspace) >= gone, "the copy has them all"
    made.workspace.close()

    with caplog.at_level(logging.WARNING):
        workspace = Workspace.open(made.home)
    assert "put back to an older copy" in caplog.text
    assert not keyed(workspace) & gone
    assert not set(workspace.messages["message_id"]) & due
    kept = set(before["message_id"]) - due
    assert kept == set(workspace.messages["message_id"]), "nobody else is forgotten"
    assert set(workspace.table(t.DisposedMessage)["message_id"]) == due
    assert set(workspace.table(t.Suppression)["suppression_id"]) == set(suppressed["suppression_id"])
    assert {"disposal_missing", "checkpoint_missing"} <= codes(workspace)
    assert {"tail_missing", "root_differs"} & codes(workspace)
    assert not {"key_missing", "entry_unreadable"} & codes(workspace), "every key was given up lawfully"

    caplog.clear()
    with caplog.at_level(logging.WARNING):
        Workspace.open(made.home).close()
    assert caplog.text == "", "once is enough"
    again = made.wa("capture", *map(str, made.written.imports[0]), allowed=(0, 2))
    wa(made.home, "refresh", allowed=(0, 2))
    assert again["already_disposed"] >= 0
    assert not set(workspace.messages["message_id"]) & due
    workspace.close()


def test_a_kill_at_any_step_of_it_leaves_the_rest_to_the_next(
    made: Disposing, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgresql_server") if made.workspace.database.path is None else ""
    due = {row["message_id"] for row in made.dispose("--dry-run")["due"]}
    before = made.workspace.messages
    put_back = copied(made, tmp_path, server)
    old = keyed(made.workspace)
    made.dispose("--yes")
    gone = old - keyed(made.workspace)
    suppressed = made.workspace.table(t.Suppression)
    codes_after = []
    for deaths in DEATHS:
        put_back()
        standing = gone
        made.workspace.close()
        for death in deaths:
            ran = subprocess.run(
                [sys.executable, str(DYING), str(made.home), "", str(death)],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert ran.returncode in (0, -signal.SIGKILL), ran.stderr
            codes_after.append(ran.returncode)
            left = gone & keyed(made.workspace)
            assert left <= standing, "no key comes back"
            standing = left
    assert codes_after.count(-signal.SIGKILL) == 5
    assert codes_after[-1] == 0
    workspace = Workspace.open(made.home)
    assert not keyed(workspace) & gone
    assert set(workspace.messages["message_id"]) == set(before["message_id"]) - due
    assert set(workspace.table(t.DisposedMessage)["message_id"]) == due
    assert set(workspace.table(t.Suppression)["suppression_id"]) == set(suppressed["suppression_id"])
    assert not {"key_missing", "entry_unreadable"} & codes(workspace)
    messages = workspace.messages.sort("message_id")
    workspace.rebuild()
    assert_frame_equal(workspace.messages.sort("message_id"), messages)
    workspace.close()


def test_key_tables_put_back_alone_lose_the_keys_again(
    made: Disposing, caplog: pytest.LogCaptureFixture
) -> None:
    database = made.workspace.database
    keys, wrapping = stored_rows(database, KEYS), stored_rows(database, WRAPPING)
    made.dispose("--yes")
    after = {row[0] for row in stored_rows(database, "SELECT sequence FROM entry_key")}
    with database.writing() as writer:
        cursor = writer.connection.connection.cursor()
        mark = "?" if writer.dialect == "sqlite" else "%s"
        writer.execute("DELETE FROM entry_key")
        writer.execute("DELETE FROM wrapping_key")
        for table, rows in (("entry_key", keys), ("wrapping_key", wrapping)):
            marks = ", ".join([mark] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        cursor.close()
    assert keyed(made.workspace) > after & {row[0] for row in keys}
    with caplog.at_level(logging.WARNING):
        workspace = Workspace.open(made.home)
        _ = workspace.ring
    assert "destroyed again" in caplog.text
    assert keyed(workspace) <= after | {max(keyed(workspace))}, "nothing but the journal line is new"
    assert workspace.rebuild().entries
    workspace.close()


def test_one_restored_row_opens_nothing_and_goes(made: Disposing) -> None:
    database = made.workspace.database
    keys = stored_rows(database, KEYS)
    made.dispose("--yes")
    left = keyed(made.workspace)
    row = next(row for row in keys if row[0] not in left)
    with database.writing() as writer:
        names = ("sequence", "wrapping_key_id", "wrapped_key", "recognition_digest")
        writer.execute(
            f"INSERT INTO entry_key ({', '.join(names)}) VALUES (:{', :'.join(names)})",
            dict(zip(names, row, strict=True)),
        )
    workspace = Workspace.open(made.home)
    assert row[1] not in workspace.ring.wrapping_keys(database), "its wrapping key is destroyed"
    assert row[0] not in keyed(workspace)
    assert codes(workspace) == set()
    workspace.close()


def test_a_note_that_the_log_did_not_sign_destroys_nothing(made: Disposing) -> None:
    """Whoever may write to a place cannot make the workspace forget."""
    made.dispose("--yes")
    folder = made.home / "checkpoints" / "disposals"
    (note,) = folder.iterdir()
    (folder / f"{10**9:020}.disposals").write_text(note.read_text().replace('"sequence":', '"sequence":1'))
    before = keyed(made.workspace)
    workspace = Workspace.open(made.home)
    _ = workspace.ring
    assert keyed(workspace) == before
    assert codes(workspace) == {"disposal_forged"}
    assert workspace.messages.height
    assert isinstance(workspace.messages, pl.DataFrame)
    workspace.close()
