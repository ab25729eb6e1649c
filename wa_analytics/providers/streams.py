"""Where an import's bytes come from: files, folders, zip and gz, standard input.

Nothing is unpacked to disk: a zip member's path is only a name. A compressed stream that grows
beyond all measure is stopped. Every error here is one sentence that names the place, never a
value.
"""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from wa_analytics.errors import InputRefused
from wa_analytics.providers.record_split import BLOCK_BYTES, Readable

ENDINGS = (".json", ".ndjson", ".jsonl", ".csv", ".txt", ".zip", ".gz")
GROWTH_FREE_BYTES = 64 << 20
GROWTH_LIMIT = 300
"""Beyond the first 64 MiB a compressed stream may hold 300 times its own size, no more. Text of
this kind shrinks 5 to 40 times; a bomb, 1,000 times."""


class Refusal(msgspec.Struct, frozen=True):
    """A file, or a place in one, that was not imported: one sentence, and where."""

    path: str
    line: int | None
    sentence: str

    def error(self) -> InputRefused:
        return InputRefused(self.sentence)


class Source(msgspec.Struct, frozen=True):
    """Bytes under a name. `ending` is the innermost one (`.json` of `a.json.gz`), empty for a
    stream that has no name; `open` gives the bytes anew where `is_repeatable`; `is_member`: of an
    archive."""

    place: str
    ending: str
    open: Callable[[], AbstractContextManager[Readable]]
    is_repeatable: bool = True
    is_member: bool = False


class Overgrown(ValueError):
    """A compressed stream beyond GROWTH_LIMIT."""


class Locked(ValueError):
    """An archive member that wants a password."""


READ_ERRORS = (OSError, EOFError, zlib.error, zipfile.BadZipFile, Overgrown, Locked, NotImplementedError)


def sentence_of(error: BaseException) -> str:
    """What a READ_ERRORS member says of a file, without the file's name."""
    match error:
        case Overgrown():
            return (
                f"grows more than {GROWTH_LIMIT}-fold when unpacked and was stopped; "
                "unpack it yourself, look at it and import what it holds."
            )
        case EOFError():
            return "ends in the middle (a truncated file); fetch it again and import it anew."
        case gzip.BadGzipFile() | zlib.error() | zipfile.BadZipFile():
            return "is damaged or no such archive; fetch it again and import it anew."
        case PermissionError():
            return "may not be read by this user; give the permission and import it again."
        case FileNotFoundError():
            return "does not exist; check the path."
        case NotImplementedError():
            return "is packed in a way not known here; unpack it and import what it holds."
        case Locked():
            return "is protected by a password; unpack it and import what it holds."
        case OSError():
            return f"cannot be read ({os.strerror(error.errno) if error.errno else 'no reason given'})."
    return "cannot be read."


class _Bounded:
    """A decompressed stream that stops beyond its measure; `packed_bytes` tells what it was
    made of so far, or altogether."""

    def __init__(self, stream: gzip.GzipFile | zipfile.ZipExtFile, packed_bytes: Callable[[], int]) -> None:
        # read1 gives what there is before a truncated stream raises; read would lose it.
        self._read = stream.read1
        self._packed_bytes = packed_bytes
        self._given = 0

    def read(self, size: int, /) -> bytes:
        block = self._read(size)
        self._given += len(block)
        if self._given > GROWTH_FREE_BYTES + GROWTH_LIMIT * self._packed_bytes():
            raise Overgrown
        return block


class Joined:
    """The bytes already read ahead of a stream, then the stream."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        if self._head:
            block, self._head = self._head[:size], self._head[size:]
            return block
        return self._stream.read(size)


Welcome = Callable[[str, bool], bool]
"""Whether a provider's files may have an ending (`.jpg`, or an empty one) beside ENDINGS; and whether
the file is a member of an archive."""


def _none(ending: str, is_member: bool) -> bool:
    return False


def sources(
    path: str | Path, stdin: BinaryIO | None = None, welcome: Welcome = _none
) -> Iterator[Source | Refusal]:
    """Every source under `path`: a file, a folder (sorted, with its folders, without dot names),
    a zip's members, or `-` for standard input."""
    if str(path) == "-":
        if stdin is None:
            import sys

            stdin = sys.stdin.buffer
        yield from _nameless("standard input", stdin)
        return
    path = Path(path)
    try:
        if path.is_dir():
            yield from _folder(path, welcome)
        elif path.is_file() or not path.exists():
            yield from _file(path, welcome)
        else:
            with path.open("rb") as stream:
                yield from _nameless(str(path), stream)
    except OSError as error:
        yield Refusal(str(path), None, f"{path}: {sentence_of(error)}")


def _folder(folder: Path, welcome: Welcome) -> Iterator[Source | Refusal]:
    is_empty = True
    unread: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(place) / name for name in folders):
            if path.is_symlink():
                is_empty = False
                what = "is a link to a folder and not followed; import that folder by its own path."
                yield Refusal(str(path), None, f"{path}: {what}")
        for name in sorted(name for name in names if not name.startswith(".")):
            is_empty = False
            path = Path(place) / name
            if path.exists() and not path.is_file():
                # Opening a pipe that nobody writes to would wait for ever.
                yield Refusal(str(path), None, f"{path}: is a pipe, socket or device; leave it out.")
            else:
                yield from _file(path, welcome)
    for error in unread:
        yield Refusal(str(error.filename), None, f"{error.filename}: {sentence_of(error)}")
    if is_empty and not unread:
        yield Refusal(str(folder), None, f"{folder}: the folder holds no file to import; check the path.")


def _file(path: Path, welcome: Welcome) -> Iterator[Source | Refusal]:
    place = str(path)
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
        if size == 0:
            yield Refusal(place, None, f"{place}: the file is empty; export it again.")
        elif path.suffix.lower() == ".zip":
            yield from _members(path, welcome)
        else:
            yield _named(place, path.name, lambda: path.open("rb"), size, welcome)
    except READ_ERRORS as error:
        yield Refusal(place, None, f"{place}: {sentence_of(error)}")


def _named(
    place: str,
    name: str,
    opened: Callable[[], AbstractContextManager[Readable]],
    size: int,
    welcome: Welcome,
    *,
    is_member: bool = False,
) -> Source | Refusal:
    """A source by its name's ending; `size` is that of its compressed bytes."""
    ending = Path(name.lower()).suffix
    if ending == ".gz":
        inner = Path(name.lower()).with_suffix("").suffix

        @contextmanager
        def unpacked() -> Iterator[Readable]:
            with opened() as packed, gzip.GzipFile(fileobj=cast(BinaryIO, packed)) as stream:
                yield _Bounded(stream, lambda: size)

        if inner in (".gz", ".zip"):
            return _nested(place)
        return Source(place, inner if inner in ENDINGS else "", unpacked, is_member=is_member)
    if ending not in ENDINGS and not welcome(ending, is_member):
        return Refusal(
            place,
            None,
            f"{place}: the ending {ending or '(none)'} is not known; rename or convert it to one of "
            f"{', '.join(ENDINGS)}.",
        )
    return Source(place, ending, opened, is_member=is_member)


def _members(path: Path, welcome: Welcome) -> Iterator[Source | Refusal]:
    with zipfile.ZipFile(path) as archive:
        shown = (m for m in archive.infolist() if not m.is_dir() and not _is_hidden(m.filename))
        members = sorted(shown, key=lambda member: member.filename)
        if not members:
            yield Refusal(str(path), None, f"{path}: the zip holds no file to import; check how it was made.")
        for member in members:
            place = f"{path} › {member.filename}"
            if member.filename.lower().endswith(".zip"):
                yield _nested(place)
            elif member.file_size == 0:
                yield Refusal(place, None, f"{place}: the file is empty; export it again.")
            else:
                opener = _opener(archive, member)
                size = member.compress_size
                yield _named(place, member.filename, opener, size, welcome, is_member=True)


def _opener(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Callable[[], AbstractContextManager[Readable]]:
    @contextmanager
    def opened() -> Iterator[Readable]:
        if member.flag_bits & 1:
            raise Locked
        with archive.open(member) as stream:
            # GzipFile inside a zip wants a file; anything else is bounded here.
            is_packed = member.filename.lower().endswith(".gz")
            yield (
                stream
                if is_packed
                else _Bounded(cast(zipfile.ZipExtFile, stream), lambda: member.compress_size)
            )

    return opened


def _nested(place: str) -> Refusal:
    return Refusal(place, None, f"{place}: an archive within an archive; unpack it once and import it.")


def _is_hidden(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") and part != ".." for part in parts)


def _nameless(place: str, stream: BinaryIO) -> Iterator[Source | Refusal]:
    """A stream that can be read once and tells nothing of its layout."""
    head = stream.read(4)
    if not head:
        yield Refusal(place, None, f"{place}: nothing arrived; check the command before the pipe.")
    elif head.startswith(b"PK\x03\x04"):
        yield Refusal(place, None, f"{place}: a zip cannot be read from a pipe; save it and import the file.")
    elif head.startswith(b"\x1f\x8b"):
        yield Source(place, "", lambda: _unpacked_pipe(_Counted(Joined(head, stream))), is_repeatable=False)
    else:
        yield Source(place, "", lambda: nullcontext(Joined(head, stream)), is_repeatable=False)


@contextmanager
def _unpacked_pipe(packed: _Counted) -> Iterator[Readable]:
    with gzip.GzipFile(fileobj=cast(BinaryIO, packed)) as stream:
        yield _Bounded(stream, lambda: packed.count)


class _Counted:
    """A stream that knows how many bytes it gave."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int = BLOCK_BYTES, /) -> bytes:
        block = self._stream.read(size)
        self.count += len(block)
        return block
