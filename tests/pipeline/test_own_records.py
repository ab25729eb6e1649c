"""Findings, check results, incidents, journal and consent records go by the schedule like messages."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.pipeline.disposing import Disposing, disposing
from tests.tangled import AS_OF
from wa_analytics import tables as t
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.stored import stored_rows

AT_ONCE = ("finding", "check_result", "incident", "journal")
HEAD = (
    "record_class,entity_kind,jurisdiction,authority,floor,ceiling,is_fallback,trigger,"
    "effective_from,effective_to\n"
)
FLOOR = "correspondence,,,TST-01,P90Y,,,sent_at,,\n"


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    return disposing(tmp_path, database_url, seed=5, size=60)


def scheduled(made: Disposing, *rows: str) -> None:
    (made.home / "retention.csv").write_text(HEAD + FLOOR + "".join(f"{row}\n" for row in rows))


def count(made: Disposing, table: str) -> int:
    return int(made.workspace.database.scalar(f"SELECT count(*) FROM {table}"))


def test_our_own_records_go_by_their_ceilings(made: Disposing) -> None:
    scheduled(made, *(f"{name},,,OWN,,P0D,,created_at,," for name in AT_ONCE))
    made.check()
    made.check()
    database = made.workspace.database
    with database.writing() as writer:
        writer.execute("UPDATE finding SET status_code = 'resolved', resolved_at = :at", {"at": AS_OF})
        writer.execute("UPDATE check_run SET started_at = :at", {"at": AS_OF})
    made.workspace.lookup(["nobody"], at=AS_OF)
    (line,) = [row.sequence for row in entries(database, kind="journal")][-1:]
    assert count(made, "finding") > 0
    assert count(made, "check_run") == 2
    planned = made.dispose("--dry-run")["own_records"]
    assert planned.keys() == {"finding", "check_result", "journal"}
    done = made.dispose("--yes")
    assert done["own_records"] == planned
    assert done["disposed_count"] == 0
    assert (count(made, "finding"), count(made, "check_run")) == (0, 1), "the latest run stays"
    assert line not in {row[0] for row in stored_rows(database, "SELECT sequence FROM entry_key")}
    proof = made.wa("verify")
    assert proof["findings"] == []
    assert proof["disposed_count"] >= planned["journal"]


def test_consent_records_leave_their_no_behind(made: Disposing) -> None:
    scheduled(made, "consent_record,,,OWN,,P0D,,last_entry_at,,")
    events = made.workspace.consent_events.filter(pl.col("source_code") == "register")
    refusals = events.filter(pl.col("action_code").is_in(["withdrawn", "refused"]))
    assert refusals.height
    done = made.dispose("--yes")
    assert done["own_records"]["consent_record"] > 0
    left = made.workspace.consent_events.filter(pl.col("source_code") == "register")
    gone = set(events["event_id"]) - set(left["event_id"])
    assert gone
    kept = set(made.workspace.table(t.Suppression)["suppression_id"])
    assert set(refusals["event_id"]) & gone <= kept
    assert made.wa("verify")["findings"] == []


def test_a_hold_on_everything_keeps_our_records(made: Disposing) -> None:
    scheduled(made, "journal,,,OWN,,P0D,,created_at,,")
    made.workspace.lookup(["nobody"], at=AS_OF)
    assert made.dispose("--dry-run")["own_records"]
    made.wa("hold", "add", "--matter", "M-1", "--reason", "test", "--everything")
    assert made.dispose("--dry-run")["own_records"] == {}


def test_what_comes_in_late_loses_its_key_at_the_next_refresh(made: Disposing) -> None:
    """As the live receiver stores it, which cannot know."""
    database = made.workspace.database
    captures = [row.sequence for row in entries(database, kind="capture", limit=10**6)]
    made.dispose("--yes")
    provider, path = next(pair for pair in made.written.imports if pair[0] == "meta-cloud")
    before = made.workspace.messages.sort("message_id")
    disposed = set(made.workspace.table(t.DisposedMessage)["message_id"])
    assert disposed, "the world has something to dispose of"
    # The intake knows no disposal, like the receiver.
    with database.writing() as writer:
        writer.execute("DELETE FROM disposed_message")
        writer.execute("DELETE FROM disposed_event")
    stored = made.wa("capture", provider, str(path), allowed=(0, 2))["stored"]
    assert stored, captures
    made.wa("rebuild")
    late = database.scalar(
        "SELECT count FROM import_count WHERE provider = 'meta-cloud' AND outcome_code = 'already_disposed'"
    )
    assert late
    after = made.workspace.messages.sort("message_id")
    assert after["message_id"].to_list() == before["message_id"].to_list()
    assert made.workspace.rebuild().late == frozenset(), "nothing that speaks of them has a key"
    proof = made.wa("verify")
    assert (proof["findings"], proof["unfinished_disposal_count"]) == ([], 0)
