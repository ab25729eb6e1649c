"""The README is run: its files are written, its commands called, its outputs compared, its lists and
names held to the code. `…` in a shown output stands for anything.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from typer.main import get_command

import wa_analytics
from data_checks.catalogue import page, renewed
from wa_analytics import tables
from wa_analytics.cli import app, main
from wa_analytics.providers import PARSERS
from wa_analytics.providers.table_rows import SHAPES
from wa_analytics.settings import Settings
from wa_analytics.workspace import Workspace

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/catalogue.md",
    "data_checks/README.md", "wa_analytics/evidence/README.md",
)  # fmt: skip
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOUND_SOMETHING = {"check", "run"}
WA = Path(sys.executable).with_name("wa")


class Block(NamedTuple):
    language: str
    name: str
    text: str


class Called(NamedTuple):
    command: str
    exit_code: int
    printed: str
    shown: list[str]


BLOCKS = [Block(*found.groups(default="")) for found in BLOCK.finditer(README)]


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the output shown under it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def called(command: str, message_id: str = "") -> tuple[int, str]:
    """Exit code and stdout of a `wa` command, in this process."""
    words = shlex.split(command.replace("MESSAGE_ID", message_id))
    assert words[0] == "wa", command
    printed, said = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(said), pytest.raises(SystemExit) as ended:
        main(words[1:])
    code = ended.value.code
    if code is None or isinstance(code, int):
        return code or 0, printed.getvalue()
    raise AssertionError(f"{command}: {code}")


def plain(line: str) -> str:
    return " ".join(line.split())


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Called]]]:
    """The folder in which the README's files were written and its commands run, in its order."""
    folder = tmp_path_factory.mktemp("readme")
    done: list[Called] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        for name in [name for name in os.environ if name.startswith("WA_")]:
            patch.delenv(name)
        message_id = ""
        for block in BLOCKS:
            if block.name:
                (folder / block.name).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                exec(compile(block.text, "README.md", "exec"), {})
            elif block.language == "console":
                for command, shown in calls(block.text):
                    if "postgresql://" in command:
                        continue
                    if "MESSAGE_ID" in command and not message_id:
                        message_id = Workspace.open().lookup(["wamid.EXAMPLE-2"])["id"][0]
                    done.append(Called(command, *called(command, message_id), shown))
        yield folder, done


def test_every_shown_command_works(toured: tuple[Path, list[Called]]) -> None:
    _, done = toured
    assert len(done) > 20
    for call in done:
        subcommand = next(word for word in call.command.split()[1:] if not word.startswith("-"))
        assert call.exit_code == (1 if subcommand in FOUND_SOMETHING else 0), call


def test_shown_outputs_are_what_is_printed(toured: tuple[Path, list[Called]]) -> None:
    _, done = toured
    assert sum(bool(call.shown) for call in done) > 10
    for call in done:
        lines = iter([plain(line) for line in call.printed.splitlines()])
        for expected in map(plain, call.shown):
            if expected == "…":
                continue
            pattern = re.compile(".*".join(map(re.escape, expected.split("…"))))
            assert any(pattern.fullmatch(line) for line in lines), (
                f"$ {call.command}\nnot printed, or not in this order: {expected}\n{call.printed}"
            )


def test_the_example_is_read_without_a_remainder(toured: tuple[Path, list[Called]]) -> None:
    folder, _ = toured
    workspace = Workspace.open(folder / "wa-home")
    assert workspace.database.scalar("SELECT count(*) FROM capture_note") == 0
    assert workspace.messages.height == 6


def test_the_cron_line_works(toured: tuple[Path, list[Called]]) -> None:
    if not WA.is_file():
        pytest.skip("the command `wa` is not installed here")
    folder, _ = toured
    lines = [line for block in BLOCKS if block.language == "cron" for line in block.text.splitlines()]
    (line,) = [line for line in lines if " run " in line]
    command = re.sub(r"^(\S+ ){5}", "", line)
    path = f"{WA.parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(["sh", "-c", command], env={"HOME": str(folder), "PATH": path}, check=False)
    assert ended.returncode == 1
    assert '"consent.withdrawn"' in (folder / "wa-run.ndjson").read_text()


def test_the_postgresql_line_works(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    consoles = [block.text for block in BLOCKS if block.language == "console"]
    ((command, shown),) = [call for text in consoles for call in calls(text) if "postgresql://" in call[0]]
    exit_code, printed = called(re.sub(r"postgresql://\S+", shlex.quote(postgresql_url), command))
    assert exit_code == 0
    assert shown == printed.splitlines()[:1]


def test_other_shell_lines_name_things_that_exist(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    lines = [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "make":
            assert f"\n{words[1]}:" in makefile, line
        elif words[0] == "wa":
            assert called(f"wa {words[1]} --help")[0] == 0, line
        else:
            assert line in makefile, line


def test_no_existing_command_is_told_to_be_missing() -> None:
    limits = README.split("## Limits")[1].split("\n- ")[0]
    missing = set(re.findall(r"`([a-z]+)`", limits))
    there = set(get_command(app).commands)
    assert {"capture", "check"} <= there
    assert missing & there == set(), "these commands exist now; tell of them instead"


def test_input_formats_name_every_provider_and_column() -> None:
    formats = README.split("## Input formats")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \| ", formats, re.MULTILINE)) & set(PARSERS) == set(PARSERS)
    words = {"send-log": "send log", "consent-register": "register", "directory": "directory"}
    rows = [re.findall(r"[^|]+", row) for row in formats.splitlines() if row.startswith("| `")]
    for provider, shape in SHAPES.items():
        for column in shape.columns:
            telling = [row for row in rows if f"`{column}`" in row[0] and words[provider] in row[1]]
            assert telling, f"{provider}: {column}"
            is_marked = "*" in telling[0][0] or f"{words[provider]} *" in telling[0][1]
            assert is_marked == (column in shape.needed), f"{provider}: {column}"


def leaves(model: type[BaseModel], prefix: str = "WA_") -> Iterator[tuple[str, Any]]:
    """Each setting that one variable can hold, as variable, with its default."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), field.default


ONLY_IN_THE_FILE = {"WA_ENTITY", "WA_RETENTION__RECORD_CLASS"}


def test_settings_are_told_with_their_defaults() -> None:
    known = dict(leaves(Settings))
    told = set(re.findall(r"\bWA_[A-Z_]*[A-Z]\b", README)) - {"WA_REQUIRE_BROWSER", "WA_ACTOR"}
    assert told <= set(known), "README.md tells of variables that nothing reads"
    catalogue = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert [name for name in known if name not in ONLY_IN_THE_FILE and f"`{name}`" not in catalogue] == []
    section = README.split("## Settings and environment")[1].split("\n## ")[0]
    for variable, default in re.findall(r"^\| `(WA_\w+)` \| ([^|]+) \| ", section, re.MULTILINE):
        if type(known[variable]) is int:
            assert default == str(known[variable]), variable
        elif isinstance(known[variable], str):
            assert default.strip("`") == known[variable], variable


def test_the_layers_are_those_that_are_enforced() -> None:
    told = next(block for block in README.split("```\n") if block.startswith("cli > "))
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    assert [plain(layer) for layer in told.split(">")] == contract["layers"]


def test_generated_pages_are_what_the_code_says() -> None:
    assert renewed(README) == README, "README.md drifted; run `make docs`"
    catalogue = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert catalogue == page(), "docs/catalogue.md drifted; run `make docs`"
    for table in tables.TABLES:
        for column in table.metadata.tables[str(table.__tablename__)].columns:
            assert column.info["meaning"].replace("|", "\\|") in catalogue


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    page_path = ROOT / name
    for target in re.findall(r"\]\(([^)]+)\)", page_path.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        assert "://" not in path, f"{name} leads outside: {target}"
        led = (page_path.parent / path).resolve() if path else page_path
        assert led.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors(led), f"{name}: {target}"


def test_pictures_are_described() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert [path for _, path in pictures] == ["docs/dashboard.png"]
    assert all(len(words) > 30 for words, _ in pictures)


def test_licence_and_changes_fit_the_package() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert licence.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in licence
    heads = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    version = PROJECT["project"]["version"]
    assert wa_analytics.__version__ == version
    assert heads[0] in ("Unreleased", version)


def test_python_versions_are_the_same_everywhere() -> None:
    lowest, beyond = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["project"]["requires-python"]).groups()
    versions = range(int(lowest), int(beyond))
    named = f"Python 3.{versions[0]} to 3.{versions[-1]}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"(3, {lowest}) <= sys.version_info < (3, {beyond})" in makefile
    assert f"{named} is needed" in makefile
    assert f"Needed: {named}" in README
    told = [one for one in PROJECT["project"]["classifiers"] if ":: Python :: 3." in one]
    assert told == [f"Programming Language :: Python :: 3.{minor}" for minor in versions]
