from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet_checks() -> None:
    """A failing example tells its difference, not every expectation's progress."""
    for name in ("great_expectations", "great_expectations.data_context", "alembic", "filelock"):
        logging.getLogger(name).setLevel(logging.WARNING)
