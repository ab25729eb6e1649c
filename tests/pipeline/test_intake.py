"""An import large enough for worker processes: everything once, in the file's order, with a tree that
is the log's, also while somebody else appends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.log import append, entries, opened
from wa_analytics.evidence.sealing import Sealer
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.tiles import TileReader, rebuilt
from wa_analytics.pipeline import intake, workers
from wa_analytics.pipeline.turns import LONGEST_WAIT_SECONDS, Turns
from wa_analytics.providers import chunks
from wa_analytics.tables import StatusFact
from wa_analytics.workspace import Workspace

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ROWS = 20_000
TILES = "SELECT level, tile_index, hashes FROM merkle_tile ORDER BY level, tile_index"


def body(number: int) -> str:
    status = {"id": f"wamid.{number}", "status": "sent", "timestamp": str(1_772_300_000 + number // 4)}
    value = {"messaging_product": "whatsapp", "statuses": [status | {"recipient_id": "12025550123"}]}
    changes = [{"field": "messages", "value": value}]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})


@pytest.fixture
def workspace(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(workers, "WORTH_ENTRIES", 500)
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 300)
    return Workspace.init(tmp_path / "home", database.url)


def bodies(workspace: Workspace) -> list[bytes]:
    database, keys = workspace.database, workspace.ring.wrapping_keys(workspace.database)
    rows = entries(database, 0, 10 * ROWS)
    assert [row.sequence for row in rows] == list(range(len(rows)))
    return [capture.body for _, capture in opened(rows, keys, workspace.ring.digest_key)]


def test_workers_append_in_the_order_of_the_file(workspace: Workspace, tmp_path: Path) -> None:
    lines = [body(number) for number in range(ROWS)]
    lines[4_000], lines[4_001], lines[15_000] = "{broken", lines[3_999], lines[2]
    file = tmp_path / "bodies.ndjson"
    file.write_text("\n".join(lines), encoding="utf-8")
    seen: list[int] = []
    outcome = workspace.capture("meta-cloud", [str(file)], NOW, progress=seen.append)
    assert (outcome.stored, outcome.repeated, sum(seen)) == (ROWS - 2 + 1, 2, ROWS + 1)
    assert ["line 4001: is not JSON" in sentence for sentence in outcome.unreadable] == [True]
    assert bodies(workspace)[:-1] == [line.encode() for line in dict.fromkeys(lines)]
    with workspace.database.reading() as connection:
        grown = TileReader(connection).size()
    assert grown >= ROWS // 2
    seal(workspace.database, workspace.ring, NOW)
    sealed = stored_rows(workspace.database, TILES)
    rebuilt(workspace.database)
    assert stored_rows(workspace.database, TILES) == sealed
    again = workspace.capture("meta-cloud", [str(file)], NOW)
    assert (again.stored, again.repeated, again.unreadable) == (0, ROWS + 1, [])


def test_a_large_import_begins_with_workers(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bodies.ndjson"
    file.write_text("\n".join(body(number) for number in range(400)), encoding="utf-8")
    here: list[str] = []
    stored = intake._stored

    def noted(*given: Any, **named: Any) -> Any:
        here.append("stored here")
        return stored(*given, **named)

    monkeypatch.setattr(intake, "_stored", noted)
    monkeypatch.setattr(workers, "cpu_count", lambda: 2)
    monkeypatch.setattr(workers, "WORTH_BYTES", file.stat().st_size)
    assert workspace.capture("meta-cloud", [str(file)], NOW).stored == 401
    assert here == []
    assert bodies(workspace)[:400] == [body(number).encode() for number in range(400)]


def test_others_append_meanwhile(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "bodies.ndjson"
    file.write_text("\n".join(body(number) for number in range(ROWS // 2)), encoding="utf-8")
    key = workspace.ring.wrapping_key(workspace.database, NOW, 1)
    sealer = Sealer(key.id, key.key, workspace.ring.digest_key)
    is_over = threading.Event()
    other = Database(workspace.database.url)
    brought = 0

    def bring() -> None:
        nonlocal brought
        while not is_over.wait(0.02):
            append(other, sealer.sealed([Capture(b"other %d" % brought, {}, "meta-cloud", brought)]))
            brought += 1

    thread = threading.Thread(target=bring)
    thread.start()
    try:
        outcome = workspace.capture("meta-cloud", [str(file)], NOW)
    finally:
        is_over.set()
        thread.join()
        other.close()
    assert outcome.stored == ROWS // 2 + 1
    found = bodies(workspace)
    assert brought
    assert len(found) == ROWS // 2 + 1 + brought
    own = [found_body for found_body in found if found_body.startswith(b'{"object"')]
    assert own == [body(number).encode() for number in range(ROWS // 2)]
    seal(workspace.database, workspace.ring, NOW)
    sealed = stored_rows(workspace.database, TILES)
    rebuilt(workspace.database)
    assert stored_rows(workspace.database, TILES) == sealed


def test_a_span_that_does_not_open_holds_back_those_behind_it(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "bodies.ndjson"
    file.write_text("\n".join(body(number) for number in range(2_000)), encoding="utf-8")
    workspace.capture("meta-cloud", [str(file)], NOW)
    (key,) = stored_rows(workspace.database, "SELECT wrapped_key FROM entry_key WHERE sequence = 300")[0]
    for wrapped in (bytes(len(key)), bytes(key)):
        with workspace.database.writing() as writer:
            writer.execute("UPDATE entry_key SET wrapped_key = :key WHERE sequence = 300", {"key": wrapped})
        if wrapped != key:
            with pytest.raises(EvidenceBroken, match="Entry 300 "):
                workspace.refresh()
            reached = workspace.database.scalar("SELECT sequence FROM watermark WHERE name = 'facts'")
            assert reached is None or reached <= 300
    workspace.refresh()
    assert workspace.messages.height == workspace.table(StatusFact).height == 2_000
    assert workspace.table(StatusFact)["sequence"].n_unique() == 2_000


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path: Path) -> None:
    file = tmp_path / "bodies.ndjson"
    file.write_text("\n".join(body(number) for number in range(2_000)), encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        f"""
print("runs")
from datetime import datetime, UTC
from wa_analytics.pipeline import intake, workers
from wa_analytics.providers import chunks
from wa_analytics.workspace import Workspace
workers.WORTH_ENTRIES, chunks.CHUNK_RECORDS = 500, 300
workspace = Workspace.init({str(tmp_path / "home")!r})
print(workspace.capture("meta-cloud", [{str(file)!r}], datetime.now(UTC)).stored)
print(workspace.refresh().entries)
""",
        encoding="utf-8",
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["runs", "2001", "2001"]


def take(turns: Turns, place: int, took: list[int]) -> None:
    with turns.of(place):
        took.append(place)


def test_turns_come_in_order() -> None:
    turns, took = Turns(get_context("spawn")), list[int]()
    threads = [threading.Thread(target=take, args=(turns, place, took)) for place in (3, 1, 2)]
    for thread in threads:
        thread.start()
    with turns.between():
        assert took == []
    take(turns, 0, took)
    for thread in threads:
        thread.join(timeout=20)
    assert took == [0, 1, 2, 3]


def waits(turns: Turns, place: int, is_waiting: Any) -> None:
    with suppress(KeyboardInterrupt):
        is_waiting.set()
        take(turns, place, [])


def test_one_that_is_interrupted_as_it_waits_holds_nobody_up() -> None:
    context = get_context("spawn")
    turns, is_waiting, took = Turns(context), context.Event(), list[int]()
    process = context.Process(target=waits, args=(turns, 2, is_waiting))
    process.start()
    assert process.pid is not None
    assert is_waiting.wait(60)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=20)
    assert process.exitcode == 0
    threads = [threading.Thread(target=take, args=(turns, place, took)) for place in (3, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(took) == [0, 1, 3]


def killed_in_its_turn() -> None:
    assert turns_of_workers is not None
    with turns_of_workers.of(0):
        os.kill(os.getpid(), signal.SIGKILL)


def given(turns: Turns) -> None:
    global turns_of_workers
    turns_of_workers = turns


turns_of_workers: Turns | None = None


def test_one_that_is_killed_in_its_turn_holds_nobody_up() -> None:
    turns = Turns(workers.context())
    with workers.Workers(given, turns) as pool:
        future = pool.submit(killed_in_its_turn)
        assert isinstance(future.exception(timeout=60), BrokenExecutor)
        begun = time.monotonic()
        with turns.between(pool.is_broken):
            waited = time.monotonic() - begun
    assert waited < LONGEST_WAIT_SECONDS / 4


def test_a_worker_that_fails_ends_the_import(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapping key that is destroyed meanwhile: the import stops with its sentence, and nobody waits
    for a turn that never comes."""
    from wa_analytics.errors import KeyRefused

    file = tmp_path / "bodies.ndjson"
    file.write_text("\n".join(body(number) for number in range(10_000)), encoding="utf-8")

    calls = 0

    def destroy(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:  # two chunks are stored before there are workers
            return
        with workspace.database.writing() as writer:
            writer.execute("UPDATE wrapping_key SET wrapped = NULL, destroyed_at = :at", {"at": NOW})

    with pytest.raises(KeyRefused, match="was destroyed meanwhile"):
        workspace.capture("meta-cloud", [str(file)], NOW, progress=destroy)
    workspace.ring.forget_wrapping_key()
    again = workspace.capture("meta-cloud", [str(file)], NOW)
    assert again.repeated >= 900
    assert again.stored + again.repeated == 10_000 + 1
