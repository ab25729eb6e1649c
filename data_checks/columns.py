"""The columns of imports and tables as text, with what each means and whether it may show a person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, DateTime, Float, Integer, LargeBinary, String

from data_checks.markdown import grid
from wa_analytics.providers.table_rows import SHAPES
from wa_analytics.tables import EVIDENCE, FACTS, RECORDED, STATE

PRIVACY = {"clear": "clear", "digest": "keyed digest", "sealed": "sealed"}
KINDS: tuple[tuple[type[Any], str], ...] = (
    (DateTime, "instant"),
    (Boolean, "yes or no"),
    (Integer, "whole number"),
    (Float, "number"),
    (LargeBinary, "bytes"),
    (String, "text"),
)
GROUPS = (
    ("Evidence", "Append-only; the only source of everything derived.", EVIDENCE),
    ("Facts", "Derived: what each capture tells. `wa rebuild` makes them again.", FACTS),
    ("State", "Derived: one row per subject, with a column per rule.", STATE),
    ("Recorded", "What runs and people decided; never rebuilt.", RECORDED),
)


def inputs() -> str:
    """The columns of the tabular imports."""
    parts = ["## Input columns", "In any order; unknown ones are kept and counted. Needed ones are marked *."]
    for provider, shape in SHAPES.items():
        names = (f"`{name}`{' *' if name in shape.needed else ''}" for name in shape.columns)
        parts.append(f"- `{provider}`: {', '.join(names)}")
    return "\n\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:])


def tables() -> str:
    """Every column of every table, with whether it may show a person."""
    parts = [
        "## Tables",
        "*clear* may be shown to anyone; *keyed digest* stands for an outside identifier (HMAC-SHA-256 "
        "under the workspace's digest key); *sealed* is ciphertext, key material or a hash.",
    ]
    for title, meaning, group in GROUPS:
        parts += [f"### {title}", meaning, *map(_table, group)]
    return "\n\n".join(parts)


def _table(table: Any) -> str:
    said = " ".join((table.__doc__ or "").split())
    rows = (
        (
            f"`{column.name}`{' (key)' if column.primary_key else ''}",
            _kind(column),
            PRIVACY[column.info["privacy"]],
            column.info["meaning"],
        )
        for column in table.__table__.columns
    )
    return f"#### {table.__tablename__}\n\n{said}\n\n{grid(('column', 'type', 'privacy', 'meaning'), rows)}"


def _kind(column: Any) -> str:
    of = next(word for kind, word in KINDS if isinstance(getattr(column.type, "impl", column.type), kind))
    return f"{of}, may be empty" if column.nullable else of
