"""The findings equal the oracle's whichever providers bring a company's traffic, in any order and with
duplicates: Infobip, Twilio (webhooks and list), AWS, exported chats, and Meta beside them."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.test_equals_oracle import differences, imported, product_answer, wa
from tests.tangled import AS_OF, NOON, random_world, worlds
from tests.told_elsewhere import PROVIDERS, through, write_through
from tests.world_files import Layout, Written
from tests.worlds import World


@settings(
    max_examples=2,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=worlds(), seed=st.integers(min_value=1, max_value=1000))
def test_tangled_worlds_of_several_providers(case: tuple[World, datetime], seed: int) -> None:
    (world, providers), as_of = through(case[0], seed), case[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        written = write_through(world, providers, Path(folder) / "files", Layout(seed, duplicated=True))
        imported(home, written)
        assert differences(product_answer(home, world, as_of), world, as_of) == []


def test_a_larger_world_of_several_providers(database_url: str | None, tmp_path: Path) -> None:
    world, providers = through(random_world(9, 160), 9)
    assert set(providers.values()) == set(PROVIDERS)
    home = tmp_path / "home"
    written = write_through(world, providers, tmp_path / "files", Layout(9, duplicated=True))
    imported(home, written, database_url)
    for as_of in (AS_OF, NOON):
        assert differences(product_answer(home, world, as_of), world, as_of) == []


def test_captures_of_several_providers_one_by_one(tmp_path: Path) -> None:
    world, providers = through(random_world(9, 40), 9)
    written = write_through(world, providers, tmp_path / "files", Layout(5, duplicated=True))
    home = tmp_path / "home"
    imported(home, Written(written.imports[:1], written.settings, written.retention))
    for provider, path in written.imports[1:]:
        wa(home, "capture", provider, str(path))
        wa(home, "refresh")
    assert differences(product_answer(home, world, AS_OF), world, AS_OF) == []
