"""A check that crashed is an error: never a pass, never a mere failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import data_checks
from data_checks.check import Check
from data_checks.context import connection_string
from data_checks.run import run
from data_checks.suites import CATALOGUE
from tests.data_checks.state import AS_OF, add, clean_world, send
from wa_analytics.database import Database
from wa_analytics.errors import InputRefused, WorkspaceMissing

BY_KEY = {check.key: check for check in CATALOGUE}


def refused_over(**changes: str) -> Check:
    check = BY_KEY["consent.refused"]
    return replace(check, rows=replace(check.rows, **changes))


@pytest.mark.parametrize(
    "broken",
    [
        replace(BY_KEY["consent.refused"], violation="no_such_column = 1"),
        replace(BY_KEY["consent.refused"], violation="consent_code = "),
        refused_over(subject_id="no_such_column"),
        refused_over(source="no_such_table"),
        refused_over(source="SELECT message_id FROM no_such_table"),
        replace(refused_over(occurred_at="no_such_column"), violation="1 = 1"),
    ],
    ids=["column", "syntax", "subject", "table", "query", "occurred_at"],
)
def test_broken_sql_is_an_error_and_the_others_still_speak(
    database: Database, tmp_path: Path, broken: Check
) -> None:
    add(database, *clean_world(), send(10, consent_code="withdrawn", is_recorded_late=None))
    checks = [BY_KEY["consent.withdrawn"], broken, BY_KEY["consent.expired"]]
    outcome = run(database.url, home=tmp_path, as_of=AS_OF, checks=checks)
    assert [r.outcome for r in outcome.results] == ["fail", "error", "pass"]
    assert outcome.outcome == "error"
    assert outcome.exit_code() == 2, "2 beats 1"
    reason = outcome.results[1].reason or ""
    assert reason.startswith("the check could not run (")
    assert "no_such" not in reason, "the database's own words may quote values"
    assert database.scalar("SELECT COUNT(*) FROM finding") == 1


class Doubtful(Check):
    """A check whose query for Great Expectations says something else than its fragments."""

    def key_select(self) -> str:
        return "SELECT message_id FROM {batch}"


def test_disagreement_of_the_two_counts_is_an_error(database: Database, tmp_path: Path) -> None:
    add(database, *clean_world())
    honest = BY_KEY["consent.refused"]
    doubtful = Doubtful(**{name: getattr(honest, name) for name in Check.__dataclass_fields__})
    outcome = run(database.url, home=tmp_path, as_of=AS_OF, checks=[doubtful])
    (result,) = outcome.results
    assert result.outcome == "error"
    everything = database.scalar("SELECT count(*) FROM message")
    assert result.reason == (
        f"Great Expectations counted {everything} and our own SQL 0 violations; if no refresh was running, "
        "correct the check"
    )


def test_an_unknown_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no suite 'consnet'; choose from capture, completeness, consent"):
        run(home=tmp_path, suites=["consnet"])


def test_a_missing_workspace_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceMissing, match="wa init"):
        run(home=tmp_path / "absent", as_of=AS_OF)
    assert not (tmp_path / "absent").exists()


def test_the_package_itself_is_callable_on_a_workspace_with_an_odd_name(tmp_path: Path) -> None:
    home = tmp_path / "cost $5 {x} % home"
    home.mkdir()
    database = Database(f"sqlite:///{home / 'wa.db'}")
    database.migrate()
    add(database, *clean_world())
    database.close()
    outcome = data_checks.run(home=home, as_of=AS_OF, suites=["window"])
    assert outcome.outcome == "pass"
    assert (home / "reports" / "data_docs" / "index.html").is_file()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql+psycopg://reader@/books?host=%2Frun%2Fpostgresql",
            "postgresql+psycopg://reader@localhost/books?host=%2Frun%2Fpostgresql",
        ),
        ("postgresql+psycopg://r:a$b c@host/books", "postgresql+psycopg://r:a%24b%20c@host/books"),
        ("sqlite:////tmp/$x y/wa.db", "sqlite:////tmp/%24x%20y/wa.db"),
    ],
)
def test_connection_strings_as_great_expectations_takes_them(url: str, expected: str) -> None:
    assert connection_string(url) == expected
