"""Disposes of what is due and dies by SIGKILL before its n-th change of the database (0: never).
Run by `test_disposal.py`."""

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
    from wa_analytics.pipeline.disposal import disposed

    steps = [int(death)]
    for name in ("append", "execute"):
        setattr(Writer, name, dying(getattr(Writer, name), steps))
    workspace = Workspace.open(home)
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
