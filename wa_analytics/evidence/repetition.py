"""Finds ids that occur twice among any number, in little memory: spooled to 64 files by their
first byte, each looked at alone."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

_PARTS = 64
ID_BYTES = 16
_ID = struct.Struct("16s")


class Spool:
    """Takes 16-byte ids, then tells which came more than once."""

    def __enter__(self) -> Spool:
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._files = [self._stack.enter_context((folder / str(part)).open("w+b")) for part in range(_PARTS)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def take(self, ids: Iterable[bytes]) -> None:
        parts: list[list[bytes]] = [[] for _ in range(_PARTS)]
        for one in ids:
            parts[one[0] % _PARTS].append(one)
        for file, part in zip(self._files, parts, strict=True):
            file.write(b"".join(part))

    def repeated(self) -> list[bytes]:
        found = []
        for file in self._files:
            file.seek(0)
            whole = file.read()
            if len(set(_ID.iter_unpack(whole))) * ID_BYTES == len(whole):
                continue
            once: set[bytes] = set()
            for (one,) in _ID.iter_unpack(whole):
                if one in once:
                    found.append(one)
                once.add(one)
        return sorted(set(found))
