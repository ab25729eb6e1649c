"""The law of the house: what may be imported when, what is public, whose numbers may stand here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import wa_analytics

ROOT = Path(__file__).parents[1]
HEAVY = (
    "great_expectations", "streamlit", "pandas", "polars", "narwhals", "sqlmodel", "sqlalchemy", "pydantic",
    "pydantic_settings", "altair", "httpx", "phonenumbers", "cryptography", "numpy", "pyarrow",
)  # fmt: skip


def imported_by(code: str) -> set[str]:
    """Which of the heavy libraries a fresh interpreter has after running `code`."""
    tail = f"\nimport json, sys\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_is_light() -> None:
    assert imported_by("import wa_analytics") == set()


def test_help_imports_nothing_heavy() -> None:
    code = "from wa_analytics.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert imported_by(code) == set()


def test_worker_processes_import_what_they_use() -> None:
    """Every import waits for this."""
    assert imported_by("import wa_analytics.pipeline.intake").isdisjoint({"sqlalchemy", "sqlmodel", "polars"})
    assert imported_by("import wa_analytics.pipeline.refreshing.spans").isdisjoint({"polars", "narwhals"})


def test_a_workspace_knows_no_dashboard_and_no_checks() -> None:
    code = (
        "import wa_analytics, wa_analytics.workspace\n"
        "from wa_analytics.pipeline import judgement\n"
        "from wa_analytics.pipeline.refreshing import refresh"
    )
    assert imported_by(code).isdisjoint({"great_expectations", "streamlit", "pandas"})


def test_the_import_contracts_hold() -> None:
    """The layers of DESIGN section 4, by import-linter."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "0 broken" in done.stdout


def test_the_layers_are_exhaustive() -> None:
    """A room that no layer names (a stray `utils/`) fails the linter."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract for contract in contracts if contract.get("exhaustive")]
    assert layers["type"] == "layers"
    assert layers["containers"] == ["wa_analytics"]
    named = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    package = ROOT / "wa_analytics"
    rooms = {
        path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert rooms - {"__init__", "__pycache__"} <= named | {"_version"}
    assert not rooms & {"utils", "util", "helpers", "misc", "common"}


PUBLIC = {
    "Entity", "Settings", "WorkbenchError", "Workspace", "__version__", "init", "now", "open",
    "read_settings",
}  # fmt: skip


def test_public_names() -> None:
    """What analysts may rely on; a change here is a change of the release notes."""
    assert set(wa_analytics.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(wa_analytics, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wa_analytics.nothing


WORKSPACE = {
    "capture", "channels", "close", "consent_events", "controls", "coverage", "custodians", "explain",
    "findings", "freshness", "incident_html", "incidents", "init", "judgement", "last_seen", "locked",
    "lookup", "messages", "metric", "open", "overview", "parties", "rebuild", "refresh", "reveal", "ring",
    "schedule", "scorecard_html", "table", "templates",
}  # fmt: skip


def test_the_workspace_keeps_its_names() -> None:
    from wa_analytics.workspace import Workspace

    assert {name for name in dir(Workspace) if not name.startswith("_")} >= WORKSPACE


# --- whose numbers may stand in this repository ---------------------------------------------------

WRITTEN = ("*.py", "*.md", "*.toml", "*.csv", "*.json", "*.ipynb", "*.j2", "*.html", "Makefile")
# Where people are made up on purpose; their own tests see to it that they are.
ROOMS_OF_FICTION = ("wa_analytics/synthetic/", "tests/")
PHONE = re.compile(r"\+\d{8,15}\b")
FICTION = re.compile(r"\+1\d{3}55501\d\d$|\+447700900\d{3}$|\+55\d\d9?8765\d{4}$|\+999\d+$")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
NOBODYS = re.compile(r"@(?:[\w-]+\.)*(?:example(?:\.\w+)?|invalid|test|internal|localhost)$")


def texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *WRITTEN], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    paths = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in paths}


def test_no_real_number_and_no_real_address_stands_here() -> None:
    """Outside the rooms of fiction, a phone is from a range reserved for fiction and an address is
    at a domain that belongs to nobody."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: the list of files comes from git")
    found = texts()
    assert len(found) > 100
    for name, text in found.items():
        if name.startswith(ROOMS_OF_FICTION):
            continue
        strangers = {number for number in PHONE.findall(text) if not FICTION.match(number)}
        assert not strangers, f"{name} names {len(strangers)} phone numbers that are not reserved for fiction"
        addresses = {address for address in EMAIL.findall(text) if not NOBODYS.search(address)}
        assert not addresses, f"{name} names e-mail addresses outside example domains: {addresses}"


def test_the_made_up_numbers_of_the_tests_are_reserved_or_documented() -> None:
    """North American and British numbers in tests are from the reserved ranges; those of other
    countries, where none is reserved, are documented where the people are made."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: the list of files comes from git")
    reserved = re.compile(r"\+1\d{3}55501\d\d$|\+447700900\d{3}$|\+1999\d+$")
    for name, text in texts().items():
        if name.startswith("tests/") and name != "tests/test_architecture.py":
            numbers = {n for n in re.findall(r"\+(?:1\d{10}|44\d{10})\b", text) if not reserved.match(n)}
            assert not numbers, f"{name}: {numbers}"
