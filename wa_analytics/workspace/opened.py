"""What every part of a workspace stands on: its settings, database, keys and locks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from wa_analytics.database import Database
from wa_analytics.errors import (
    AlreadyRunning,
    DatabaseUnavailable,
    KeyRefused,
    ReasonRequired,
    WorkspaceMissing,
)
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.retention.schedule import ScheduleRow, read_schedule
from wa_analytics.settings import Settings, read_settings
from wa_analytics.workspace.acting import actor, now
from wa_analytics.workspace.making import made

if TYPE_CHECKING:
    from filelock import FileLock

logger = logging.getLogger("wa_analytics")


class Opened:
    """A workspace that was opened."""

    def __init__(self, home: Path, settings: Settings, database: Database) -> None:
        self.home = home
        self.settings = settings
        self.database = database
        self._locks: dict[str, FileLock] = {}

    @classmethod
    def open(cls, home: Path | str | None = None) -> Self:
        """The workspace in `home` (default `WA_HOME`, else ./wa-home).

        Raises WorkspaceMissing, SettingsInvalid, DatabaseUnavailable.
        """
        settings = read_settings(home)
        place = Path(settings.home)
        if not (place / "keys").is_dir() and settings.database_url is None:
            raise WorkspaceMissing(f"There is no workspace in {place}; run `wa init` there first.")
        database = Database(settings.database_address)
        if not database.is_current():
            if database.is_empty():
                raise DatabaseUnavailable(
                    f"The database {database.place} holds no tables of a workspace. Where they are in "
                    "another database, name it in WA_DATABASE_URL; only to begin anew here, run `wa init`."
                )
            raise DatabaseUnavailable(
                f"The tables of {place} are of another version; run `wa init` to bring them up to date."
            )
        workspace = cls(place, settings, database)
        workspace._settle_restored()
        return workspace

    @classmethod
    def init(cls, home: Path | str | None = None, database_url: str | None = None) -> Self:
        """Make the workspace, or bring what is there up to date; keeps keys, settings and tables."""
        settings, database = made(home, database_url)
        workspace = cls(Path(settings.home), settings, database)
        _ = workspace.ring
        return workspace

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    @cached_property
    def ring(self) -> KeyRing:
        """The keys. Raises KeyRefused; reading tables does not need them.

        On a database that was put back to an older copy, what was disposed of since is disposed of
        again before anyone gets the keys.
        """
        from wa_analytics.pipeline.destroying.put_back import is_put_back

        ring = KeyRing.open(self.home, self.settings, self.database)
        if is_put_back(self.database, ring, self.settings):
            from wa_analytics.pipeline.destroying.replay import replayed

            with self.locked("refresh"):
                done = replayed(self.database, ring, self.settings, self.schedule, at=now(), actor=actor())
            logger.warning(done.sentence)
        return ring

    @cached_property
    def schedule(self) -> tuple[ScheduleRow, ...]:
        """The workspace's own `retention.csv`, else the shipped rows. Raises SettingsInvalid."""
        return read_schedule(self.home)

    @contextmanager
    def locked(self, name: str, *, wait_seconds: float = 600) -> Iterator[None]:
        """One at a time across processes. Raises AlreadyRunning."""
        from filelock import FileLock, Timeout

        lock = self._locks.setdefault(name, FileLock(self.home / f".{name}.lock"))
        try:
            with lock.acquire(timeout=wait_seconds):
                yield
        except Timeout:
            raise AlreadyRunning(
                f"Another {name} is running in {self.home}; wait for it or stop it."
            ) from None

    def _settle_restored(self) -> None:
        """On a database put back to an older copy, dispose again; without the keys only say so, since
        nothing can be read without them."""
        from wa_analytics.evidence.disposal_notes import lacks_newest
        from wa_analytics.evidence.places import folders_of

        if lacks_newest(self.database, folders_of(self.home, self.settings)):
            try:
                _ = self.ring
            except KeyRefused as error:
                logger.warning("Whether the database was put back to an older copy is not known. %s", error)

    def _journalled(self, action: str, reason: str, at: datetime | None, detail: dict[str, Any]) -> int:
        """Say in the journal what is about to be shown. Raises ReasonRequired."""
        from wa_analytics.evidence.log import journal

        if not reason.strip():
            raise ReasonRequired(f"A {action} needs a reason; say why with --reason.")
        return journal(
            self.database,
            self.ring,
            actor=actor(),
            action=action,
            reason=reason,
            outcome="granted",
            at=at or now(),
            detail=detail,
        )
