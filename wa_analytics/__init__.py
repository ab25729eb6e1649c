"""The WhatsApp compliance workbench, as analysts use it.

import wa_analytics as wa

ws = wa.open()                                     # the workspace in WA_HOME, else ./wa-home
ws.messages                                        # one row per message, keyed digests only
f = ws.findings("consent.withdrawn")               # facts that rules state
ws.metric("consent_coverage", by=["entity"]).chart()
ws.explain(f["subject_id"][0])                     # from a number to the evidence behind it
ws.lookup(["wamid.…", "+12025550123"])             # outside ids → ours, journalled
ws.reveal(f["subject_id"][:1], reason="case 17")   # a person in clear, journalled
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wa_analytics.errors import WorkbenchError
    from wa_analytics.settings import Entity, Settings, read_settings
    from wa_analytics.workspace import Workspace, now

__version__ = "0.1.0"

_HOMES = {
    "Workspace": "wa_analytics.workspace",
    "now": "wa_analytics.workspace",
    "Settings": "wa_analytics.settings",
    "Entity": "wa_analytics.settings",
    "read_settings": "wa_analytics.settings",
    "WorkbenchError": "wa_analytics.errors",
}

__all__ = [
    "Entity",
    "Settings",
    "WorkbenchError",
    "Workspace",
    "__version__",
    "init",
    "now",
    "open",
    "read_settings",
]


def open(home: Any = None) -> Workspace:
    """The workspace in `home` (default `WA_HOME`, else ./wa-home)."""
    from wa_analytics.workspace import Workspace

    return Workspace.open(home)


def init(home: Any = None, database_url: str | None = None) -> Workspace:
    """Make a workspace, or bring the one there up to date."""
    from wa_analytics.workspace import Workspace

    return Workspace.init(home, database_url)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
