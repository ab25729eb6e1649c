"""The schema's versions, through Alembic, without a configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from wa_analytics.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's, pointing at this package's migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgraded(engine: Engine) -> None:
    """Every migration that is still missing, in one transaction: cut short, none of them happened.

    Raises DatabaseUnavailable where a newer version made the tables.
    """
    from alembic import command

    is_current(engine)
    config = configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(engine: Engine) -> bool:
    """Whether the newest migration is the last one applied. Every command asks, and Alembic takes a
    tenth of a second to import: its own table and the files' names tell as much.

    Raises DatabaseUnavailable where a newer version made the tables.
    """
    known = sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        applied = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if applied is not None and applied not in known:
        raise DatabaseUnavailable(
            f"A newer version made these tables (migration {applied}; this one knows up to {known[-1]}); "
            "install that version again, nothing was changed."
        )
    return applied == known[-1]
