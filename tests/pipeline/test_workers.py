"""Worker processes: what they import, and that they end with the program that wanted them."""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from wa_analytics.errors import WorkerLost
from wa_analytics.pipeline import workers
from wa_analytics.pipeline.workers import Workers

LONG = 60


def test_workers_end_with_a_program_that_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "held"
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from held import kept
from wa_analytics.pipeline.workers import Workers
pool = Workers(print, "begun")
pool.submit(kept, {str(lock)!r}).result()
print("held", flush=True)
sys.stdin.read()
""",
        encoding="utf-8",
    )
    (tmp_path / "held.py").write_text(
        """
from filelock import FileLock
locks = []
def kept(path):
    locks.append(FileLock(path))
    locks[0].acquire()
""",
        encoding="utf-8",
    )
    program = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdin is not None
    assert program.stdout is not None
    with program, program.stdin, program.stdout:
        assert "held\n" in iter(program.stdout.readline, "")
        with pytest.raises(Timeout), FileLock(lock, timeout=0):
            pass
        program.kill()
    with FileLock(lock, timeout=LONG):
        pass


def test_workers_are_readied_for_large_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()
    monkeypatch.setattr(workers, "readied", lambda: asked.append("asked"))
    monkeypatch.setattr(workers, "cpu_count", lambda: 2)
    monkeypatch.setattr(workers, "WORTH_BYTES", 100)
    (tmp_path / "one.ndjson").write_bytes(b"x" * 60)
    workers.readied_for([str(tmp_path / "one.ndjson"), "-", str(tmp_path / "missing")])
    assert asked == []
    (tmp_path / "two.ndjson").write_bytes(b"x" * 60)
    workers.readied_for([str(tmp_path)])
    assert asked == ["asked"]


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="nothing is forked")
def test_what_workers_are_forked_from_is_looked_through_no_more() -> None:
    with Workers(print) as pool:
        assert pool.submit(gc.get_freeze_count).result() > 10_000


def test_workers_import_nothing_from_the_folder_a_program_is_called_in(tmp_path: Path) -> None:
    (tmp_path / "sqlmodel.py").write_text("raise SystemExit('imported from the folder')", encoding="utf-8")
    (tmp_path / "wa_analytics.py").write_text(
        "raise SystemExit('imported from the folder')", encoding="utf-8"
    )
    program = """
import sys
sys.path.remove("")
from wa_analytics.pipeline.workers import Workers
with Workers(int) as pool:
    print(pool.submit(abs, -3).result())
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("3\n", "")


def test_a_killed_worker_is_one_sentence() -> None:
    with pytest.raises(WorkerLost, match=r"same command goes on"), Workers(int) as pool:
        pool.submit(os._exit, 3).result()
