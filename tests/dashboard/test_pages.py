"""Each page run by Streamlit's own tester, on a workspace, on an empty one and on none."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import wa_analytics as wa
from dashboard import frame, workbench
from dashboard.board import RETENTION_STATES
from dashboard.start.serve import _first_look
from tests.cli.conftest import called
from tests.demo_workspace import Demo
from tests.providers.worlds import body
from wa_analytics import database
from wa_analytics.capture import Capture
from wa_analytics.receiver.archive import EvidenceArchive
from wa_analytics.reports.checklist import QUESTIONS
from wa_analytics.reports.wording import day
from wa_analytics.settings import read_settings

PAGES = ("overview", "completeness", "consent", "retention", "incidents")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit.*", "ignore::ResourceWarning")


def _run(name: str) -> AppTest:
    def script(name: str) -> None:
        from importlib import import_module

        import_module(f"dashboard.pages.{name}").page()

    return AppTest.from_function(script, args=(name,), default_timeout=120).run()


def _text(page: AppTest) -> str:
    """Everything the page says in its HTML, without tags."""
    markup = " ".join(element.proto.body for element in page.get("html"))
    return re.sub(r"\s+", " ", unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", markup, flags=re.S)))


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, demo: Demo) -> tuple[str, AppTest]:
    return request.param, _run(request.param)


def test_page_draws_without_exception_and_says_how_fresh_it_is(page: tuple[str, AppTest]) -> None:
    name, shown = page
    assert not shown.exception
    text = _text(shown)
    assert name.capitalize() in text
    assert "last capture" in text
    assert "last check" in text
    assert "checked in time" in text
    assert "check overdue" not in text
    assert "not legal advice" in text


def test_no_page_calls_anything_compliant(page: tuple[str, AppTest]) -> None:
    text = _text(page[1]).replace("no statement here says that a company is compliant", "")
    assert "compliant" not in text


def test_no_page_shows_a_person(page: tuple[str, AppTest], demo: Demo) -> None:
    text = _text(page[1])
    assert [secret for secret in demo.world.people_secrets() if secret in text] == []


def test_overview_answers_the_four_questions_with_what_did_not_run(demo: Demo) -> None:
    text = _text(_run("overview"))
    for question in QUESTIONS:
        assert question.title in text
    assert "not evaluated: no inventory connected" in text.lower()
    assert re.search(r"\d+ exceptions? found, \d+ of \d+ tests ran", text)
    assert "owner Data Protection Officer" in text


def test_three_decisions_are_those_of_the_workspace(demo: Demo) -> None:
    text = _text(_run("overview"))
    decisions = demo.workspace.overview().decisions
    assert len(decisions) == 3
    for decision in decisions:
        assert decision.text in text
        assert decision.due_text in text


def test_company_filter_changes_the_numbers(demo: Demo) -> None:
    shown = _run("consent")
    group = _text(shown)
    shown.button_group(key="company").set_value("ipe_claro").run()
    own = _text(shown)
    figure = demo.workspace.overview("ipe_claro").figure("consent_coverage")
    assert "Clínicas Ipê Claro" in own
    assert f"{figure.numerator:,} of {figure.denominator:,}" in own
    assert f"{figure.numerator:,} of {figure.denominator:,}" not in group


def test_counts_are_those_of_the_open_findings(demo: Demo) -> None:
    board = workbench.screen().seen(None).board
    found = dict(demo.workspace.findings().group_by("rule").len().rows())
    for line in (*board.consent_rules, *board.retention_rules):
        assert line.open_count == found.get(line.rule, 0), line.rule
    assert found["consent.withdrawn"] > 0
    assert board.retention_count("overdue") == found["retention.overdue"]
    assert board.retention_count("unscheduled") == found["retention.unscheduled"]
    assert set(board.classes["state"]) <= set(RETENTION_STATES)


def test_completeness_shows_every_rule_of_capture_and_the_ledger(
    demo: Demo,
) -> None:
    board = workbench.screen().seen(None).board
    found = dict(demo.workspace.findings().group_by("rule").len().rows())
    for line in board.capture_rules:
        assert line.open_count == found.get(line.rule, 0), line.rule
    captured = workbench.screen().seen(None).capture
    channels = {channel for entity in demo.workspace.settings.entities for channel in entity.channels}
    assert set(captured.days["channel_id"]) <= channels
    assert captured.days["inbound_count"].sum() > 100
    text = _text(_run("completeness"))
    silent = next(one for one in captured.proposals if one.rule == "capture.silence")
    assert silent.gap_to is not None
    assert f"{day(silent.gap_from)} {day(silent.gap_to - timedelta(days=1))}" in text
    assert "Capture completeness" in text
    assert text.count("send log down for maintenance") == len(demo.world.gaps) == 3
    assert "no fetching yet" not in text
    told = (
        str(demo.home),
        "gaps",
        "declare",
        "media",
        "--since",
        "2026-01-01",
        "--reason",
        "no fetching yet",
    )
    assert called("--home", *told).code == 0
    assert "no fetching yet" in _text(_run("completeness"))
    assert called("--home", str(demo.home), "gaps", "withdraw", "GAP-0004", "--reason", "test").code == 0
    assert "no fetching yet" not in _text(_run("completeness"))


def test_companies_add_up_to_the_group(demo: Demo) -> None:
    screen = workbench.screen()
    parts = [screen.seen(company.key).board for company in screen.companies if company.key]
    whole = screen.seen(None).board
    assert sum(part.classes["messages"].sum() for part in parts) == whole.classes["messages"].sum()
    assert sum(part.sends["sends"].sum() for part in parts) == whole.sends["sends"].sum()


def test_breach_has_a_running_legal_clock_and_the_rest_are_undecided(demo: Demo) -> None:
    text = _text(_run("incidents"))
    assert "GDPR Art. 33(1)" in text
    assert "notify the supervisory authority" in text
    assert "breach? undecided" in text


def test_downloads_hold_keys_and_no_person(demo: Demo) -> None:
    secrets = demo.world.people_secrets()
    documents = (
        workbench.findings_csv(None, ("consent.withdrawn",)),
        workbench.retention_csv("celtair"),
        workbench.scorecard_html(),
        workbench.incident_html("INC-0001"),
    )
    for document in documents:
        text = document.decode()
        assert len(text.splitlines()) > 1
        assert [secret for secret in secrets if secret in text] == []
    expected = demo.workspace.findings("consent.withdrawn").height
    assert len(documents[0].decode().splitlines()) == expected + 1
    assert "harborline" not in documents[1].decode()


def test_cached_read_notices_a_new_incident_step(demo: Demo) -> None:
    before = workbench.screen().seen(None)
    state = next(line.state for line in before.incidents if line.state.entity)
    from wa_analytics.incidents.lifecycle import updated
    from wa_analytics.pipeline.judgement import recorded

    change = updated(state, at=demo.as_of, actor="test", note="looked at")
    recorded(demo.workspace.database, [change])
    after = {line.state.incident_id: line for line in workbench.screen().seen(None).incidents}
    assert after[state.incident_id].steps[-1].note == "looked at"


def test_first_look_leaves_nothing_to_read_for_whoever_comes(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench._read.clear()
    _first_look()
    monkeypatch.setattr(workbench, "board", None)
    screen = workbench.screen()
    titles = {screen.seen(company.key).board.overview.title for company in screen.companies}
    assert titles >= {"Celtair Airways", "Harborline Securities"}


def test_a_delivery_alone_draws_nothing_anew(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo.home, tmp_path / "live")
    monkeypatch.setenv("WA_HOME", str(tmp_path / "live"))
    before = workbench.screen()
    archive = EvidenceArchive(read_settings(tmp_path / "live"), f"sqlite:///{tmp_path / 'live' / 'wa.db'}")
    moment = int(datetime(2039, 5, 1, tzinfo=UTC).timestamp() * 1_000_000)
    archive.append([Capture(json.dumps(body()).encode(), {}, "meta-cloud", moment, "valid")], None)
    archive.close()
    captured = workbench.screen()
    assert captured.stamp == before.stamp
    assert captured.freshness["last_capture_at"] > before.freshness["last_capture_at"]
    hold = ("hold", "add", "--matter", "m", "--everything", "--reason", "r")
    assert called("--home", str(tmp_path / "live"), *hold).code == 0
    assert workbench.screen().stamp != before.stamp


def test_nothing_captured_is_not_evaluated_never_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wa.init(tmp_path / "empty").close()
    monkeypatch.setenv("WA_HOME", str(tmp_path / "empty"))
    for name in PAGES:
        shown = _run(name)
        assert not shown.exception, name
        text = _text(shown)
        assert "last check never" in text
        assert "check overdue" in text
        assert "not evaluated" in text.lower(), name
        for green in ("✓ no exception found", "nothing is overdue", "no content held", "0 of 0", "medium"):
            assert green not in text, (name, green)
    assert _text(_run("overview")).lower().count("not evaluated") >= 4
    assert "no check has run" in _text(_run("incidents"))
    (asked,) = wa.open(tmp_path / "empty").overview().decisions
    assert asked.text.startswith("Have the evidence captured and the checks run")


def test_a_check_that_could_not_run_is_told_above_every_page(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo.home, tmp_path / "crashed")
    with closing(sqlite3.connect(tmp_path / "crashed" / "wa.db")) as database, database:
        database.execute("UPDATE check_run SET outcome_code = 'error'")
        database.execute(
            "UPDATE check_result SET outcome_code = 'error', reason = 'it crashed' "
            "WHERE check_key = 'retention.conflict'"
        )
    monkeypatch.setenv("WA_HOME", str(tmp_path / "crashed"))
    for name in PAGES:
        text = _text(_run(name))
        assert "a check could not run" in text, name
        assert "checked in time" not in text, name
    assert "Did not run: retention rules that contradict each other" in _text(_run("overview"))


def test_no_workspace_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_HOME", str(tmp_path / "nowhere"))
    shown = _run("overview")
    assert not shown.exception
    assert "run `wa init` there first" in shown.warning[0].value


def test_a_database_that_is_away_is_one_sentence(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        monkeypatch.setenv("WA_DATABASE_URL", f"postgresql://wa:secret@127.0.0.1:{port}/wa")
        for name in PAGES:
            shown = _run(name)
            assert not shown.exception
            (told,) = shown.warning
            assert f"The database 127.0.0.1:{port}/wa cannot be used" in told.value
            assert "secret" not in told.value
            assert "There is nothing to show now." in _text(shown)


def test_a_database_that_is_locked_is_one_sentence(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first look, and between the look at the workspace and the reading of it."""
    shutil.copytree(demo.home, tmp_path / "locked")
    monkeypatch.setenv("WA_HOME", str(tmp_path / "locked"))
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with closing(
        sqlite3.connect(tmp_path / "locked" / "wa.db", isolation_level=None, check_same_thread=False)
    ) as other:

        def locked() -> None:
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            other.execute("BEGIN IMMEDIATE")

        chosen = frame._company

        def chosen_then_locked(screen: workbench.Screen) -> str | None:
            locked()
            return chosen(screen)

        monkeypatch.setattr(frame, "_company", chosen_then_locked)
        for _ in range(2):
            shown = _run("overview")
            assert not shown.exception
            (told,) = shown.warning
            assert "The database is locked by another program" in told.value
