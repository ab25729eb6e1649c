"""A stream of bytes as raw records, without reading any of them: lines, or CSV records that may
hold quoted line ends. Constant memory; the line end behind a record is not part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar, Protocol

BLOCK_BYTES = 1 << 20
RECORD_BYTES = 16 << 20
"""Longest line: five times Meta's largest webhook body."""
QUOTED_BYTES = 1 << 20
"""A quote still open after this many bytes is taken for a stray one."""

Numbered = tuple[int, bytes]


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class LineTooLong(ValueError):
    """`line` holds more than RECORD_BYTES."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class Block:
    """Whole lines that follow each other, without their `\\n`."""

    __slots__ = ("first_line", "has_quotes", "lines")

    def __init__(self, first_line: int, lines: list[bytes], has_quotes: bool) -> None:
        self.first_line = first_line
        self.lines = lines
        self.has_quotes = has_quotes


def blocks(
    stream: Readable, block_bytes: int = BLOCK_BYTES, too_long: Callable[[int], object] | None = None
) -> Iterator[Block]:
    """The stream's lines in blocks, the last one also where no line end follows it.

    too_long: told the number of each line beyond RECORD_BYTES, which is left out. Raises LineTooLong
    where there is none, and what `stream.read` raises, after all whole lines were given.
    """
    number, rest, is_left_out = 1, b"", False
    while read := stream.read(block_bytes):
        if is_left_out:
            _, end, read = read.partition(b"\n")
            if not end:
                continue
            number, is_left_out = number + 1, False
        if b"\n" not in read:
            rest += read
        else:
            text = rest + read
            lines = text.split(b"\n")
            rest = lines.pop()
            yield Block(number, lines, b'"' in text)
            number += len(lines)
        if len(rest) > RECORD_BYTES:
            if too_long is None:
                raise LineTooLong(number)
            too_long(number)
            rest, is_left_out = b"", True
    if rest:
        yield Block(number, [rest], b'"' in rest)


def line_records(block: Block) -> list[Numbered]:
    """Every line that is not blank, with its number."""
    return [
        (number, line.removesuffix(b"\r"))
        for number, line in enumerate(block.lines, block.first_line)
        if line and not line.isspace()
    ]


class DocumentSplitter:
    """JSON objects that follow each other with or without anything between them, as Firehose stores
    them; the number is the object's place in the file.

    What stands between objects is a record of its own, for its parser to call unreadable. An object
    that never closes spoils only itself, as far as the next beginning of one shows where it ends.
    """

    # A quote that matches alone opens a string whose end is not here yet.
    _TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[]{}["]', re.DOTALL)
    _PAIRS: ClassVar = {b"{": b"}", b"[": b"]"}
    _BEGINNING = re.compile(rb'(?:\}|\n)\s*(?=\{\s*")')

    def __init__(self) -> None:
        self._rest = b""
        self._opening = b"{"
        self._place = self._depth = self._start = self._count = 0

    def records(self, read: bytes) -> list[Numbered]:
        """The objects that end in these bytes. Raises LineTooLong."""
        self._rest += read
        found: list[Numbered] = []
        self._scan(found)
        if len(self._rest) > RECORD_BYTES:
            self._give_up(found)
            if len(self._rest) > RECORD_BYTES:
                raise LineTooLong(self._count + 1)
        return found

    def rest(self) -> list[Numbered]:
        """After the last bytes: what is still open."""
        found: list[Numbered] = []
        while self._rest:
            self._give_up(found, is_last=True)
        return found

    def _scan(self, found: list[Numbered]) -> None:
        text, place, depth, start = self._rest, self._place, self._depth, self._start
        taken = 0
        for token in self._TOKEN.finditer(text, place):
            sign = text[token.start() : token.end()]
            if sign == b'"':
                place = token.start()
                break
            place = token.end()
            if depth == 0 and sign in self._PAIRS:
                self._opening, start, depth = sign, token.start(), 1
            elif depth and sign == self._opening:
                depth += 1
            elif depth and sign == self._PAIRS[self._opening]:
                depth -= 1
                if depth == 0:
                    self._give(found, text[taken:start])
                    self._give(found, text[start:place])
                    taken = place
        else:
            place = len(text)
        self._rest, self._place = text[taken:], place - taken
        self._depth, self._start = depth, max(0, start - taken)

    def _give_up(self, found: list[Numbered], *, is_last: bool = False) -> None:
        """What stands open is a record as far as the next beginning; without one, only at the end."""
        beginning = self._BEGINNING.search(self._rest, 1)
        if beginning is None and not is_last:
            return
        end = beginning.end() if beginning else len(self._rest)
        self._give(found, self._rest[:end])
        self._rest = self._rest[end:]
        self._place = self._depth = self._start = 0
        self._scan(found)

    def _give(self, found: list[Numbered], record: bytes) -> None:
        record = record.strip()
        if record:
            self._count += 1
            found.append((self._count, record))


class CsvSplitter:
    """Joins lines to records where a quoted cell holds a line end; the number is the first line's.

    A quote that never closes spoils only its own line: that line stands alone (its parser will
    call it unreadable) and the lines after it are records again.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter.encode()
        self._open: list[bytes] = []
        self._open_line = 0
        self._open_bytes = 0

    def records(self, block: Block) -> list[Numbered]:
        """The records that end in this block."""
        if not block.has_quotes and not self._open:
            return line_records(block)
        found: list[Numbered] = []
        for number, line in enumerate(block.lines, block.first_line):
            if self._open:
                self._open.append(line)
                self._open_bytes += len(line) + 1
                if b'"' in line and not _ends_open(line, self._delimiter, is_inside=True):
                    self._close(found)
                elif self._open_bytes > QUOTED_BYTES:
                    found.extend(self._give_up())
            elif b'"' in line and line.count(b'"') % 2 and _ends_open(line, self._delimiter, is_inside=False):
                self._open, self._open_line, self._open_bytes = [line], number, len(line)
            elif line and not line.isspace():
                found.append((number, line.removesuffix(b"\r")))
        return found

    def rest(self) -> list[Numbered]:
        """After the last block: the records of what is still open."""
        found: list[Numbered] = []
        while self._open:
            found.extend(self._give_up())
        return found

    def _close(self, found: list[Numbered]) -> None:
        found.append((self._open_line, b"\n".join(self._open).removesuffix(b"\r")))
        self._open = []

    def _give_up(self) -> list[Numbered]:
        first, *others = self._open
        number, self._open = self._open_line, []
        return [(number, first.removesuffix(b"\r")), *self.records(Block(number + 1, others, True))]


def _ends_open(line: bytes, delimiter: bytes, *, is_inside: bool) -> bool:
    """Whether the line ends inside a quoted cell. A quote inside an unquoted cell is a letter."""
    place = 0
    while True:
        if is_inside or line[place : place + 1] == b'"':
            place += not is_inside
            is_inside = False
            while True:
                place = line.find(b'"', place)
                if place < 0:
                    return True
                if line[place + 1 : place + 2] != b'"':
                    break
                place += 2
        place = line.find(delimiter, place)
        if place < 0:
            return False
        place += 1
