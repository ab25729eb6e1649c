"""The wheel: everything the program reads at run time is in it, and it works far from a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("wa_analytics", "data_checks", "dashboard")
NOT_CODE = (
    "wa_analytics/py.typed",
    "wa_analytics/controls/catalogue.json",
    "wa_analytics/retention/schedule.csv",
    "wa_analytics/database/migrations/env.py",
    "wa_analytics/database/migrations/script.py.mako",
    "wa_analytics/evidence/README.md",
    "data_checks/data_docs.html.j2",
    "data_checks/examples/ci.yml",
    "dashboard/start/.streamlit/config.toml",
)
"""Named one by one, so that a file that is lost from the checkout is missed too."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a clone would build it; nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in (*PACKAGES, "notebooks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*build, "--no-build-isolation", "-w", str(folder), str(source)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment that holds the wheel and borrows this one's dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    options = ["--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*install, *options, str(wheel)], check=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def called(programs: Path, home: Path, *words: str) -> str:
    """Stdout of a program, called away from the checkout."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "120"}
    program = [str(programs / words[0]), *words[1:]]
    ended = subprocess.run(program, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_holds_what_the_program_reads(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    checkout = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    notebooks = {f"wa_analytics/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert checkout | notebooks | set(NOT_CODE) <= held
    assert any(name.startswith("wa_analytics/database/migrations/versions/0001") for name in held)
    tops = {name.split("/")[0] for name in held}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)


def test_the_installed_wheel_works_far_from_a_checkout(installed: Path, tmp_path: Path) -> None:
    told = called(installed, tmp_path, "python", "-c", "import wa_analytics; print(wa_analytics.__file__)")
    assert Path(told.strip()).is_relative_to(installed.parent)
    help_page = called(installed, tmp_path, "wa", "--help")
    for command in ("init", "check", "run", "dashboard", "lab"):
        assert command in help_page
    assert "is ready" in called(installed, tmp_path, "wa", "init")
    assert "0 entries in the evidence log" in called(installed, tmp_path, "wa", "doctor")
    assert (tmp_path / "wa-home" / "wa.db").is_file()
