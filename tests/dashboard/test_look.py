"""The look is one: the screen's colours are the reports', and its pieces escape what they are given."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from dashboard import look
from wa_analytics.reports import charts

ROOM = Path(look.__file__).parent
CONFIG = tomllib.loads((ROOM / "start" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_theme_has_the_colours_of_the_reports() -> None:
    theme = CONFIG["theme"]
    assert theme["primaryColor"] == charts.ACCENT
    assert theme["textColor"] == charts.INK
    assert theme["borderColor"] == charts.GRID
    assert tuple(theme["chartCategoricalColors"]) == charts.SERIES


def test_nothing_is_told_or_loaded_from_outside() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    texts = [path.read_text(encoding="utf-8") for path in (*ROOM.rglob("*.py"), ROOM / "look.css")]
    assert not [text for text in texts if "://" in text.replace("http://{host}", "")]
    assert not [text for text in texts if ":material/" in text or "url(" in text]


def test_pieces_escape_what_they_are_given() -> None:
    evil = '<img src=x onerror="a">'
    built = (
        look.table([evil], [[evil]]),
        look.badge("bad", evil),
        look.with_note(evil, evil),
        look.number_card(evil, evil, evil),
        look.facts([(evil, evil)]),
        look.change(evil, True),
    )
    assert [piece for piece in built if "<img" in piece] == []


def test_only_the_workbench_opens_a_workspace() -> None:
    forbidden = {"open", "init", "Workspace", "Database"}
    for path in ROOM.rglob("*.py"):
        if path.name in ("workbench.py",):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wa":
                assert node.attr not in forbidden, path
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith(("wa_analytics.database", "wa_analytics.workspace")), path
