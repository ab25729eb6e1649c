"""What a call gives every command: its workspace, the moments and options it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from wa_analytics.workspace import Workspace

YEARS = range(1970, 2200)  # calendars and intervals count on from a moment, and must not fall off their ends
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[str | None, typer.Option(metavar="ISO-8601", help="The moment it speaks of; default now.")]
Reason = Annotated[str, typer.Option(help="Why; journalled.")]


@dataclass
class Invocation:
    """What every command shares: which workspace."""

    home: Path | None
    opened: Workspace | None = None

    def workspace(self) -> Workspace:
        if self.opened is None:
            from wa_analytics.workspace import Workspace

            self.opened = Workspace.open(self.home)
        return self.opened


def invoked(context: typer.Context) -> Invocation:
    found = context.find_object(Invocation)
    assert found is not None
    return found


def current(context: typer.Context) -> Workspace:
    """The workspace of this call. Raises WorkspaceMissing."""
    return invoked(context).workspace()


def moment(text: str | None, option: str = "--as-of") -> datetime:
    """`--as-of` and the like: an ISO 8601 instant, UTC where it names no offset; the present without
    one. Raises InputRefused."""
    from datetime import UTC, datetime

    if text is None:
        return datetime.now(UTC)
    given = time_given(text, option)
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given


def time_given(text: str, option: str) -> datetime:
    """An ISO 8601 time as it was written, with or without offset. Raises InputRefused."""
    from datetime import datetime

    from wa_analytics.errors import InputRefused

    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused(
            f"{option} is no ISO 8601 time; write it like 2026-01-31T18:00:00+00:00."
        ) from None
    if given.year not in YEARS:
        raise InputRefused(f"{option} lies outside the years {YEARS[0]} to {YEARS[-1]}; correct it.")
    return given
