"""Every notebook runs on a demo workspace, ends in an answer, shows nobody, and is kept without outputs."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.demo_workspace import Demo

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


def _outputs(notebook: Any) -> str:
    parts: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts.append(str(output.get("text", "")))
            parts.extend(str(value) for value in output.get("data", {}).values())
    return "\n".join(parts)


def _opened(text: str) -> str:
    """The text and whatever in it is base64 of something readable."""
    found = [text]
    for run in BASE64.findall(text):
        for start in range(4):
            chunk = run[start:]
            whole = chunk[: len(chunk) // 4 * 4]
            try:
                found.append(base64.b64decode(whole).decode("latin-1"))
            except ValueError:
                continue
    return "\n".join(found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_ends_in_an_answer(path: Path, demo: Demo) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    folder = demo.home / "elsewhere"
    folder.mkdir(exist_ok=True)
    NotebookClient(
        notebook,
        timeout=180,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    last = notebook.cells[-1]
    printed = "".join(output.get("text", "") for output in last["outputs"])
    assert printed.startswith("Answer: ")
    assert re.search(r"\d", printed), "an answer on a full workspace has a number in it"
    assert not [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    ]
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    ]
    assert pictures
    text = _opened(_outputs(notebook))
    assert [secret for secret in demo.world.people_secrets() if secret in text] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert re.fullmatch(r"\d\d_[a-z_]+\.ipynb", path.name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []
    sources = "\n".join(cell.source for cell in code)
    assert "ws = wa.open()" in sources
    assert 'alt.renderers.enable("svg")' in sources
    assert ".reveal(" not in sources


def test_the_five_lines_stand_in_the_tour() -> None:
    tour = nbformat.read(FOLDER / "00_tour.ipynb", as_version=4)
    source = "\n".join(cell.source for cell in tour.cells)
    for line in (
        "import wa_analytics as wa",
        "ws = wa.open()",
        'f = ws.findings("consent.withdrawn")',
        'ws.metric("consent_coverage", by=["entity", "template"]).chart()',
        'ws.explain(f["subject_id"][0])',
    ):
        assert line in source
