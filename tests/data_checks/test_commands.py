"""`wa check` from the outside, and the lines the README promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.data_checks.state import AS_OF, DAY, add, clean_world, send
from wa_analytics.cli import main
from wa_analytics.database import Database

ROOM = Path(__file__).parents[2] / "data_checks"
WA = Path(sys.executable).with_name("wa")

needs_wa = pytest.mark.skipif(not WA.is_file(), reason="the command `wa` is not installed here")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with one critical and one medium finding to come."""
    home = tmp_path / "wa-home"
    home.mkdir()
    with pytest.raises(SystemExit, match="0"):
        main(["--home", str(home), "init"])
    database = Database(f"sqlite:///{home / 'wa.db'}")
    add(
        database,
        *clean_world(),
        send(10, consent_code="withdrawn", is_recorded_late=None),
        send(11, is_recorded_late=True),
    )
    database.close()
    return home


Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def wa(home: Path, capsys: pytest.CaptureFixture[str]) -> Called:
    """`wa --home HOME …` → exit code, stdout, stderr."""

    def called(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(["--home", str(home), *words])
        shown = capsys.readouterr()
        return int(str(stop.value.code)), shown.out, shown.err

    return called


def as_of(days: int = 0) -> tuple[str, str]:
    return ("--as-of", (AS_OF + days * DAY).isoformat())


def test_wa_check_tells_outcome_and_exit_code(wa: Called) -> None:
    code, shown, _ = wa("check", *as_of(), "--json")
    document = json.loads(shown)
    assert (code, document["outcome"]) == (1, "fail")
    found = {r["check"]: r["finding_count"] for r in document["results"] if r["finding_count"]}
    assert found == {"consent.withdrawn": 1, "consent.recorded_late": 1}

    assert wa("check", "consent", *as_of(), "--fail-on", "new")[0] == 0
    assert wa("check", "consent", *as_of(), "--fail-on", "critical")[0] == 1
    code, shown, _ = wa("check", "window", *as_of())
    assert code == 0
    assert "window.free_form_outside" in shown
    assert "1 of 1 checks ran as of 2026-03-01T12:00:00+00:00" in shown
    code, shown, said = wa("check", "consnet")
    assert (code, shown) == (2, "")
    assert said.startswith("There is no suite 'consnet'")


def test_a_narrow_terminal_cuts_no_number(wa: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    _, shown, _ = wa("check", "consent", *as_of())
    assert shown.splitlines()[0].split() == ["check", "outcome", "severity", "evaluated", "findings"]
    assert "…" not in shown


@needs_wa
def test_the_cron_line_works(tmp_path: Path) -> None:
    lines = re.findall(r"^```cron\n(.+)\n```", (ROOM / "README.md").read_text(), re.MULTILINE)
    (line,) = lines
    *times, command = line.split(" ", 5)
    assert len(times) == 5
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in times)
    assert "%" not in command, "cron reads a bare % as a line end"
    home = tmp_path / "wa-home"
    home.mkdir()
    (home / "settings.toml").write_text('[meta_cloud]\napp_secret = "made up"\n')
    forged = {
        "received_at": "2026-03-01T12:00:00Z",
        "headers": {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        "body": '{"object":"whatsapp_business_account","entry":[]}',
    }
    (tmp_path / "spool.ndjson").write_text(json.dumps(forged) + "\n")
    for words in (["init"], ["capture", "meta-cloud", str(tmp_path / "spool.ndjson")]):
        with pytest.raises(SystemExit, match="0"):
            main(["--home", str(home), *words])
    environment = {"HOME": str(tmp_path), "PATH": f"{WA.parent}:{os.defpath}"}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, check=False)
    assert done.returncode == 1
    document = json.loads((tmp_path / "wa-run.ndjson").read_text())
    assert document["check"]["outcome"] == "fail"
    assert document["incidents_opened"] == 1


@needs_wa
def test_the_ci_file_calls_what_exists(home: Path) -> None:
    steps = yaml.safe_load((ROOM / "examples" / "ci.yml").read_text())["jobs"]["check"]["steps"]
    (command,) = [step["run"] for step in steps if step.get("name") == "Check"]
    environment = {"WA_HOME": str(home), "PATH": f"{WA.parent}:{os.defpath}"}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, cwd=home.parent, check=False)
    assert done.returncode == 1
    assert json.loads((home.parent / "check.json").read_text())["results"]
    assert (home.parent / "data-docs" / "index.html").is_file()
