"""A whole workspace of the made-up group: captured, refreshed, checked, incidents opened.

    demo = made(folder, messages=2000, seed=7)
    demo.workspace.findings("consent.withdrawn")

Everything goes the way a user's own evidence goes. One breach is decided by hand, as people do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wa_analytics.cli.demo import ACCESS_TOKEN, APP_SECRET, breach_by_hand, environment
from wa_analytics.pipeline.gaps import declared
from wa_analytics.pipeline.judgement import incidents_followed
from wa_analytics.pipeline.pulling.pull import pulled
from wa_analytics.synthetic.graph import APP_ID, CALLBACK
from wa_analytics.synthetic.graph_server import served
from wa_analytics.synthetic.world import World, write_world
from wa_analytics.workspace import Workspace


@dataclass(frozen=True)
class Demo:
    """home: the workspace's folder. as_of: the moment its check run speaks of."""

    home: Path
    world: World
    workspace: Workspace
    as_of: datetime


def made(folder: Path, messages: int = 2000, seed: int = 7, end: datetime | None = None) -> Demo:
    """Write the world into `folder`/world and bring it through capture, refresh, check, incidents.

    `end`: nothing in it happens later; default: the present, so that nothing looks overdue.
    """
    import data_checks.run as checks

    as_of = (end or datetime.now(UTC)).replace(microsecond=0)
    home = folder / "home"
    world = write_world(folder / "world", seed=seed, messages=messages, end=as_of, app_secret=APP_SECRET)
    home.mkdir(parents=True)
    settings = (
        f'[meta_cloud]\napp_secret = "{APP_SECRET}"\naccess_token = "{ACCESS_TOKEN}"\n'
        f'app_id = "{APP_ID}"\ncallback_url = "{CALLBACK}"\n\n{world.settings_toml}'
    )
    (home / "settings.toml").write_text(settings, encoding="utf-8")
    (home / "retention.csv").write_text(world.retention_csv, encoding="utf-8")
    workspace = Workspace.init(home)
    for provider, paths in world.paths.items():
        workspace.capture(provider, [str(path) for path in paths], as_of)
    workspace.refresh()
    _pulled(workspace, world, as_of)
    workspace.refresh()
    for gap in world.gaps:
        declared(
            workspace.database,
            workspace.ring,
            workspace.settings,
            subject_code=gap.subject,
            gap_from=gap.since,
            gap_to=gap.until,
            reason=gap.reason,
            actor="demo",
            at=as_of,
            entity=gap.entity,
            channel_id=gap.channel_id,
        )
    checks.run(home=home, as_of=as_of)
    _incidents(workspace, as_of)
    return Demo(home, world, workspace, as_of)


def _pulled(workspace: Workspace, world: World, as_of: datetime) -> None:
    with served(world.graph) as address:
        told = workspace.settings.meta_cloud.model_copy(update={"graph_url": address})
        settings = workspace.settings.model_copy(update={"meta_cloud": told})
        for outcome in pulled(workspace.database, workspace.ring, settings, "meta-cloud", None, as_of):
            assert not outcome.failed, outcome.failed


def _incidents(workspace: Workspace, as_of: datetime) -> None:
    """Incidents by cause, and one that a person reported and judged to be a breach."""
    incidents_followed(workspace.database, workspace.settings, as_of, "demo")
    breach_by_hand(workspace, as_of)


def chosen_home(home: Path) -> AbstractContextManager[None]:
    """`WA_HOME` for as long as it lasts; for fixtures that outlive monkeypatch."""
    return environment("WA_HOME", str(home))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A small one for all tests of a folder; its `conftest.py` takes it in."""
    built = made(tmp_path_factory.mktemp("demo"), messages=2000)
    with chosen_home(built.home):
        yield built
    built.workspace.close()
