"""A program that dies by SIGKILL before its n-th step, for n = first, first + stride … on one workspace,
and each time opens, verifies and goes on with what is left. Run by `test_killed.py`.

A step is anything that changes the database or the disk. Prints one JSON line per death.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.database.bulk import Writer
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.disposal import compacted, destroyed_within, statements
from wa_analytics.evidence.key_copies import copies_of
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append, entries, size
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.rotation import rotate
from wa_analytics.evidence.sealing import Opener, Sealer
from wa_analytics.evidence.verify import verify
from wa_analytics.settings import Settings

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = 20


def dying(call: Callable[..., Any], steps: list[int]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        steps[0] -= 1
        if steps[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)

    return counted


def work(url: str, home: Path, death: int) -> None:
    settings = Settings(home=home)
    database = Database(url)
    steps = [death]
    for owner, name in (
        (Writer, "append"),
        (Writer, "execute"),
        (os, "link"),
        (os, "replace"),
        (os, "fsync"),
    ):
        setattr(owner, name, dying(getattr(owner, name), steps))
    ring = KeyRing.open(home, settings, database)
    handle = ring.wrapping_key(database, NOW, BATCH)
    sealer = Sealer(handle.id, handle.key, ring.digest_key)
    bodies = [f"{death} {n}".encode() for n in range(BATCH)]
    first = append(database, sealer.sealed(Capture(body, {}, "meta-cloud", 0) for body in bodies))
    seal(database, ring, NOW)
    rotate(database, ring, actor="test", reason="test", at=NOW)
    assert first.first_sequence is not None
    with database.writing() as writer:
        destroyed_within(writer, [first.first_sequence, first.first_sequence + 2], {}, NOW)
    compacted(database, ring, NOW)
    seal(database, ring, NOW)
    database.close()


def aftermath(url: str, home: Path) -> dict[str, Any]:
    settings = Settings(home=home)
    database = Database(url)
    ring = KeyRing.open(home, settings, database)
    rows = entries(database, limit=10**6)
    opened = sum(1 for _ in Opener(ring.wrapping_keys(database), ring.digest_key).opened(rows))
    verification = verify(database, places_of(home, settings), copies=copies_of(home, settings))
    disposals = list(statements(database))
    unkeyed = {number for _, _, said in disposals for number in said["sequences"]}
    unkeyed |= {sequence for sequence, _, _ in disposals}
    report = {
        "outcome": verification.outcome,
        "findings": [finding.sentence for finding in verification.findings],
        "opened": opened,
        "size": size(database),
        "unkeyed": len(unkeyed),
        "gapless": sorted(unkeyed | {row.sequence for row in rows}) == list(range(size(database))),
    }
    database.close()
    return report


def main(url: str, home: Path, death: int, stride: int) -> None:
    database = Database(url)
    database.migrate()
    KeyRing.create(home, Settings(home=home))
    KeyRing.open(home, Settings(home=home), database)
    database.close()
    code = -signal.SIGKILL
    while code == -signal.SIGKILL:
        child = os.fork()
        if child == 0:
            work(url, home, death)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"death": death, "code": code} | aftermath(url, home)), flush=True)
        death += stride


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
