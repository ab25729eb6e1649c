"""When it is and who acts: read from the surroundings here and nowhere else in the package."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment; every function that needs a time takes it as an argument."""
    return datetime.now(UTC)


def actor() -> str:
    """Who acts: `WA_ACTOR`, set by whatever authenticated the person, else the account name of the
    operating system."""
    if named := os.environ.get("WA_ACTOR", "").strip():
        return named[:100]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
