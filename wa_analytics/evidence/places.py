"""Places where checkpoints are put, beside the database and away from it.

A log alone cannot show that its tail was cut; a signed head kept where the log's keeper cannot
reach it can. A place keeps every note it was given and every public key by which to check them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wa_analytics.errors import PlaceUnavailable

if TYPE_CHECKING:
    from wa_analytics.settings import Settings

NOTE_SUFFIX, KEY_SUFFIX, TIMESTAMP_SUFFIX = ".checkpoint", ".verifier-key", ".tsr"
DISPOSALS, DISPOSALS_SUFFIX = "disposals", ".disposals"


class Place(Protocol):
    """Somewhere that keeps checkpoints. Every method may raise PlaceUnavailable."""

    @property
    def name(self) -> str:
        """How the place is called in findings; no path."""

    def put(self, size: int, note: str) -> None:
        """Keep a note. One already kept for that size stays; a different one stands beside it."""

    def put_key(self, key_id: str, text: str) -> None:
        """Keep a public key in its C2SP form."""

    def notes(self) -> Iterator[tuple[int, str]]:
        """(size its name tells, note) of every note kept, by growing size."""

    def newest(self) -> tuple[int, str] | None:
        """The note of the largest size."""

    def keys(self) -> list[str]:
        """The public keys kept."""

    def put_timestamp(self, size: int, response: bytes) -> None:
        """Keep an RFC 3161 response over the note of that size; never over another."""

    def timestamps(self, above: int = -1) -> Iterator[tuple[int, bytes]]:
        """(size its name tells, response) of those kept for larger sizes, by growing size."""

    def newest_timestamp(self) -> int | None:
        """The largest size for which a timestamp is kept."""

    def put_disposals(self, newest: int, note: str) -> None:
        """Keep a note of disposals (`disposal_notes`), named by the last entry it tells of."""

    def disposals(self) -> Iterator[tuple[int, str]]:
        """(entry its name tells, note) of every note of disposals, in order."""

    def newest_disposals(self) -> tuple[int, str] | None:
        """The newest note of disposals."""


class FolderPlace:
    """A folder: the workspace's own `checkpoints/`, another volume, another machine's mount."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = Path(folder)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def put(self, size: int, note: str) -> None:
        self._put(size, NOTE_SUFFIX, note.encode())

    def put_timestamp(self, size: int, response: bytes) -> None:
        self._put(size, TIMESTAMP_SUFFIX, response)

    def put_key(self, key_id: str, text: str) -> None:
        self._kept(self.folder / f"{key_id}{KEY_SUFFIX}", text.encode() + b"\n")

    def notes(self) -> Iterator[tuple[int, str]]:
        for path in self._files(NOTE_SUFFIX):
            yield self._size(path), self._text(path)

    def newest(self) -> tuple[int, str] | None:
        files = self._files(NOTE_SUFFIX)
        return (self._size(files[-1]), self._text(files[-1])) if files else None

    def keys(self) -> list[str]:
        return [self._text(path).strip() for path in self._files(KEY_SUFFIX)]

    def timestamps(self, above: int = -1) -> Iterator[tuple[int, bytes]]:
        for path in self._files(TIMESTAMP_SUFFIX):
            size = self._size(path)
            if above < 0 or size > above:
                yield size, self._read(path)

    def newest_timestamp(self) -> int | None:
        files = self._files(TIMESTAMP_SUFFIX)
        return self._size(files[-1]) if files else None

    def put_disposals(self, newest: int, note: str) -> None:
        self._disposals._put(newest, DISPOSALS_SUFFIX, note.encode())

    def disposals(self) -> Iterator[tuple[int, str]]:
        for path in self._disposals._files(DISPOSALS_SUFFIX):
            yield self._size(path), self._text(path)

    def newest_disposals(self) -> tuple[int, str] | None:
        files = self._disposals._files(DISPOSALS_SUFFIX)
        return (self._size(files[-1]), self._text(files[-1])) if files else None

    @property
    def _disposals(self) -> FolderPlace:
        """A folder of their own: they are looked at whenever the keys are, and checkpoints are many."""
        return FolderPlace(self.folder / DISPOSALS, self._name)

    def _put(self, size: int, suffix: str, content: bytes) -> None:
        path = self.folder / f"{size:020}{suffix}"
        rival = 0
        while not self._kept(path, content):
            rival += 1
            path = self.folder / f"{size:020}.{rival}{suffix}"

    def _kept(self, path: Path, content: bytes) -> bool:
        """Write whole and never over another; False if something else stands there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                return path.read_bytes() == content
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            try:
                with draft.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(draft, path)
            except FileExistsError:
                return path.read_bytes() == content
            finally:
                draft.unlink(missing_ok=True)
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unavailable(error) from None
        return True

    def _files(self, suffix: str) -> list[Path]:
        try:
            if not self.folder.is_dir():
                return []
            return sorted(
                path
                for path in self.folder.iterdir()
                if path.name.endswith(suffix) and not path.name.startswith(".")
            )
        except OSError as error:
            raise self._unavailable(error) from None

    def _text(self, path: Path) -> str:
        return self._read(path).decode("utf-8", "replace")

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise self._unavailable(error) from None

    @staticmethod
    def _size(path: Path) -> int:
        digits = path.name.split(".")[0]
        return int(digits) if digits.isascii() and digits.isdigit() else -1

    def _unavailable(self, error: OSError) -> PlaceUnavailable:
        return PlaceUnavailable(
            f"The checkpoint folder {self.folder} cannot be used ({error.strerror}); "
            "mount it or correct `evidence.places`, then run `wa checkpoint` again."
        )


def places_of(home: Path, settings: Settings) -> tuple[Place, ...]:
    """The workspace's own folder first, then those that the settings name."""
    further = tuple(
        _named_place(named, settings, f"place {number}")
        for number, named in enumerate(settings.evidence.places, 1)
    )
    return FolderPlace(Path(home) / "checkpoints", "checkpoints"), *further


def folders_of(home: Path, settings: Settings) -> tuple[Place, ...]:
    """Those of the places that no network stands before."""
    return tuple(place for place in places_of(home, settings) if isinstance(place, FolderPlace))


def _named_place(named: Path | str, settings: Settings, name: str) -> Place:
    if str(named).startswith("s3://"):
        from wa_analytics.evidence.place_s3 import S3Place

        return S3Place(str(named), settings.evidence, name)
    return FolderPlace(Path(named), name)
