"""Findings over several runs: first seen, last seen, resolved, reopened; all of them, in chunks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as engine_event

from data_checks import findings
from data_checks.run import run
from data_checks.suites import CATALOGUE
from tests.data_checks.state import AS_OF, DAY, ENTITY, add, clean_world, digest, event, send
from wa_analytics.database import Database
from wa_analytics.tables import Message


def history(database: Database) -> dict[str, Any]:
    frame = database.frame(
        "SELECT finding_id, status_code, first_seen_at, last_seen_at, resolved_at, reopened_at, noticed_at, "
        "outcome_code, check_run_id FROM finding"
    )
    (row,) = frame.iter_rows(named=True)
    return row


def set_consent(database: Database, code: str) -> None:
    with database.writing() as writer:
        writer.execute(
            "UPDATE message SET consent_code = :code, is_recorded_late = NULL WHERE message_id = :id",
            {"code": code, "id": digest(10)},
        )


def test_resolved_when_the_cause_is_gone_and_reopened_when_it_returns(
    database: Database, tmp_path: Path
) -> None:
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None,
                                       delivered_at=AS_OF + DAY))  # fmt: skip

    def consent_run(as_of: datetime) -> Any:
        return run(database.url, home=tmp_path, as_of=as_of, suites=["consent"])

    first = consent_run(AS_OF)
    assert (first.new_count, first.open_count, first.critical_count) == (1, 1, 1)
    seen = history(database)
    assert (seen["status_code"], seen["first_seen_at"], seen["outcome_code"]) == (
        "open", AS_OF, "unknown")  # fmt: skip

    again = consent_run(AS_OF + DAY)
    assert (again.new_count, again.open_count) == (0, 1)
    assert (again.exit_code("any"), again.exit_code("new")) == (1, 0)
    seen = history(database)
    assert (seen["first_seen_at"], seen["last_seen_at"]) == (AS_OF, AS_OF + DAY)
    assert seen["outcome_code"] == "delivered", "columns follow the state"
    assert seen["check_run_id"] == again.check_run_id

    set_consent(database, "granted")
    gone = consent_run(AS_OF + 2 * DAY)
    assert gone.open_count == 0
    assert gone.exit_code() == 0
    seen = history(database)
    assert (seen["status_code"], seen["resolved_at"]) == ("resolved", AS_OF + 2 * DAY)
    assert seen["last_seen_at"] == AS_OF + DAY

    set_consent(database, "withdrawn")
    back = consent_run(AS_OF + 3 * DAY)
    assert (back.new_count, back.exit_code("new")) == (1, 1)
    seen = history(database)
    assert seen["status_code"] == "open"
    assert seen["resolved_at"] is None
    assert (seen["first_seen_at"], seen["reopened_at"]) == (AS_OF, AS_OF + 3 * DAY)


def test_a_run_of_an_earlier_moment_resolves_nothing_before_it_was_seen(
    database: Database, tmp_path: Path
) -> None:
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None))
    begun = datetime.now(UTC)
    run(database.url, home=tmp_path, as_of=AS_OF + DAY, suites=["consent"])
    set_consent(database, "granted")
    run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    row = history(database)
    assert row["status_code"] == "resolved"
    assert row["resolved_at"] == row["first_seen_at"] == AS_OF + DAY
    noticed_at = row["noticed_at"]
    assert begun <= noticed_at
    set_consent(database, "withdrawn")
    run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    assert history(database)["noticed_at"] > noticed_at


def test_a_check_that_could_not_speak_leaves_its_findings(database: Database, tmp_path: Path) -> None:
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None))
    run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])

    other = run(database.url, home=tmp_path, as_of=AS_OF, suites=["retention"])
    assert other.open_count == 0, "only the rules of the suites that ran are counted"
    broken = tuple(
        replace(check, violation="no_such_column") if check.key == "consent.withdrawn" else check
        for check in CATALOGUE
    )
    crashed = run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"], checks=broken)
    assert crashed.exit_code() == 2
    with database.writing() as writer:
        writer.execute("UPDATE message SET consent_code = 'not_evaluated'")
    silent = run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    assert silent.results[0].outcome == "not_evaluated"
    assert history(database)["status_code"] == "open"
    assert silent.exit_code() == 1, "an open finding stays open while nobody can look"


def test_a_finding_whose_row_is_of_another_kind_now_is_gone(database: Database, tmp_path: Path) -> None:
    """A request that turns out to be a grant is no request; that none is left is no reason to keep it."""
    add(database, *clean_world())
    add(database, event(70, action_code="requested", is_asked_again=True))
    asked = run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    assert asked.open_count == 1
    with database.writing() as writer:
        writer.execute(
            "UPDATE consent_event SET action_code = 'granted', is_asked_again = :no", {"no": False}
        )
    after = run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    result = next(r for r in after.results if r.check == "consent.asked_again")
    assert result.outcome == "not_evaluated"
    assert history(database)["status_code"] == "resolved"


def test_a_finding_about_what_was_disposed_of_is_gone(database: Database, tmp_path: Path) -> None:
    """Though nothing that has a date to be disposed of by is left, and what is left is in conflict."""
    late = {"retain_until": None, "retain_rule": None, "dispose_by": AS_OF - DAY}
    add(database, send(10, sent_at=AS_OF - 90 * DAY, **late), send(11, retention_code="conflict"))
    first = run(database.url, home=tmp_path, as_of=AS_OF, suites=["retention"])
    assert {r.check for r in first.results if r.outcome == "fail"} >= {"retention.overdue"}
    with database.writing() as writer:
        writer.execute("DELETE FROM message WHERE message_id = :id", {"id": digest(10)})
    after = run(database.url, home=tmp_path, as_of=AS_OF, suites=["retention"])
    assert next(r for r in after.results if r.check == "retention.overdue").outcome == "not_evaluated"
    left = database.frame("SELECT rule FROM finding WHERE status_code = 'open'")
    assert "retention.overdue" not in left["rule"].to_list()


def test_what_happened_later_is_no_finding_of_an_earlier_moment(database: Database, tmp_path: Path) -> None:
    """Though at that earlier moment the check had nothing to look at."""
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None))
    assert run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"]).open_count == 1
    before = run(database.url, home=tmp_path, as_of=AS_OF - 3000 * DAY, suites=["consent"])
    assert {result.outcome for result in before.results} == {"not_evaluated"}
    assert history(database)["status_code"] == "resolved"


def test_all_findings_are_recorded_whatever_their_number(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "CHUNK_ROWS", 200)
    add(database, *clean_world())
    template = send(0, consent_code="never_asked", is_recorded_late=None).model_dump()
    columns = tuple(name for name, value in template.items() if value is not None)
    numbers = range(1_000, 1_950)
    rows = [
        tuple(
            digest(number) if name == "message_id"
            else value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime)
            else value
            for name, value in template.items() if value is not None
        )
        for number in numbers
    ]  # fmt: skip
    with database.writing() as writer:
        writer.append(Message, columns, rows)

    outcome = run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    result = next(r for r in outcome.results if r.check == "consent.never_asked")
    assert result.finding_count == 950
    stored = database.frame("SELECT subject_id FROM finding WHERE rule = 'consent.never_asked'")
    assert set(stored["subject_id"]) == {digest(number) for number in numbers}

    with database.writing() as writer:
        writer.execute("UPDATE message SET consent_code = 'granted'")
    run(database.url, home=tmp_path, as_of=AS_OF, suites=["consent"])
    counts = database.frame("SELECT status_code, COUNT(*) AS finding_count FROM finding GROUP BY status_code")
    assert counts.rows() == [("resolved", 950)]


def test_sqlite_write_transactions_read_staged_rows_only(database: Database, tmp_path: Path) -> None:
    """No write lock is held while a source is scanned."""
    if database.dialect != "sqlite":
        pytest.skip("the rule is SQLite's")
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None))
    locked: list[str] = []
    is_locked = False

    def watch(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal is_locked
        if statement.startswith("BEGIN"):
            is_locked = statement == "BEGIN IMMEDIATE"
        elif is_locked:
            locked.append(statement)

    engine_event.listen(Engine, "before_cursor_execute", watch)
    try:
        run(database.url, home=tmp_path, as_of=AS_OF)
    finally:
        engine_event.remove(Engine, "before_cursor_execute", watch)
    sources = ("message", "consent_event", "entry", "status_fact", "message_fact", "identifier")
    assert any("INSERT INTO finding" in statement for statement in locked)
    assert [s for s in locked if any(f"FROM {source}" in s for source in sources)] == []


def test_the_run_and_its_results_are_recorded(database: Database, tmp_path: Path) -> None:
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None))
    outcome = run(database.url, home=tmp_path, as_of=AS_OF)
    (recorded,) = database.frame("SELECT * FROM check_run").iter_rows(named=True)
    assert recorded["check_run_id"] == outcome.check_run_id
    assert (recorded["as_of"], recorded["outcome_code"]) == (AS_OF, "fail")
    assert recorded["finished_at"] >= recorded["started_at"]
    results = database.frame(
        "SELECT check_key, outcome_code, evaluated_count, finding_count FROM check_result"
    ).rows()
    assert sorted(results) == sorted(
        (r.check, r.outcome, r.evaluated_count, r.finding_count) for r in outcome.results
    )
    document = outcome.document()
    assert set(document) == {
        "check_run_id", "as_of", "outcome", "open_count", "critical_count", "new_count", "results",
    }  # fmt: skip
    assert [document[f"{name}_count"] for name in ("open", "critical", "new")] == [1, 1, 1]
    assert set(document["results"][0]) == {
        "suite", "check", "outcome", "severity", "evaluated_count", "finding_count", "reason"}  # fmt: skip
    assert document["as_of"] == "2026-03-01T12:00:00+00:00"
    entities = database.frame("SELECT DISTINCT entity FROM finding")["entity"].to_list()
    assert entities == [ENTITY]
