"""Append, seal, verify, prove and bundle, against what hashing and the database cost alone.

    python benchmarks/evidence.py [--sizes 10000,100000] [--million] [--folder DIR] [--json]

Every size gets a workspace of its own with invented captures of about 700 bytes. The ceilings are
measured in the same run on the same rows: hashing (SHA-256 of ciphertexts, leaves and tree, in
memory), writing (plain `sqlite3.executemany`, same chunks and indexes), reading (one bare SELECT),
and the bare loop that reads the rows, hashes ciphertext and leaf and folds the tree. A ratio is
ceiling / measured: 1.00 would cost nothing beyond it. The exponent says how time grows with entries
(1: in proportion; 0: not at all).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.evidence.bundle import exhibits, written
from wa_analytics.evidence.bundle_check import bundle_proof
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.layout import leaf_bytes, microseconds_of
from wa_analytics.evidence.log import CHUNK_ROWS, append, journal
from wa_analytics.evidence.merkle import inclusion_proof
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.sealing import Sealed, Sealer
from wa_analytics.evidence.tiles import TileReader
from wa_analytics.evidence.verify import verify
from wa_analytics.pipeline.bundles import journal_about
from wa_analytics.settings import Settings
from wa_analytics.tables.column import instant_text

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
STEP, PROOFS, BATCH = 20_000, 1_000, 4_096
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-262144", "wal_autocheckpoint=16000")
NEWEST = "SELECT root FROM checkpoint ORDER BY tree_size DESC LIMIT 1"
ENTRY = (
    "SELECT sequence, kind, capture_id, provider, received_at, signature_code, ciphertext_digest, ciphertext"
    " FROM entry WHERE sequence >= ? ORDER BY sequence LIMIT ?"
)


def captures(count: int) -> Iterator[Capture]:
    """Bodies of invented words; no two alike."""
    chosen = random.Random(7)
    for number in range(count):
        words = chosen.randbytes(300).hex()
        body = f'{{"from":"+12025550123","n":{number},"text":"{words}"}}'.encode()
        received_at = 1_772_355_600_000_000 + number
        yield Capture(body, {"content-type": "application/json"}, "meta-cloud", received_at)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    outcome = work()
    return time.perf_counter() - start, outcome


def best(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The quickest of several runs: what the machine can do when nobody else asks."""
    return min((timed(work) for _ in range(times)), key=lambda run: run[0])


def sealer(ring: KeyRing, database: Database, count: int) -> Sealer:
    handle = ring.wrapping_key(database, NOW, count)
    return Sealer(handle.id, handle.key, ring.digest_key)


class Scratch:
    """The same rows by plain executemany, chunk by chunk, each on disk."""

    def __init__(self, path: Path) -> None:
        self._target = sqlite3.connect(path, isolation_level=None)
        self._next = 0
        for pragma in PRAGMAS:
            self._target.execute(f"PRAGMA {pragma}")
        self._target.execute("CREATE TABLE entry (sequence INTEGER PRIMARY KEY, a, b, c, d, e, f, g)")
        self._target.execute("CREATE TABLE entry_key (sequence INTEGER PRIMARY KEY, a, b, c UNIQUE)")
        self._target.execute("CREATE INDEX by_wrapping_key ON entry_key (a)")

    def write(self, rows: list[Sealed]) -> None:
        for at in range(0, len(rows), CHUNK_ROWS):
            chunk = list(enumerate(rows[at : at + CHUNK_ROWS], self._next))
            self._next += len(chunk)
            self._target.execute("BEGIN IMMEDIATE")
            self._target.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(n, r[0], r[1], r[2], instant_text(r[3]), r[4], r[5], r[6]) for n, r in chunk],
            )
            self._target.executemany(
                "INSERT INTO entry_key VALUES (?, ?, ?, ?)", [(n, r[7], r[8], r[9]) for n, r in chunk]
            )
            self._target.execute("COMMIT")


def rows_of(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    source = sqlite3.connect(path)
    start = 0
    while rows := source.execute(ENTRY, (start, BATCH)).fetchall():
        start = rows[-1][0] + 1
        yield rows
    source.close()


def folded(path: Path) -> bytes:
    """The bare loop: read, hash ciphertext and leaf, fold the tree."""
    sha256 = hashlib.sha256
    stack: list[bytes] = []
    count = 0
    for rows in rows_of(path):
        for sequence, kind, capture_id, provider, at, code, digest, ciphertext in rows:
            sha256(ciphertext).digest()
            leaf = leaf_bytes(sequence, kind, capture_id, provider, microseconds_of(at), code, digest)
            value = sha256(b"\x00" + leaf).digest()
            place = count
            while place & 1:
                value = sha256(b"\x01" + stack.pop() + value).digest()
                place >>= 1
            stack.append(value)
            count += 1
    value = stack.pop()
    while stack:
        value = sha256(b"\x01" + stack.pop() + value).digest()
    return value


def hashing(path: Path) -> dict[str, float]:
    """Seconds of SHA-256 alone, extrapolated from what fits in memory."""
    rows = next(rows_of(path))
    count = sqlite3.connect(path).execute("SELECT count(*) FROM entry").fetchone()[0]
    leaves = [b"\x00" + leaf_bytes(*row[:4], microseconds_of(row[4]), *row[5:7]) for row in rows]
    texts, pair = [row[7] for row in rows], bytes(65)
    sha256, share = hashlib.sha256, count / len(rows)
    cipher = best(lambda: [sha256(text).digest() for text in texts])[0] * share
    leaf = best(lambda: [sha256(one).digest() for one in leaves])[0] * share
    node = best(lambda: [sha256(pair).digest() for _ in leaves])[0] * share
    return {"ciphertexts": cipher, "tree": leaf + node, "everything": cipher + leaf + node}


def measured(folder: Path, count: int) -> dict[str, Any]:
    settings = Settings(home=folder)
    KeyRing.create(folder, settings)
    path = folder / "wa.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    ring = KeyRing.open(folder, settings, database)
    encrypting = appending = writing = 0.0
    scratch = Scratch(folder / "scratch.db")
    made = captures(count)
    while chunk := list(islice(made, STEP)):
        took, rows = timed(lambda chunk=chunk: sealer(ring, database, len(chunk)).sealed(chunk))
        encrypting += took
        # One after the other, so that both meet the machine in the same mood.
        appending += timed(lambda rows=rows: append(database, rows))[0]
        writing += timed(lambda rows=rows: scratch.write(rows))[0]
    sealing = timed(lambda: seal(database, ring, NOW))[0]
    # The journal line that a bundle writes, so that there is something new to seal.
    journal(database, ring, actor="a", action="bundle", reason="r", outcome="granted", at=NOW, detail={})
    seal_again = timed(lambda: seal(database, ring, NOW))[0]
    hashes = hashing(path)
    reading = best(lambda: sum(len(rows) for rows in rows_of(path)), 2)[0]
    bare, root = best(lambda: folded(path), 2)
    checking, proof = best(lambda: verify(database, places_of(folder, settings)), 2)
    if not proof.outcome == "pass":
        raise SystemExit(f"not proven: {[found.sentence for found in proof.findings]}")
    with database.reading() as connection:
        stored = connection.exec_driver_sql(NEWEST).scalar()
    if bytes(stored) != root:
        raise SystemExit("the bare loop found another root")
    proving = timed(lambda: proofs(database, count))[0] / PROOFS
    zips = {n: folder / f"{n}.zip" for n in (1, count // 2, count - 4)}
    bundling = [timed(lambda n=n: bundled(database, ring, zips[n], n))[0] for n in zips]
    unbundling = timed(lambda: bundle_proof(zips[1]))[0]
    database.close()
    return {
        "entries": count,
        "seconds": {
            "encrypt": encrypting,
            "append": appending,
            "seal": sealing,
            "seal one more": seal_again,
            "verify": checking,
            "prove": proving,
            "bundle": min(bundling),
            "verify bundle": unbundling,
        },
        "ceilings": {
            "SHA-256 of ciphertexts": hashes["ciphertexts"],
            "SHA-256 of leaves and tree": hashes["tree"],
            "plain executemany": writing,
            "plain SELECT": reading,
            "read, hash, fold": bare,
        },
        "ratios": {
            "append / plain executemany": writing / appending,
            "seal / SHA-256 of leaves and tree": hashes["tree"] / sealing,
            "verify / read, hash, fold": bare / checking,
            "verify / SHA-256 and SELECT": (hashes["everything"] + reading) / checking,
        },
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "database_megabytes": path.stat().st_size // 1_000_000,
    }


def proofs(database: Database, count: int) -> int:
    """A thousand inclusion proofs, each with a reader of its own."""
    chosen = random.Random(7)
    hashes = 0
    with database.reading() as connection:
        for _ in range(PROOFS):
            hashes += len(inclusion_proof(chosen.randrange(count), count, TileReader(connection)))
    return hashes


def bundled(database: Database, ring: KeyRing, out: Path, sequence: int) -> None:
    """Three captures of one message with the journal about it, as `wa bundle` does it."""
    sequences = [sequence, sequence + 1, sequence + 2]
    journalled = journal_about(database, ring, ["granted"])
    shown = exhibits(database, ring, [*sequences, *journalled])
    message = {"message_id": "0" * 32, "entries": sequences}
    written(out, database, ring, seal(database, ring, NOW), shown, [message], {}, {"index.html": ""}, NOW)


def exponents(runs: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Growth exponent of every step between neighbouring sizes."""
    return {
        name: [
            math.log(later["seconds"][name] / earlier["seconds"][name])
            / math.log(later["entries"] / earlier["entries"])
            for earlier, later in pairwise(runs)
        ]
        for name in runs[0]["seconds"]
    }


def shown(runs: list[dict[str, Any]], growth: dict[str, list[float]]) -> None:
    sizes = "".join(f"{run['entries']:>14,}" for run in runs)
    print(f"{'seconds':36}{sizes}   exponent")
    for name in runs[0]["seconds"]:
        cells = "".join(f"{run['seconds'][name]:>14.4f}" for run in runs)
        print(f"  {name:34}{cells}   {' '.join(f'{one:.2f}' for one in growth[name])}")
    print(f"{'ceilings, seconds':36}{sizes}")
    for name in runs[0]["ceilings"]:
        print(f"  {name:34}" + "".join(f"{run['ceilings'][name]:>14.4f}" for run in runs))
    print(f"{'ratio to ceiling':36}{sizes}")
    for name in runs[0]["ratios"]:
        print(f"  {name:34}" + "".join(f"{run['ratios'][name]:>14.2f}" for run in runs))
    print(f"{'peak memory, MB':36}" + "".join(f"{run['peak_megabytes']:>14,}" for run in runs))
    print(f"{'database, MB':36}" + "".join(f"{run['database_megabytes']:>14,}" for run in runs))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sizes", default="10000,100000", help="entries, comma separated")
    options.add_argument("--million", action="store_true", help="a million entries too (some minutes)")
    options.add_argument("--folder", type=Path, help="where the workspaces are made; default: temporary")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")] + ([1_000_000] if given.million else [])
    runs = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            runs.append(measured(Path(folder), size))
    growth = exponents(runs)
    if given.json:
        print(json.dumps({"runs": runs, "exponents": growth}, indent=1))
    else:
        shown(runs, growth)


if __name__ == "__main__":
    main()
