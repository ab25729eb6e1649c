"""Captures per second through `wa capture` and `wa refresh`, against plain `executemany`.

    python benchmarks/capture_refresh.py [--captures 1500000] [--folder DIR]

Writes a made-up world of about that many captures (webhook bodies, send-log and register rows each
count one), imports and refreshes it with the commands a user has, then inserts the very same rows of
every table into a scratch SQLite file with nothing but `sqlite3.executemany` (same indexes, no
triggers, no encryption, one process). Prints both rates and their ratio, and how busy the machine was.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

CAPTURES_PER_MESSAGE = 2.65
SECRET = "made-up-app-secret"
PROVIDERS = ("directory", "consent-register", "send-log", "meta-cloud", "infobip", "aws-social")


def world(folder: Path, captures: int) -> None:
    from wa_analytics.synthetic.world import write_world

    made = write_world(
        folder / "demo",
        seed=7,
        messages=int(captures / CAPTURES_PER_MESSAGE),
        end=datetime.now(UTC).replace(microsecond=0),
        app_secret=SECRET,
    )
    text = f'[meta_cloud]\napp_secret = "{SECRET}"\n\n{made.settings_toml}'
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    (folder / "retention.csv").write_text(made.retention_csv, encoding="utf-8")


def wa(folder: Path, *arguments: str) -> float:
    start = time.perf_counter()
    command = [str(Path(sys.executable).with_name("wa")), "--home", str(folder), *arguments]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if ended.returncode not in (0, 1, 2):
        sys.exit(f"wa {arguments[0]} ended with {ended.returncode}")
    return time.perf_counter() - start


def ceiling(path: Path, scratch: Path) -> float:
    """Seconds for the same rows by plain executemany, in chunks of 2,000 per transaction."""
    source = sqlite3.connect(path)
    target = sqlite3.connect(scratch, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-262144", "wal_autocheckpoint=16000"):
        target.execute(f"PRAGMA {pragma}")
    for kind in ("table", "index"):
        for (sql,) in source.execute(
            "SELECT sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'",
            (kind,),
        ):
            target.execute(sql)
    spent = 0.0
    names = [name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        if name.startswith("sqlite_"):
            continue
        rows = source.execute(f'SELECT * FROM "{name}"')
        marks = ", ".join("?" * len(rows.description))
        while chunk := rows.fetchmany(2_000):
            start = time.perf_counter()
            target.execute("BEGIN IMMEDIATE")
            target.executemany(f'INSERT INTO "{name}" VALUES ({marks})', chunk)
            target.execute("COMMIT")
            spent += time.perf_counter() - start
    target.close()
    source.close()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=int, default=1_500_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="wa-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "demo").is_dir():
        world(folder, given.captures)
    for leftover in (*folder.glob("wa.db*"), *folder.glob("scratch.db*")):
        leftover.unlink()
    for old in ("keys", "checkpoints"):
        shutil.rmtree(folder / old, ignore_errors=True)
    load = os.getloadavg()[0]
    wa(folder, "init")
    captured = sum(wa(folder, "capture", provider, str(folder / "demo" / provider)) for provider in PROVIDERS)
    refreshed = wa(folder, "refresh")
    with sqlite3.connect(folder / "wa.db") as database:
        (count,) = database.execute("SELECT count(*) FROM entry WHERE kind = 'capture'").fetchone()
    total = captured + refreshed
    print(f"load before {load:.1f}, {os.cpu_count()} cores, {count:,} captures")
    print(f"capture {captured:7.1f} s  {count / captured:10,.0f} captures/s")
    print(f"refresh {refreshed:7.1f} s  {count / refreshed:10,.0f} captures/s")
    print(f"both    {total:7.1f} s  {count / total:10,.0f} captures/s")
    (messages,) = sqlite3.connect(folder / "wa.db").execute("SELECT count(*) FROM message").fetchone()
    print(f"check   {wa(folder, 'check'):7.1f} s  all suites on {messages:,} messages")
    plain = ceiling(folder / "wa.db", folder / "scratch.db")
    print(f"executemany, same rows of all tables: {plain:.1f} s, {count / plain:,.0f} captures/s")
    print(f"ratio of both to that ceiling: {plain / total:.2f}")


if __name__ == "__main__":
    main()
