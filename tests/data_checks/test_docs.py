"""Data Docs load nothing from outside and show nobody; a run calls nobody."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from data_checks.run import run
from data_checks.suites import CATALOGUE
from tests.data_checks.state import AS_OF, PARTY, add, clean_world, digest, event, send
from wa_analytics.database import Database
from wa_analytics.errors import WorkbenchError
from wa_analytics.reports.wording import moment


def test_data_docs_hold_counts_and_load_nothing(database: Database, tmp_path: Path) -> None:
    secret = "+447700900123"
    add(
        database,
        *clean_world(),
        send(10, consent_code="withdrawn", is_recorded_late=None, custodian_id=secret),
        send(11, consent_code=secret, is_recorded_late=None),
        event(110, source_code=secret),
    )
    folder = tmp_path / "docs"
    outcome = run(database.url, home=tmp_path, as_of=AS_OF, docs=folder)
    page = (folder / "index.html").read_text()
    results = (folder / "validation_results.json").read_text()
    recorded = json.dumps(database.frame("SELECT * FROM check_result").rows(), default=str)

    assert re.findall(r"https?:|//[a-z]|<script|<link|<img|@import|url\(", page) == []
    assert "Content-Security-Policy" in page
    for text in (page, results, recorded, repr(outcome)):
        for hidden in (secret, PARTY, digest(10), digest(11), digest(110)):
            assert hidden not in text
    assert "✓ no exception found" in page
    assert "`" not in page
    assert f"as of {moment(AS_OF)}" in page
    for check in CATALOGUE:
        assert check.key in page
        assert check.title in page.replace("&#39;", "'")
    rows = {row["check"]: row for row in json.loads(results)["results"]}
    (expectation,) = rows["consent.withdrawn"]["expectations"]
    assert expectation["expectation"] == "expect_no_violating_keys"
    assert (expectation["success"], expectation["unexpected_count"]) == (False, 1)
    columns = {row["column"]: row for row in rows["integrity.message_columns"]["expectations"]}
    assert columns["consent_code"]["unexpected_count"] == 1
    assert columns["message_id"]["success"] is True


def test_a_run_connects_to_nobody(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, *clean_world())
    called: list[Any] = []

    def refused(*where: Any, **_options: Any) -> None:
        called.append(where)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    outcome = run(database.url, home=tmp_path, as_of=AS_OF)
    assert outcome.outcome == "pass"
    assert called == []


def test_docs_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    database = Database(f"sqlite:///{home / 'wa.db'}")
    database.migrate()
    database.close()
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(WorkbenchError, match="--docs"):
        run(home=home, as_of=AS_OF, suites=["window"], docs=blocked / "docs")
