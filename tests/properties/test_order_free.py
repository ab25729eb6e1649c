"""Any permutation and repetition of the same inputs gives the same tables; a refresh after each
file ends where one refresh ends and where `wa rebuild` ends.

The worlds are more tangled than the oracle's: ids collide across sources, people and channels, and
nobody says what is right; only that it is the same every time.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.derived import brought_in, derived, differences, workspace_of
from tests.tangled import AS_OF, handed_over, random_world, worlds
from tests.world_files import Layout, write
from tests.worlds import World
from wa_analytics.workspace import Workspace


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty workspace whose keys every other one shares."""
    home = tmp_path_factory.mktemp("blank") / "home"
    Workspace.init(home).close()
    return home


def collided(world: World, seed: int) -> World:
    """The world with some rows told once more of other people, channels or times, under ids that
    other rows have."""
    chooser = random.Random(seed)

    def twins(rows: tuple[Any, ...], other_ids: list[str]) -> Iterator[Any]:
        for row in rows:
            yield row
            if chooser.random() < 0.25:
                yield replace(row, message_id=chooser.choice(other_ids))

    ids = [row.message_id for row in (*world.sends, *world.inbound, *world.statuses, *world.echoes)]
    if not ids:
        return world
    statuses = [
        replace(row, group_id="Y2FwaV9ncm91cDox") if chooser.random() < 0.05 else row
        for row in twins(world.statuses, ids)
    ]
    records = [row.record_id for row in world.register]
    register = [
        replace(row, record_id=chooser.choice(records)) if chooser.random() < 0.2 else row
        for row in world.register
    ]
    return replace(
        world,
        sends=tuple(twins(world.sends, ids)),
        inbound=tuple(twins(world.inbound, ids)),
        statuses=tuple(statuses),
        echoes=tuple(twins(world.echoes, ids)),
        register=tuple(register),
    )


def in_every_order(
    blank: Path, folder: Path, world: World, seed: int, database_url: str | None = None
) -> list[str]:
    """What differs between: plain files and one refresh; shuffled and repeated files with a refresh
    after each; the same, rebuilt."""
    plain_files = write(world, folder / "plain")
    mixed_files = write(world, folder / "mixed", Layout(seed, duplicated=True))
    plain = workspace_of(blank, folder / "one", plain_files)
    mixed = workspace_of(blank, folder / "other", mixed_files, database_url)
    try:
        expected = derived(brought_in(plain, plain_files.imports, AS_OF), files=False)
        found = derived(brought_in(mixed, mixed_files.imports, AS_OF, each=True))
        mixed.rebuild()
        told = [f"order: {one}" for one in differences(expected, found)]
        return told + [f"rebuild: {one}" for one in differences(found, derived(mixed))]
    finally:
        plain.close()
        mixed.close()


@settings(
    max_examples=6,
    deadline=None,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(case=worlds(), seed=st.integers(min_value=1, max_value=1000))
def test_tables_depend_on_no_order_and_no_repetition(
    blank: Path, case: tuple[World, datetime], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert in_every_order(blank, Path(folder), collided(case[0], seed), seed) == []


def test_a_larger_world_on_both_databases(blank: Path, database_url: str | None, tmp_path: Path) -> None:
    world = collided(random_world(21, 150), 21)
    assert in_every_order(blank, tmp_path, world, 5, database_url) == []


def test_numbers_that_change_hands_in_any_order(
    blank: Path, database_url: str | None, tmp_path: Path
) -> None:
    world = handed_over(collided(random_world(23, 60), 23), 23)
    assert in_every_order(blank, tmp_path, world, 7, database_url) == []


def test_a_second_refresh_changes_nothing(blank: Path, tmp_path: Path) -> None:
    written = write(random_world(22, 40), tmp_path / "files")
    workspace = brought_in(workspace_of(blank, tmp_path / "home", written), written.imports, AS_OF)
    before = derived(workspace)
    again = workspace.refresh()
    assert (again.entries, again.messages, again.events) == (0, 0, 0)
    assert differences(before, derived(workspace)) == []
    for provider, path in written.imports:
        captured = workspace.capture(provider, [str(path)], AS_OF)
        assert (captured.stored, captured.is_clean) == (0, True)
    workspace.close()
