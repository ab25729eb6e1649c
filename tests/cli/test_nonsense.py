"""Senseless and unlucky calls: a sentence and exit code 2, never a trace, and nothing is harmed."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Wa, called
from wa_analytics.workspace import Workspace

ELSEWHERE = "postgresql://wa@127.0.0.1:1/wa"


def refused(told: object, *parts: str) -> None:
    assert told.code == 2  # type: ignore[attr-defined]
    (sentence,) = told.err.strip().splitlines()  # type: ignore[attr-defined]
    for part in parts:
        assert part in sentence, sentence
    assert sentence.endswith(".")


def test_moments_that_no_calendar_counts_from(wa: Wa) -> None:
    for words in (("metrics",), ("scorecard",), ("check", "consent"), ("dispose", "--dry-run")):
        for moment in ("0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31T23:59:59-14:00"):
            refused(wa(*words, "--as-of", moment), "--as-of", "1970 to 2199")


def test_the_first_and_the_last_moment_are_answered(wa: Wa) -> None:
    for moment in ("1970-01-01T00:00:00+14:00", "2199-12-31T23:59:59-14:00"):
        for words in (("metrics",), ("metrics", "--by", "entity,month"), ("scorecard",)):
            assert wa(*words, "--as-of", moment).code == 0


def test_the_option_at_fault_is_named(wa: Wa) -> None:
    hold = ("hold", "add", "--matter", "m", "--reason", "r")
    gap = ("gaps", "declare", "statuses", "--reason", "r", "--since", "2025-01-01")
    for words in (
        (*hold, "--from"), (*hold, "--to"), (*gap[:-2], "--since"), (*gap, "--until"),
        ("pull", "meta-cloud", "analytics", "--since"),
    ):  # fmt: skip
        refused(wa(*words, "soon"), f"{words[-1]} is no ISO 8601 time")


def test_a_dimension_or_metric_named_twice_counts_once(wa: Wa) -> None:
    once = wa("metrics", "consent_coverage", "--by", "entity", "--as-of", "2026-01-01", "--json")
    twice = wa(
        "metrics", "consent_coverage", "consent_coverage", "--by", "entity,entity", "--as-of", "2026-01-01",
        "--json",
    )  # fmt: skip
    assert (twice.code, twice.out) == (0, once.out)


def test_a_report_that_cannot_be_written(wa: Wa, tmp_path: Path) -> None:
    refused(wa("report", "scorecard", "--out", str(tmp_path)), str(tmp_path), "Is a directory")
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "scorecard.html"
    refused(wa("report", "scorecard", "--out", str(below)), str(tmp_path / "file"))


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(called("--home", str(tmp_path / "file"), "init"), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


def test_the_workspace_named_behind_the_command(tmp_path: Path) -> None:
    told = called("incidents", "list", "--home", str(tmp_path))
    assert (told.code, told.out) == (2, "")
    assert told.err == "--home stands before the command: `wa --home DIR incidents list …`.\n"


def test_arguments_that_are_no_text(wa: Wa) -> None:
    for words in (("lookup", "\udcff"), ("explain", "\udcff")):
        refused(wa(*words), "not UTF-8")


def test_a_misspelt_rule_is_no_good_news(wa: Wa, home: Path) -> None:
    refused(wa("findings", "consent.withdrwan"), "consent.withdrwan", "consent.withdrawn")
    refused(wa("findings", "consnet", "--json"), "consnet", "consent, ")
    workspace = Workspace.open(home)
    assert workspace.findings("consent.withdrawn").is_empty()
    workspace.close()


def test_no_finding_before_any_check_is_not_evaluated(wa: Wa) -> None:
    assert wa("findings").out == "Not evaluated: no check has run; `wa check` runs them.\n"
    assert wa("findings", "--json").document == []
    assert wa("check", "consent").code == 0
    assert re.match(r"No finding; 0 of \d\d checks ran as of", wa("findings", "consent").out)
    assert "No finding; 0 of 1 checks ran as of" in wa("findings", "consent.withdrawn").out


def test_figures_by_a_dimension_without_anything_to_count_are_not_evaluated(wa: Wa) -> None:
    told = wa("metrics", "consent_coverage", "--by", "entity")
    assert told.out == "Consent coverage: not evaluated\n"


def test_revealing_what_nobody_knows(wa: Wa) -> None:
    told = wa("reveal", "nothing", "--reason", "case 17")
    refused(told, "Nothing is known under 'nothing'")
    assert told.out == ""


def test_an_incident_needs_a_title_and_a_company_that_is_there(wa: Wa) -> None:
    refused(wa("incidents", "open", " "), "needs a title")
    refused(wa("incidents", "open", "lost phone", "--entity", "nobody"), "'nobody'")
    assert wa("incidents", "list").out == "No incident is open.\n"


def test_what_no_command_takes_is_one_sentence(wa: Wa) -> None:
    decide = ("incidents", "decide", "INC-0001", "--breach", "--note", "n")
    refused(wa(*decide, "--risk", "big"), "--risk", "'high_risk'", "`wa incidents decide --help`")
    refused(wa("incidents", "settle"), "'settle'", "`wa incidents --help`")
    refused(wa("metrics", "--per", "day"), "--per", "`wa metrics --help`")
    refused(wa("lookup"), "OUTSIDE_ID")


def test_a_no_with_what_belongs_to_a_yes(wa: Wa) -> None:
    wa("incidents", "open", "Send log on an open share")
    decide = ("incidents", "decide", "INC-0001", "--no-breach", "--note", "n")
    refused(wa(*decide, "--risk", "risk"), "INC-0001", "belong to a breach")
    refused(wa(*decide, "--aware-at", "2026-01-01T00:00:00+00:00"), "INC-0001", "belong to a breach")
    assert wa(*decide).code == 0
    closed = wa("incidents", "close", "INC-0001", "--note", "n")
    assert closed.out == "INC-0001: closed, Send log on an open share\n"


def test_what_the_system_refuses_is_a_sentence(wa: Wa, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Workspace, "refresh", exhausted)
    refused(wa("refresh"), "Too many open files")


def test_an_interrupt_says_what_stays(wa: Wa, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "refresh", interrupted)
    told = wa("refresh")
    assert (told.code, told.out) == (130, "")
    assert told.err.startswith("Stopped; what was committed stays")


def test_a_database_that_does_not_answer_is_not_written_down(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for url, part in (("nonsense", "cannot be read"), (ELSEWHERE, "127.0.0.1:1"), ("mysql://x/y", "mysql")):
        refused(called("--home", str(home), "init", "--database-url", url), part)
    assert called("--home", str(home), "init", "--json").document["database"] == "sqlite"


def test_a_workspace_is_not_put_on_another_database(wa: Wa, home: Path, postgresql_url: str) -> None:
    before = (home / "settings.toml").read_bytes()
    refused(wa("init", "--database-url", postgresql_url), "wa.db", "--home")
    assert (home / "settings.toml").read_bytes() == before
    other = str(home.parent / "other")
    for _ in "12":
        assert called("--home", other, "init", "--database-url", postgresql_url).code == 0
    refused(called("--home", other, "init", "--database-url", "sqlite:///elsewhere.db"), "another database")
    assert called("--home", other, "findings").code == 0


def test_keys_tell_their_time_with_its_offset(tmp_path: Path, postgresql_url: str) -> None:
    for name, words in (("one", ()), ("two", ("--database-url", postgresql_url))):
        home = str(tmp_path / name)
        assert called("--home", home, "init", *words).code == 0
        assert called("--home", home, "lookup", "nobody").code == 0
        rows = called("--home", home, "keys", "list", "--json").document
        assert [row["created_at"][-6:] for row in rows] == ["+00:00"]


def test_tables_fit_a_terminal_and_stay_whole_in_a_pipe(wa: Wa, monkeypatch: pytest.MonkeyPatch) -> None:
    matter = "the matter of the letters that went astray in the winter of 2025"
    assert wa("hold", "add", "--matter", matter, "--everything", "--reason", "r").code == 0
    (row,) = [line for line in wa("hold", "list").out.splitlines() if line.startswith("HOLD-0001")]
    assert matter in row
    assert "everything" in row
    schedule = wa("retention", "schedule").out
    assert "Lei 13.787/2018 art. 6" in schedule
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "HOLD-0001" in wa("hold", "list").out
