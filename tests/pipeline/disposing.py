"""A tangled world with a schedule of its own, in a workspace, for the tests of disposal."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.properties.test_equals_oracle import imported, wa
from tests.tangled import AS_OF, random_world
from tests.world_files import Layout, Written, write
from tests.worlds import RetentionRow, World
from wa_analytics.workspace import Workspace

# Disposals happen at the present, which is later than AS_OF.
AFTERWARDS = datetime(2099, 1, 1, tzinfo=UTC)
CEILING = (RetentionRow("TST-01", ceiling="P12D"),)


@dataclass(frozen=True)
class Disposing:
    """A workspace with its imports; calls `wa` and gives what it printed."""

    home: Path
    written: Written
    workspace: Workspace

    def wa(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> Any:
        return json.loads(wa(self.home, *arguments, "--json", allowed=allowed))

    def dispose(self, *arguments: str, as_of: datetime = AS_OF) -> Any:
        return self.wa("dispose", "--as-of", as_of.isoformat(), *arguments)

    def check(self, as_of: datetime = AS_OF) -> dict[str, dict[str, Any]]:
        results = self.wa("check", "retention", "--as-of", as_of.isoformat(), allowed=(0, 1))["results"]
        return {result["check"]: result for result in results}

    def import_again(self) -> dict[str, int]:
        counts = {"stored": 0, "already_disposed": 0}
        for provider, path in self.written.imports:
            outcome = self.wa("capture", provider, str(path))
            for name in counts:
                counts[name] += outcome[name]
        wa(self.home, "refresh")
        return counts


def disposing(
    folder: Path,
    database_url: str | None,
    seed: int,
    size: int = 120,
    retention: tuple[RetentionRow, ...] = CEILING,
    world: World | None = None,
) -> Disposing:
    world = replace(world or random_world(seed, size), retention=retention)
    written = write(world, folder / "files", Layout(seed=seed))
    imported(folder / "home", written, database_url)
    return Disposing(folder / "home", written, Workspace.open(folder / "home"))
