"""Where the master key comes from: a file or the environment (AWS KMS: `key_kms`).

A source that makes its own new key replaces it in three steps: draft beside the old one, database,
move. Whatever step a kill falls on, one of the two is the key that the database expects.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.keyfile import (
    KEY_BYTES,
    MASTER,
    NEXT_MASTER,
    key_of_text,
    move_key,
    read_key,
    write_key,
)

if TYPE_CHECKING:
    from wa_analytics.settings import Settings

ENVIRONMENT_NAME = "WA_KEYS__MASTER_KEY"


class MasterSource(Protocol):
    """Every method may raise KeyRefused."""

    @property
    def place(self) -> str:
        """How the source is called in sentences."""

    @property
    def makes_new_keys(self) -> bool:
        """Whether a rotation needs no key from outside."""

    def create(self) -> None:
        """Make the key unless it is there."""

    def key(self) -> bytes:
        """The 32 bytes."""

    def drafted(self, given: bytes | None) -> bytes:
        """The key to rotate to, kept beside the one in force."""

    def settle(self) -> None:
        """Put the drafted key into force; the database expects it by now."""

    def taken_up(self, is_expected: Callable[[bytes], bool]) -> bytes | None:
        """The expected key where it stands here by now, put into force if it was a draft."""


class FileMaster:
    """`keys/master.key`."""

    makes_new_keys = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = str(folder / MASTER)

    def create(self) -> None:
        if not write_key(self._folder / MASTER, os.urandom(KEY_BYTES)):
            read_key(self._folder / MASTER)

    def key(self) -> bytes:
        return read_key(self._folder / MASTER)

    def drafted(self, given: bytes | None) -> bytes:
        new = os.urandom(KEY_BYTES) if given is None else given
        write_key(self._folder / NEXT_MASTER, new, replace=True)
        return new

    def settle(self) -> None:
        move_key(self._folder / NEXT_MASTER, self._folder / MASTER)

    def taken_up(self, is_expected: Callable[[bytes], bool]) -> bytes | None:
        for name in (MASTER, NEXT_MASTER):
            if (self._folder / name).exists():
                key = read_key(self._folder / name)
                if is_expected(key):
                    if name == NEXT_MASTER:
                        self.settle()
                    return key
        return None


class EnvironmentMaster:
    """`WA_KEYS__MASTER_KEY`: whoever starts the program changes it."""

    makes_new_keys = False
    place = ENVIRONMENT_NAME

    def __init__(self, settings: Settings) -> None:
        self._given = settings.keys.master_key

    def create(self) -> None:
        pass

    def key(self) -> bytes:
        if self._given is None:
            raise KeyRefused(
                f"settings say that the master key comes from the environment; set {ENVIRONMENT_NAME} "
                "to 32 bytes as hex or base64."
            )
        return key_of_text(self._given.get_secret_value(), ENVIRONMENT_NAME)

    def drafted(self, given: bytes | None) -> bytes:
        if given is None:
            raise KeyRefused(f"The master key comes from {ENVIRONMENT_NAME}; give the new one to rotate to.")
        return given

    def settle(self) -> None:
        pass

    def taken_up(self, is_expected: Callable[[bytes], bool]) -> bytes | None:
        return None


def master_source(home: Path, settings: Settings) -> MasterSource:
    """The source that the settings name; a master key in the environment goes before the file."""
    folder = Path(home) / "keys"
    if settings.keys.source == "kms":
        from wa_analytics.evidence.key_kms import KmsMaster

        return KmsMaster(folder, settings.keys)
    if settings.keys.source == "environment" or settings.keys.master_key is not None:
        return EnvironmentMaster(settings)
    return FileMaster(folder)
