"""What happens when the database is away, the writer dies, the machine pulls the plug, or it is
time to stop: nothing acknowledged is lost, nothing is stored twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.webhook_load import Load, stored_bodies, unproven
from tests.receiver.conftest import PATH, SECRET, Receiver, signed
from wa_analytics.database import Database
from wa_analytics.evidence.log import POSTGRESQL_LOCK
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.verify import verify
from wa_analytics.workspace import Workspace

HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
held.execute("ROLLBACK")
held.close()
print("released", flush=True)
"""


def eventually(is_so: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.05)


class Lock:
    """The log's lock in the hands of another program."""

    def __init__(self, database: Database) -> None:
        if database.dialect == "sqlite":
            self.holder = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(database.path)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert self.holder.stdout is not None
            assert self.holder.stdout.readline() == "held\n"
            return
        self.connection = database.engine.connect()
        self.connection.exec_driver_sql(f"SELECT pg_advisory_lock({POSTGRESQL_LOCK})")

    def release(self) -> None:
        if hasattr(self, "holder"):
            assert self.holder.communicate("\n", timeout=30)[0] == "released\n"
        else:
            self.connection.exec_driver_sql(f"SELECT pg_advisory_unlock({POSTGRESQL_LOCK})")
            self.connection.close()


def test_while_another_program_holds_the_database_the_answer_is_503(
    own_receiver: Receiver, other_connection: Database
) -> None:
    body = b'{"entry": "came at a bad time"}'
    assert own_receiver.post(b'{"entry": "before"}') == 200
    lock = Lock(other_connection)
    status, _, headers = own_receiver.asked("POST", PATH, body, signed(body))
    assert (status, headers["retry-after"]) == (503, "5")
    health, told = own_receiver.status("/healthz")
    assert (health, json.loads(told)["status"]) == (503, "database unavailable")
    assert "locked by another program for more than 3 s" in json.loads(told)["reason"]
    assert own_receiver.figure("wa_receiver_commit_failures_total") == 1
    time.sleep(1)  # it looks again meanwhile
    assert own_receiver.status("/healthz")[0] == 503
    lock.release()
    eventually(lambda: own_receiver.status("/healthz")[0] == 200)
    assert own_receiver.post(body) == 200
    assert [capture.body for capture in own_receiver.captures()].count(body) == 1
    assert own_receiver.stop() == {"stored": 2, "repeated": 0, "refused": 0}
    assert "locked by another program for more than 3 s" in own_receiver.said


def test_lost_connections_to_postgresql_are_made_again(
    own_receiver: Receiver, other_connection: Database
) -> None:
    if other_connection.dialect != "postgresql":
        pytest.skip("SQLite has no connections to lose")
    assert own_receiver.post(b'{"entry": "before"}') == 200
    with other_connection.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    body = b'{"entry": "after"}'
    eventually(lambda: own_receiver.post(body) == 200)
    assert [capture.body for capture in own_receiver.captures()].count(body) == 1


def test_a_writer_that_dies_is_started_again(own_receiver: Receiver) -> None:
    assert own_receiver.post(b'{"entry": "before"}') == 200
    for child in _children(own_receiver):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    eventually(lambda: own_receiver.post(b'{"entry": "meanwhile"}') == 200)
    stored = [capture.body for capture in own_receiver.captures()]
    assert sorted(stored) == [b'{"entry": "before"}', b'{"entry": "meanwhile"}']
    own_receiver.stop()


def test_a_kill_loses_nothing_acknowledged_and_stores_nothing_twice(own_receiver: Receiver) -> None:
    async def under_load() -> Load:
        load = Load("killed", own_receiver.port, PATH, SECRET)
        is_over = False
        sending = asyncio.create_task(load.sent(32, lambda: is_over))
        for is_whole in (False, True):
            reached = len(load.acknowledged) + 300
            while len(load.acknowledged) < reached:
                await asyncio.sleep(0.01)
            # Once the receiver alone, once with its writer in the midst of a commit.
            for number in [*(_children(own_receiver) if is_whole else []), own_receiver.program.pid]:
                os.kill(number, signal.SIGKILL)
            await asyncio.to_thread(own_receiver.program.communicate)
            await asyncio.to_thread(own_receiver.start)
        reached = len(load.acknowledged) + 300
        while len(load.acknowledged) < reached:
            await asyncio.sleep(0.01)
        is_over = True
        await sending
        return load

    load = asyncio.run(under_load())
    own_receiver.stop()
    bodies = stored_bodies(own_receiver.home)
    assert len(load.acknowledged) >= 900
    assert unproven(load, bodies) == ([], 0)
    assert set(load.answers) <= {0, 200, 503}
    assert bodies.total() >= len(load.acknowledged)


def test_sigterm_answers_what_came_seals_and_ends(own_receiver: Receiver) -> None:
    async def under_load() -> tuple[Load, dict[str, int]]:
        load = Load("stopped", own_receiver.port, PATH, SECRET)
        is_over = False
        sending = asyncio.create_task(load.sent(32, lambda: is_over))
        while len(load.acknowledged) < 300:
            await asyncio.sleep(0.01)
        counts = await asyncio.to_thread(own_receiver.stop)
        is_over = True
        await sending
        return load, counts

    load, counts = asyncio.run(under_load())
    bodies = stored_bodies(own_receiver.home)
    assert unproven(load, bodies) == ([], 0)
    assert counts["stored"] == bodies.total()
    assert 503 not in load.answers
    workspace = Workspace.open(own_receiver.home)
    proven = verify(workspace.database, places_of(workspace.home, workspace.settings))
    assert (proven.outcome, proven.sealed_count) == ("pass", bodies.total())
    counted = workspace.database.frame("SELECT outcome_code, count FROM import_count ORDER BY 1")
    assert counted.rows() == [("stored", bodies.total())]
    workspace.close()


def test_children_that_hang_are_killed_within_what_a_supervisor_allows(own_receiver: Receiver) -> None:
    assert own_receiver.post(b'{"entry": "before"}') == 200
    children = [
        child
        for child in _children(own_receiver)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    for child in children:
        os.kill(child, signal.SIGSTOP)
    begun = time.monotonic()
    own_receiver.stop()
    assert time.monotonic() - begun < 30
    assert len(children) == 2
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
    assert [capture.body for capture in own_receiver.captures()] == [b'{"entry": "before"}']


def _children(receiver: Receiver) -> list[int]:
    number = receiver.program.pid
    return [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
