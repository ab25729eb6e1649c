"""The command line as scripts rely on it: JSON, exit codes, order of look-ups, places."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.conftest import Told, called
from tests.tangled import AS_OF, random_world
from tests.world_files import write
from tests.worlds import World
from wa_analytics import cli
from wa_analytics.workspace import Workspace

SERVERS = {"dashboard", "lab", "receive"}
WORLD = random_world(3, 60)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a small world, checked, with incidents; tests only read it."""
    folder = tmp_path_factory.mktemp("contract")
    home = folder / "home"
    written = write(WORLD, folder / "files")
    home.mkdir()
    shutil.copy(written.settings, home)
    shutil.copy(written.retention, home)
    for words in (
        ("init",),
        *(("capture", provider, str(path)) for provider, path in written.imports),
        ("refresh",),
    ):
        assert called("--home", str(home), *words).code == 0
    assert called("--home", str(home), "run", "--as-of", AS_OF.isoformat()).code == 1
    return home


def at(home: Path, *words: str, stdin: str | None = None) -> Told:
    return called("--home", str(home), *words, stdin=stdin)


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command with its click object, groups entered."""

    def below(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from below(command, (*path, name))
            else:
                yield " ".join((*path, name)), command

    yield from below(typer.main.get_command(cli.app), ())


def test_every_command_that_prints_takes_json() -> None:
    without = {
        name
        for name, command in leaves()
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without <= SERVERS


def test_every_command_says_what_it_does() -> None:
    for name, command in leaves():
        assert command.help and command.help.strip()[0].isupper(), name  # noqa: PT018


def test_no_list_of_commands_is_cut_short() -> None:
    groups = {name.rpartition(" ")[0] for name, _ in leaves()}
    for group in sorted(groups):
        listed = called(*group.split(), "--help").out
        assert [line for line in listed.splitlines()[1:] if line.endswith("...")] == []


def test_the_version_is_told() -> None:
    assert called("--version").out.startswith("wa-analytics ")


def test_the_commands_of_the_design_are_there() -> None:
    named = {name.split()[0] for name, _ in leaves()}
    assert named >= {
        "init", "capture", "pull", "refresh", "rebuild", "check", "findings", "metrics", "controls",
        "scorecard", "run", "lookup", "reveal", "incidents", "report", "doctor", "demo", "dashboard", "lab",
        "explain",
    }  # fmt: skip


FINDING = {"finding_id", "rule", "subject", "subject_id", "severity", "entity", "detected_at", "status"}
METRIC = {"metric", "interval_start", "interval_end", "group", "numerator", "denominator", "ratio"}
CONTROL = {"control", "framework", "citation", "entity", "verdict", "reason", "evidence"}


@pytest.mark.parametrize(
    ("words", "kind", "keys"),
    [
        (("findings",), list, FINDING),
        (("findings", "--all"), list, FINDING),
        (("findings", "consent"), list, FINDING),
        (("metrics",), list, METRIC),
        (("metrics", "consent_coverage", "--by", "entity,purpose"), list, METRIC),
        (("metrics", "consent_coverage", "--by", "entity,month"), list, METRIC),
        (("controls",), list, CONTROL),
        (("scorecard",), list, CONTROL),
        (("lookup", "nothing", "+12025550190"), list, {"outside_id", "kind", "id"}),
        (("incidents", "list"), list, {"incident_id", "status_code", "severity_code"}),
        (("doctor",), dict, {"lines", "providers", "unknown", "freshness"}),
        (("refresh",), dict, {"entries", "messages", "events"}),
        (("rebuild",), dict, {"entries", "messages", "events"}),
        (("report", "scorecard"), dict, {"path"}),
        (("report", "controls"), dict, {"path"}),
        (("init",), dict, {"home", "database"}),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_json_is_one_document_with_its_keys(
    ready: Path, words: tuple[str, ...], kind: type, keys: set[str]
) -> None:
    told = at(ready, *words, "--json")
    assert told.code == 0, told.err
    assert isinstance(told.document, kind)
    rows = told.document if kind is list else [told.document]
    assert rows
    for row in rows:
        assert keys <= set(row)
    assert at(ready, *words).code == 0


def test_instants_are_iso_8601_with_offset(ready: Path) -> None:
    found = at(ready, "findings", "--json").document
    for row in found:
        for name in ("detected_at", "occurred_at"):
            if row[name] is not None:
                assert datetime.fromisoformat(row[name]).tzinfo is not None
    (whole,) = at(ready, "metrics", "consent_coverage", "--as-of", "2026-03-20T12:00:00Z", "--json").document
    assert whole["group"] == {}
    end = datetime.fromisoformat(whole["interval_end"])
    assert (end, end.tzinfo is not None) == (AS_OF, True)
    assert at(ready, "metrics", "consent_coverage", "--as-of", "2026-03-20", "--json").code == 0


def test_an_empty_denominator_is_null_and_not_zero(ready: Path) -> None:
    long_ago = at(ready, "metrics", "consent_coverage", "--as-of", "1999-01-01T00:00:00Z", "--json").document
    assert [(row["denominator"], row["ratio"]) for row in long_ago] in ([], [(0, None)], [(None, None)])


def test_check_and_run_end_by_what_is_open(tmp_path: Path, ready: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ready, home)
    when = ("--as-of", AS_OF.isoformat())
    first = at(home, "check", *when, "--json")
    assert first.code == 1
    assert {"check_run_id", "as_of", "outcome", "results"} <= set(first.document)
    result = first.document["results"][0]
    assert {"suite", "check", "outcome", "evaluated_count", "finding_count", "reason"} <= set(result)
    assert at(home, "check", *when, "--fail-on", "new").code == 0, "nothing is new the second time"
    critical = any(row["severity"] == "critical" for row in at(home, "findings", "--json").document)
    assert at(home, "check", *when, "--fail-on", "critical").code == int(critical)
    assert at(home, "run", *when, "--json").code == 1
    assert at(home, "run", *when, "--fail-on", "new").code == 0


def test_lookup_answers_in_input_order(ready: Path) -> None:
    send, record, staff = (
        WORLD.sends[0],
        next(row for row in WORLD.register if row.record_id),
        WORLD.directory[0],
    )
    person = next(row for row in WORLD.sends if row.to.startswith("+")).to
    asked = [
        record.record_id,
        "unknown",
        send.message_id,
        person,
        person[1:],
        staff.custodian_id,
        send.message_id,
    ]
    rows = at(ready, "lookup", "-", "--json", stdin="".join(f"{one}\r\n" for one in asked)).document
    assert [row["outside_id"] for row in rows] == asked
    kinds = ["consent_event", None, "message", "party", "party", "custodian", "message"]
    assert [row["kind"] for row in rows] == kinds
    assert rows[1]["id"] is None
    assert rows[2]["id"] == rows[6]["id"]
    assert rows[3]["id"] == rows[4]["id"]
    assert rows[5]["id"] == staff.custodian_id
    assert not any(outside in str(row["id"]) for row in rows[:5] for outside in asked)
    empty = at(ready, "lookup", "-", "--json", stdin="")
    assert (empty.code, empty.document) == (0, [])


def test_more_lookups_than_one_query_takes(ready: Path) -> None:
    known = WORLD.sends[0].message_id
    asked = [known, *(f"wamid.NONE{number:06}" for number in range(24_998)), known]
    rows = at(ready, "lookup", "-", "--json", stdin="\n".join(asked)).document
    assert [row["outside_id"] for row in rows] == asked
    assert [row["kind"] for row in rows] == ["message", *[None] * 24_998, "message"]


def test_reveal_shows_a_person_and_journals_it(ready: Path) -> None:
    send = next(row for row in WORLD.sends if row.body)
    (ours,) = at(ready, "lookup", send.message_id, "--json").document
    refused = at(ready, "reveal", ours["id"], "--json")
    assert (refused.code, refused.out) == (2, "")
    workspace = Workspace.open(ready)
    count = "SELECT count(*) FROM entry WHERE kind = 'journal'"
    before = workspace.database.scalar(count)
    rows = at(ready, "reveal", ours["id"], "--reason", "case 17", "--json").document
    assert send.message_id in {row["outside_id"] for row in rows}
    assert send.body in {row["text"] for row in rows}
    assert workspace.database.scalar(count) == before + 1
    workspace.close()


# --- places --------------------------------------------------------------------------------------


def digest(world: World, home: Path) -> tuple[Any, ...]:
    findings = at(home, "findings", "--json").document
    ids = at(home, "lookup", "-", "--json", stdin="\n".join(world.outside_ids())).document
    return findings, ids


def test_a_workspace_can_be_moved_and_copied(tmp_path: Path, ready: Path) -> None:
    shutil.copytree(ready, tmp_path / "copy")
    expected = digest(WORLD, tmp_path / "copy")
    shutil.move(tmp_path / "copy", tmp_path / "elsewhere, moved")
    home = tmp_path / "elsewhere, moved"
    assert digest(WORLD, home) == expected
    (tmp_path / "one.json").write_text(json.dumps({"object": "whatsapp_business_account", "entry": []}))
    assert at(home, "capture", "meta-cloud", str(tmp_path / "one.json")).code == 0
    assert at(home, "refresh", "--json").document["entries"] >= 1
    assert at(home, "run", "--as-of", AS_OF.isoformat()).code == 1
    assert at(home, "rebuild").code == 0
    assert digest(WORLD, home)[1] == expected[1]
    for path in home.rglob("*"):
        if path.is_file() and path.suffix in (".toml", ".json", ".html", ".csv", ".db"):
            assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_the_workspace_is_found_by_option_environment_or_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WA_HOME", raising=False)
    assert called("init", "--json").document["home"] == "wa-home"
    assert (tmp_path / "wa-home" / "wa.db").is_file()
    monkeypatch.setenv("WA_HOME", str(tmp_path / "from-environment"))
    assert called("init").code == 0
    assert (tmp_path / "from-environment" / "settings.toml").is_file()
    assert called("--home", str(tmp_path / "by-option"), "init").code == 0
    assert (tmp_path / "by-option" / "keys").is_dir()
    assert called("findings", "--json").document == []


def test_init_keeps_what_it_finds(home: Path) -> None:
    (home / "settings.toml").write_text("# mine\n")
    kept = {path.name: path.read_bytes() for path in (home / "keys").iterdir() if path.is_file()}
    assert kept
    assert at(home, "init").code == 0
    assert (home / "settings.toml").read_text() == "# mine\n"
    assert {path.name: path.read_bytes() for path in (home / "keys").iterdir() if path.is_file()} == kept


def test_keys_and_database_are_for_the_owner_only(home: Path) -> None:
    for path in (home / "wa.db", home / "settings.toml", *(home / "keys").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_environment_wins_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.toml").write_text(
        '[meta_cloud]\napp_secret = "from the file"\n[checks]\ninterval_hours = 5\n'
    )
    monkeypatch.setenv("WA_META_CLOUD__APP_SECRET", "from the environment")
    workspace = Workspace.open(home)
    secret = workspace.settings.meta_cloud.app_secret
    assert secret is not None
    assert secret.get_secret_value() == "from the environment"
    assert workspace.settings.checks.interval_hours == 5
    assert "from the" not in repr(workspace.settings)
    workspace.close()


def test_postgresql_by_init_and_by_environment(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = postgresql_url.replace("postgresql+psycopg://", "postgresql://")
    home = tmp_path / "home"
    assert at(home, "init", "--database-url", plain, "--json").document["database"] == "postgresql"
    assert not (home / "wa.db").exists()
    assert at(home, "findings", "--json").document == []
    other = tmp_path / "other"
    shutil.copytree(home / "keys", other / "keys")
    monkeypatch.setenv("WA_DATABASE_URL", plain.replace("postgresql://", "postgres://"))
    assert at(other, "init", "--json").document["database"] == "postgresql"
    assert at(other, "doctor", "--json").code == 0


def test_a_demo_keeps_its_hands_off_a_database_that_is_used(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own of the time before too: the keys to it would be gone."""
    directory = tmp_path / "directory.csv"
    directory.write_text("custodian_id,name\nE-1,Ines Example\n")
    home = tmp_path / "home"
    (home / "demo").mkdir(parents=True)
    monkeypatch.setenv("WA_DATABASE_URL", postgresql_url)
    assert at(home, "init").code == 0
    assert at(home, "capture", "directory", str(directory)).code == 0
    keys = {path.name: path.read_bytes() for path in (home / "keys").iterdir() if path.is_file()}
    told = at(home, "demo", "--no-serve")
    assert (told.code, told.out) == (2, "")
    assert "holds evidence already" in told.err
    assert keys == {path.name: path.read_bytes() for path in (home / "keys").iterdir() if path.is_file()}


def test_a_demo_keeps_its_hands_off_the_keys_of_another_database(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a workspace on PostgreSQL no file but these tells that it is one, where the environment named the
    database and does no longer."""
    monkeypatch.setenv("WA_DATABASE_URL", postgresql_url)
    assert at(tmp_path, "init").code == 0
    monkeypatch.delenv("WA_DATABASE_URL")
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    told = at(tmp_path, "demo", "--messages", "600", "--no-serve")
    assert (told.code, told.out) == (2, "")
    assert "holds a workspace of your own" in told.err
    assert kept == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


# --- at once --------------------------------------------------------------------------------------


def started(home: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from wa_analytics.cli import main; main()", "--home", str(home), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_refreshes_and_two_captures_at_once(tmp_path: Path) -> None:
    """Whoever comes second waits; nothing is lost and nothing is there twice."""
    home = tmp_path / "home"
    written = write(WORLD, tmp_path / "files")
    home.mkdir()
    shutil.copy(written.settings, home)
    shutil.copy(written.retention, home)
    assert at(home, "init").code == 0
    meta = next(str(path) for provider, path in written.imports if provider == "meta-cloud")
    calls = [started(home, "capture", "meta-cloud", meta, "--json") for _ in "12"]
    documents = [json.loads(call.communicate()[0]) for call in calls]
    assert [call.returncode for call in calls] == [0, 0]
    total = sum(document["stored"] for document in documents)
    assert sum(document["repeated"] for document in documents) == total
    for provider, path in written.imports:
        assert at(home, "capture", provider, str(path)).code == 0
    calls = [started(home, "refresh", "--json") for _ in "12"]
    entries = [json.loads(call.communicate()[0])["entries"] for call in calls]
    assert [call.returncode for call in calls] == [0, 0]
    workspace = Workspace.open(home)
    assert sorted(entries) == [
        0,
        workspace.database.scalar("SELECT count(*) FROM entry WHERE kind = 'capture'"),
    ]
    assert workspace.messages["message_id"].is_unique().all()
    workspace.close()


def test_a_second_run_beside_the_first_does_nothing(ready: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ready, home)
    workspace = Workspace.open(home)
    with workspace.locked("run"):
        told = at(home, "run", "--as-of", AS_OF.isoformat(), "--json")
    assert (told.code, told.document["was_running"], told.document["check"]) == (0, True, None)
    passes = workspace.database.scalar("SELECT count(*) FROM pass")
    assert at(home, "run", "--as-of", AS_OF.isoformat(), "--json").document["was_running"] is False
    assert workspace.database.scalar("SELECT count(*) FROM pass") == passes + 1
    assert workspace.database.scalar("SELECT count(*) FROM pass WHERE outcome_code = 'done'") == passes + 1
    workspace.close()


def test_a_killed_pass_is_marked_failed_by_the_next(home: Path) -> None:
    from wa_analytics.tables import Pass

    workspace = Workspace.open(home)
    with workspace.database.session() as session:
        session.add(
            Pass(pass_id="killed", started_at=datetime(2026, 1, 1, tzinfo=UTC), outcome_code="running")
        )
    assert at(home, "run").code in (0, 1)
    rows = dict(workspace.database.frame("SELECT pass_id, outcome_code FROM pass").rows())
    assert rows.pop("killed") == "failed"
    assert list(rows.values()) == ["done"]
    workspace.close()
