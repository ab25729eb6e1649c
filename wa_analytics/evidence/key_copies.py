"""The second place of the entry keys: one file per wrapping key, written when entries are sealed.

    <folder>/wrapping.keys       number, time made and wrapped form of every wrapping key that stands
    <folder>/0000000001.keys     72 bytes per entry key under wrapping key 1: sequence (8, little-endian),
                                 wrapped key (48), recognition digest (16)

Copies are wrapped like the originals and useless without the master key. A row may stand twice, the
last one counts. A disposal needs no change inside a file: what survives under a wrapping key that
lost captures moves to a new one with a file of its own, the old key is destroyed and its file goes.
The database remembers up to which entry copies were written (`watermark`), so that a lost folder is
seen as lost.
"""

from __future__ import annotations

import os
import secrets
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wa_analytics.errors import PlaceUnavailable
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.tables.column import instant_text

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.settings import Settings

ROW = struct.Struct("<q48s16s")
SEQUENCE = struct.Struct("<q64x")
MARK = "key_copies"
CHUNK = 20_000
WRAPPING = "wrapping.keys"

CopiedKey = tuple[int, bytes, bytes]
"""(sequence, wrapped key, recognition digest)"""


class CopiedWrappingKey(NamedTuple):
    """created_at: microseconds since 1970 UTC; wrapped: under the master key in force when it was
    written."""

    number: int
    created_at: int
    wrapped: bytes


class KeyCopies:
    """The folder. Every method may raise PlaceUnavailable."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time, across processes."""
        from filelock import FileLock

        with self._told():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", mode=0o600)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def append(self, number: int, rows: Iterable[CopiedKey]) -> None:
        """Add keys under one wrapping key; on disk when it returns."""
        content = b"".join(ROW.pack(*row) for row in rows)
        path = self._path(number)
        with self._told():
            is_new = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                # What a kill left half written is written over.
                file.seek(os.fstat(descriptor).st_size // ROW.size * ROW.size)
                file.write(content)
                file.truncate()
                file.flush()
                os.fsync(descriptor)
            if is_new:
                self._synced()

    def rewrite(self, number: int, rows: Iterable[CopiedKey]) -> None:
        """Replace the file of one wrapping key."""
        self._replace(self._path(number), b"".join(ROW.pack(*row) for row in rows))

    def rows(self, number: int) -> list[CopiedKey]:
        """What stands under one wrapping key, in the order written; empty if there is no file."""
        return list(ROW.iter_unpack(self._whole_rows(number)))

    def sequences(self, number: int) -> set[int]:
        return set(chain.from_iterable(SEQUENCE.iter_unpack(self._whole_rows(number))))

    def _whole_rows(self, number: int) -> bytes:
        content = self._content(self._path(number))
        return content[: len(content) // ROW.size * ROW.size]

    def numbers(self) -> set[int]:
        """Wrapping keys that have a file."""
        with self._told():
            if not self.folder.is_dir():
                return set()
            return {int(path.stem) for path in self.folder.glob("*.keys") if path.stem.isdigit()}

    def remove(self, number: int) -> None:
        """Overwrite and remove the file of a wrapping key that was destroyed."""
        path = self._path(number)
        with self._told():
            if path.exists():
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
                self._synced()

    def wrapping_keys(self) -> list[CopiedWrappingKey]:
        found = []
        for line in self._content(self.folder / WRAPPING).decode("ascii", "replace").splitlines():
            number, created_at, wrapped = (*line.split(" "), "", "")[:3]
            try:
                found.append(CopiedWrappingKey(int(number), int(created_at), bytes.fromhex(wrapped)))
            except ValueError:
                continue
        return found

    def write_wrapping_keys(self, keys: Iterable[CopiedWrappingKey]) -> None:
        """Make the file say these and nothing else; left alone if it does."""
        content = "".join(f"{key.number} {key.created_at} {key.wrapped.hex()}\n" for key in keys).encode()
        path = self.folder / WRAPPING
        if self._content(path) == content:
            return
        with self._told():
            if path.exists():
                # Wrapped under an older master key perhaps, which is to open nothing.
                old = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
                os.link(path, old)
                self._replace(path, content)
                with old.open("r+b") as file:
                    file.write(bytes(old.stat().st_size))
                    os.fsync(file.fileno())
                old.unlink()
                return
        self._replace(path, content)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:010}.keys"

    def _content(self, path: Path) -> bytes:
        with self._told():
            return path.read_bytes() if path.exists() else b""

    def _replace(self, path: Path, content: bytes) -> None:
        with self._told():
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)
                os.replace(draft, path)
            finally:
                draft.unlink(missing_ok=True)
            self._synced()

    def _synced(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PlaceUnavailable(
                f"The folder of key copies {self.folder} cannot be used ({error.strerror}); "
                "mount it or correct `keys.copies`, then try again."
            ) from None


def copies_of(home: Path, settings: Settings) -> KeyCopies:
    """The folder that the settings name, else `keys/copies` in the workspace."""
    return KeyCopies(settings.keys.copies or Path(home) / "keys" / "copies")


def copied(database: Database, copies: KeyCopies, end: int) -> int:
    """Copy the keys of the entries before `end` that were not copied yet; returns how many. A kill
    leaves some copied twice at most."""
    with copies.locked():
        start = copied_until(database) or 0
        count = 0
        for at in range(start, end, CHUNK):
            by_key: dict[int, list[CopiedKey]] = defaultdict(list)
            for sequence, number, wrapped, recognition in stored_rows(
                database,
                "SELECT sequence, wrapping_key_id, wrapped_key, recognition_digest FROM entry_key"
                " WHERE sequence >= ? AND sequence < ? ORDER BY sequence",
                (at, min(at + CHUNK, end)),
            ):
                by_key[number].append((sequence, wrapped, recognition))
                count += 1
            for number, rows in by_key.items():
                copies.append(number, rows)
        settle_wrapping_keys(database, copies)
        if start < end:
            _marked(database, end)
    return count


def settle_wrapping_keys(database: Database, copies: KeyCopies) -> None:
    """Copy the wrapping keys that stand, as they are wrapped now, and remove the copies under those
    that were destroyed. The caller holds the lock."""
    standing = standing_wrapping_keys(database)
    copies.write_wrapping_keys(standing)
    rows = stored_rows(database, "SELECT wrapping_key_id FROM wrapping_key WHERE destroyed_at IS NOT NULL")
    for number in copies.numbers() & {row[0] for row in rows} - {key.number for key in standing}:
        copies.remove(number)


def standing_wrapping_keys(database: Database) -> list[CopiedWrappingKey]:
    rows = stored_rows(
        database,
        "SELECT wrapping_key_id, created_at, wrapped FROM wrapping_key WHERE wrapped IS NOT NULL"
        " ORDER BY wrapping_key_id",
    )
    return [CopiedWrappingKey(int(row[0]), microseconds_of(row[1]), bytes(row[2])) for row in rows]


def copied_until(database: Database) -> int | None:
    """The first entry whose key was not copied yet; None where none ever was."""
    rows = stored_rows(database, "SELECT sequence FROM watermark WHERE name = ?", (MARK,))
    return int(rows[0][0]) if rows else None


def _marked(database: Database, end: int) -> None:
    with database.writing() as writer:
        writer.execute("DELETE FROM watermark WHERE name = :name", {"name": MARK})
        writer.execute(
            "INSERT INTO watermark (name, sequence, rules_digest) VALUES (:name, :end, '')",
            {"name": MARK, "end": end},
        )


def created_text(key: CopiedWrappingKey) -> str:
    return instant_text(key.created_at)
