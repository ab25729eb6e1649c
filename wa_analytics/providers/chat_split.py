"""A chat export as its messages, each with the exact bytes it stands in.

The first reading of a file tells its style and the order of its dates, the second cuts it up. A line
that no header opens belongs to the message before it; what stands before the first message is a record
of its own.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from wa_analytics.providers.chat_lines import Dates, line_of
from wa_analytics.providers.record_split import RECORD_BYTES, Block, LineTooLong, Numbered, Readable, blocks

HEADER_BYTES = 200
"""No header is longer; of a line no more is looked at."""


def surveyed(stream: Readable) -> Dates:
    """What the lines of a file say of their dates. Raises LineTooLong, and READ_ERRORS but EOFError:
    the second reading tells of a file that ends in the middle."""
    dates = Dates()
    with suppress(EOFError):
        for block in blocks(stream):
            for line in block.lines:
                dates.add(_start(line))
    return dates


class ChatSplitter:
    """Messages with the number of their first line, and how often the same bytes stood before in the
    same minute: people do say "ok" twice."""

    def __init__(self, style: str) -> None:
        self._style = style
        self._lines: list[bytes] = []
        self._number = 1
        self._bytes = 0
        self._minute: object = None
        self._said: Counter[bytes] = Counter()

    def records(self, block: Block) -> list[tuple[Numbered, int]]:
        """The messages that end in this block. Raises LineTooLong."""
        found: list[tuple[Numbered, int]] = []
        for number, text in enumerate(block.lines, block.first_line):
            line = line_of(_start(text), self._style)
            if line is not None:
                found += self.rest()
                self._number = number
                minute = (line.date, line.hour, line.minute)
                if minute != self._minute:
                    self._minute = minute
                    self._said.clear()
            self._lines.append(text)
            self._bytes += len(text) + 1
            if self._bytes > RECORD_BYTES:
                raise LineTooLong(self._number)
        return found

    def rest(self) -> list[tuple[Numbered, int]]:
        """The message still open, as far as it was read."""
        body = b"\n".join(self._lines).rstrip(b"\r\n")
        self._lines, self._bytes = [], 0
        if not body.strip():
            return []
        self._said[body] += 1
        return [((self._number, body), self._said[body] - 1)]


def _start(line: bytes) -> str:
    return line[:HEADER_BYTES].decode(errors="replace")
