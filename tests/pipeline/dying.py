"""Disposes of what is due, or opens a database that was put back, and dies by SIGKILL before its n-th
change of the database (0: never). Run by `test_disposal.py` and `test_replay.py`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from wa_analytics.database.bulk import Writer
from wa_analytics.workspace import Workspace, now


def dying(call: Callable[..., Any], steps: list[int]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        steps[0] -= 1
        if steps[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)

    return counted


def main(home: str, as_of: str, death: str) -> None:
    """as_of: empty where nothing is due, and opening the workspace is all."""
    from wa_analytics.pipeline.destroying.disposal import disposed

    steps = [int(death)]
    for name in ("append", "execute"):
        setattr(Writer, name, dying(getattr(Writer, name), steps))
    workspace = Workspace.open(home)
    if not as_of:
        assert workspace.ring
        return
    with workspace.locked("refresh"):
        disposed(
            workspace.database,
            workspace.ring,
            workspace.settings,
            workspace.schedule,
            as_of=datetime.fromisoformat(as_of),
            at=now(),
            actor="test",
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
