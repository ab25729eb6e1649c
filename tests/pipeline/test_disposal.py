"""What is due goes, and nothing else changes; nothing of a destroyed key is left in the files."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.pipeline.disposing import Disposing, disposing
from tests.properties.test_equals_oracle import wa
from tests.tangled import AS_OF
from wa_analytics import tables as t
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.verify import verify

DYING = Path(__file__).with_name("dying.py")


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    return disposing(tmp_path, database_url, seed=2)


def derived(made: Disposing) -> dict[str, pl.DataFrame]:
    found = {}
    for table in t.DERIVED:
        frame = made.workspace.table(table)
        frame = frame.drop(name for name in frame.columns if name == "fact_id")
        found[str(table.__tablename__)] = frame.sort(frame.columns)
    return found


def assert_rebuild_gives_the_same(made: Disposing) -> None:
    before = derived(made)
    wa(made.home, "rebuild")
    for name, frame in derived(made).items():
        assert_frame_equal(frame, before[name])


def assert_verified(made: Disposing) -> None:
    verification = verify(made.workspace.database, places_of(made.home, made.workspace.settings))
    assert verification.outcome == "pass"
    assert verification.findings == ()
    assert verification.unfinished_disposal_count == 0


def test_what_is_due_goes_and_the_rest_stays_as_it_was(made: Disposing) -> None:
    before = made.workspace.messages
    plan = made.dispose("--dry-run")
    due = {row["message_id"] for row in plan["due"]}
    made.check()
    overdue = set(made.workspace.findings("retention.overdue")["subject_id"])
    assert due >= overdue != set()
    known = {row["message_id"]: row["has_body"] for row in before.iter_rows(named=True)}
    assert overdue == {id_ for id_ in due if known.get(id_)}, "overdue is what has a body"
    assert made.workspace.messages.height == before.height, "a dry run destroys nothing"

    done = made.dispose("--yes")
    assert done["disposed_count"] == len(due)
    assert done["carved_count"] > 0
    kept = before.filter(~pl.col("message_id").is_in(list(due))).drop("party_id").sort("message_id")
    assert_frame_equal(made.workspace.messages.drop("party_id").sort("message_id"), kept)
    assert set(made.workspace.table(t.DisposedMessage)["message_id"]) == due
    assert due - known.keys(), "calls go too"
    assert made.check()["retention.overdue"]["finding_count"] == 0
    assert_verified(made)
    assert_rebuild_gives_the_same(made)


def test_an_old_file_brings_nothing_back(made: Disposing) -> None:
    made.dispose("--yes")
    before = made.workspace.messages.sort("message_id")
    counts = made.import_again()
    assert counts["stored"] == 0
    assert counts["already_disposed"] > 0
    assert_frame_equal(made.workspace.messages.sort("message_id"), before)
    assert made.dispose("--yes")["disposed_count"] == 0


def test_no_file_keeps_a_destroyed_key(made: Disposing) -> None:
    database = made.workspace.database
    before = {
        row[0]: bytes(row[1]) for row in stored_rows(database, "SELECT sequence, wrapped_key FROM entry_key")
    }
    old = {bytes(row[0]) for row in stored_rows(database, "SELECT wrapped FROM wrapping_key")}
    assert all(key in _files(made) for key in list(before.values())[:3]), "the search finds what is there"
    made.dispose("--yes")
    left = {row[0] for row in stored_rows(database, "SELECT sequence FROM entry_key")}
    gone = set(before) - left
    assert gone
    content = _files(made)
    assert not [sequence for sequence in before if before[sequence] in content], (
        "survivors moved, the rest went"
    )
    assert not [key for key in old if key in content], "their wrapping key is destroyed"


def _files(made: Disposing) -> bytes:
    database = made.workspace.database
    if database.path is not None:
        log = Path(f"{database.path}-wal")
        return database.path.read_bytes() + (log.read_bytes() if log.exists() else b"")
    database.scalar("SELECT 1")
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CHECKPOINT")
    return b"".join(
        bytes(database.scalar(f"SELECT pg_read_binary_file(pg_relation_filepath('{table}'))"))
        for table in ("entry_key", "wrapping_key")
    )


def test_a_kill_at_any_step_leaves_a_workspace_that_goes_on(tmp_path: Path, database_url: str | None) -> None:
    made = disposing(tmp_path, database_url, seed=6, size=60)
    due = {row["message_id"] for row in made.dispose("--dry-run")["due"]}
    before = made.workspace.messages
    made.workspace.close()
    codes = []
    for death in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 0):
        ran = subprocess.run(
            [sys.executable, str(DYING), str(made.home), AS_OF.isoformat(), str(death)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        codes.append(ran.returncode)
        assert ran.returncode in (0, -signal.SIGKILL), ran.stderr
        verification = verify(made.workspace.database, places_of(made.home, made.workspace.settings))
        assert verification.findings == ()
    assert codes[0] == -signal.SIGKILL
    assert codes[-1] == 0
    kept = before.filter(~pl.col("message_id").is_in(list(due))).drop("party_id").sort("message_id")
    assert_frame_equal(made.workspace.messages.drop("party_id").sort("message_id"), kept)
    assert set(made.workspace.table(t.DisposedMessage)["message_id"]) == due
    assert_verified(made)


@pytest.mark.parametrize("hold", ["channel", "custodian", "party", "time"])
def test_nothing_held_is_disposed_of(tmp_path: Path, hold: str) -> None:
    made = disposing(tmp_path, None, seed=4, size=80)
    messages = made.workspace.messages
    due = [row["message_id"] for row in made.dispose("--dry-run")["due"]]
    one = (
        messages.filter(pl.col("message_id").is_in(due))
        .drop_nulls(["channel_id", "party_id"] + (["custodian_id"] if hold == "custodian" else []))
        .sort("sent_at")
        .row(-1, named=True)
    )
    conditions = {
        "channel": ("--channel", one["channel_id"]),
        "custodian": ("--custodian", one["custodian_id"] or ""),
        "party": ("--party", one["party_id"]),
        "time": ("--to", one["sent_at"].isoformat()),
    }
    made.wa("hold", "add", "--matter", "M-1", "--reason", "test", *conditions[hold])
    held = messages.filter(_told(one, hold))["message_id"]
    assert set(held) & set(due)
    assert not {row["message_id"] for row in made.dispose("--dry-run")["due"]} & set(held)
    made.dispose("--yes")
    assert not set(made.workspace.table(t.DisposedMessage)["message_id"]) & set(held)
    assert set(held) <= set(made.workspace.messages["message_id"])
    assert made.check()["retention.overdue"]["finding_count"] == 0, "held is not overdue"
    made.wa("hold", "release", "M-1", "--reason", "test")
    assert made.check()["retention.overdue"]["finding_count"] > 0, "lifted, it is overdue"
    made.dispose("--yes")
    assert made.check()["retention.overdue"]["finding_count"] == 0
    assert set(due) == set(made.workspace.table(t.DisposedMessage)["message_id"])


def _told(one: dict[str, object], hold: str) -> pl.Expr:
    if hold == "time":
        return pl.col("sent_at") < one["sent_at"]
    column = {"channel": "channel_id", "custodian": "custodian_id", "party": "party_id"}[hold]
    return pl.col(column) == one[column]
