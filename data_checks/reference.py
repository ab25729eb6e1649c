"""Every command and every setting as text, from the command line and the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

from data_checks.markdown import grid
from wa_analytics.settings import Entity, RecordClassRule, Settings

TABLES: dict[str, type[BaseModel]] = {"entity": Entity, "retention.record_class": RecordClassRule}


def command_list() -> str:
    """The README's list of commands, groups spelled out."""
    from wa_analytics.cli import app

    return grid(("command", "does"), sorted(_commands(get_command(app), "wa")))


def _commands(command: Any, name: str) -> Iterator[tuple[str, str]]:
    own = getattr(command, "commands", None)
    if own is None:
        yield f"`{name}`", command.help.split("\n\n")[0].replace("\n", " ").strip()
        return
    for word, each in own.items():
        yield from _commands(each, f"{name} {word}")


def settings() -> str:
    """Every setting with the variable that holds it, and the columns of the two tables."""
    parts = [
        "## Settings",
        "In `settings.toml` as `[section]` and `name`, or in the environment, which wins.",
    ]
    top = [name for name, field in Settings.model_fields.items() if not _section(field.annotation)]
    parts.append(grid(("setting", "variable", "default"), [_setting(Settings, "", name) for name in top]))
    for name, field in Settings.model_fields.items():
        section = _section(field.annotation)
        if section:
            said = " ".join((section.__doc__ or "").split())
            rows = [_setting(section, f"{name}.", each) for each in section.model_fields]
            shown = grid(("setting", "variable", "default"), rows)
            parts.append(f"### {name}" + (f"\n\n{said}" if said else "") + f"\n\n{shown}")
    for name, table in TABLES.items():
        said = " ".join((table.__doc__ or "").split())
        names = ", ".join(f"`{each}`" for each in table.model_fields)
        parts.append(f"### [[{name}]]\n\n{said} Keys: {names}.")
    return "\n\n".join(parts)


def _section(annotation: Any) -> type[BaseModel] | None:
    is_one = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_one else None


def _setting(section: type[BaseModel], prefix: str, name: str) -> tuple[str, str, str]:
    path = prefix + name
    default = section.model_fields[name].default
    if default is None or default is PydanticUndefined or default in ("", (), {}):
        shown = "–"
    else:
        shown = f"`{default.value if isinstance(default, Enum) else default}`"
    is_table = path in TABLES
    return f"`{path}`", "a table" if is_table else f"`WA_{path.upper().replace('.', '__')}`", shown
