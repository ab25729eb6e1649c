"""The made-up group, built once for all report tests."""

from __future__ import annotations

import pytest

from tests.reports.world import World


@pytest.fixture(scope="session")
def world() -> World:
    return World()
