from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.evidence.conftest import NOW, capture
from wa_analytics.database import Database
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append, entries, opened
from wa_analytics.evidence.rotation import rotate, wrapping_key_use
from wa_analytics.evidence.sealing import Sealer

PROGRAM = Path(__file__).with_name("killed.py")


def test_a_kill_at_any_step_leaves_a_workspace_that_goes_on(database_url: str | None, tmp_path: Path) -> None:
    # Every second step on SQLite and the others on PostgreSQL: together any step there is.
    first = "2" if database_url else "1"
    url = database_url or f"sqlite:///{tmp_path / 'killed.db'}"
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), url, str(tmp_path / "killed"), first, "2"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    deaths = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(deaths) > 20
    assert [death["code"] for death in deaths[:-1]] == [-signal.SIGKILL] * (len(deaths) - 1)
    assert deaths[-1]["code"] == 0
    for death in deaths:
        assert death["findings"] == []
        assert death["outcome"] in {"pass", "not_evaluated"}
        assert death["opened"] + death["unkeyed"] == death["size"]
        assert death["gapless"]
    assert deaths[-1]["outcome"] == "pass"


def test_a_rotation_is_journalled(database: Database, ring: KeyRing, sealer: Sealer) -> None:
    append(database, sealer.sealed([capture(1)]))
    assert rotate(database, ring, actor="keeper", reason="yearly", at=NOW) == 1
    (row,) = entries(database, kind="journal")
    ((_, stored),) = opened([row], ring.wrapping_keys(database), ring.digest_key)
    said = json.loads(stored.body)
    assert (said["actor"], said["action"], said["reason"]) == ("keeper", "keys.rotate", "yearly")
    (use,) = wrapping_key_use(database)
    assert (use.wrapping_key_id, use.entry_count, use.is_destroyed) == (1, 2, False)
