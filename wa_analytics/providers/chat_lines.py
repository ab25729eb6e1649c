"""How a chat export writes a message's first line: 96 ways and more, told apart by the whole file.

WhatsApp formats the date as the exporting phone does, so a file says only in sum whether the day or
the month comes first. Source: layouts collected by chat-export parsers in public (Android and iOS,
12 and 24 hours, seven languages and more); there is no specification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal, NamedTuple

Order = Literal["dmy", "mdy", "ymd", "ydm", "myd"]

# Marks of direction that phones put before a line or a word, and spaces that are none.
MARKS = "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", **dict.fromkeys(MARKS)})
_AM = r"a\.? ?m\.?|vorm\.?|上午|오전|午前|ص|öö|π\.?μ\.?|de\.|f\.?m\.?|ap\.|sa|pg"
_PM = r"p\.? ?m\.?|nachm\.?|下午|오후|午後|م|ös|μ\.?μ\.?|du\.|e\.?m\.?|ip\.|ch|ptg"
_HALF = re.compile(rf"(?:(?P<am>{_AM})|(?P<pm>{_PM}))\Z", re.IGNORECASE)
HEADER = re.compile(
    r"\[?"
    r"(?P<first>\d{1,4})(?P<gap>[-/.]) ?(?P<middle>\d{1,4})[-/.] ?(?P<last>\d{1,4})\.?"
    # A half of the day, or a word such as `klo`, `um`, `kl.`.
    rf",? (?:(?:(?P<before>{_AM}|{_PM}) ?)|(?:[^\W\d_]{{1,5}}\.? ))?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<seconds>\d{2}))?"
    rf"(?: ?(?P<after>{_AM}|{_PM})(?![^\W_]))?"
    r"(?P<separator>\]|:|,| -| –|) ?(?P<rest>.*)\Z",
    re.DOTALL | re.IGNORECASE,
)


class Line(NamedTuple):
    """A first line read: the three numbers of its date, its time of day, what follows. style: what
    stands between the parts, which is the same on all lines of a file."""

    date: tuple[str, str, str]
    hour: int
    minute: int
    second: int
    style: str
    rest: str


def plain(text: str) -> str:
    """Without marks of direction, with plain spaces."""
    return text.translate(_SPACES)


def line_of(text: str, style: str | None = None) -> Line | None:
    """The line if a message starts with it. text: a line or a whole message; style: the file's."""
    found = HEADER.match(plain(text))
    if found is None:
        return None
    separator = found["separator"].strip().replace("–", "-")
    if (separator == "]") != (found[0][0] == "[") or (not separator and ":" not in found["rest"]):
        return None
    stated = separator + found["gap"]
    if style is not None and stated != style:
        return None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["seconds"] or 0)
    half = _HALF.match(found["before"] or found["after"] or "")
    # Noon and midnight: `12:10 p. m.` is noon; some phones write `00:10 a. m.`
    if half is not None and half["pm"] and hour < 12:
        hour += 12
    elif half is not None and half["am"] and hour == 12:
        hour = 0
    date = (found["first"], found["middle"], found["last"])
    if hour > 23 or minute > 59 or second > 59 or not orders_of(date):
        return None
    return Line(date, hour, minute, second, stated, found["rest"])


def orders_of(date: tuple[str, str, str]) -> tuple[Order, ...]:
    """Every reading that gives a day there was."""
    orders: tuple[Order, ...] = ("dmy", "mdy", "ymd", "ydm", "myd")
    return tuple(order for order in orders if dated(date, order) is not None)


def dated(date: tuple[str, str, str], order: Order) -> datetime | None:
    """The day. A year has two or four digits, and with two it comes last."""
    part = dict(zip(order, date, strict=True))
    year = part["y"]
    if len(year) not in (2, 4) or (len(year) == 2 and order[2] != "y"):
        return None
    if len(part["d"]) > 2 or len(part["m"]) > 2:
        return None
    try:
        return datetime(int(year) + (2000 if len(year) == 2 else 0), int(part["m"]), int(part["d"]))  # noqa: DTZ001
    except ValueError:
        return None


class Dates:
    """What a file's dates say together, added line by line in constant memory.

    The first line's style is the file's. Kept per order: on how many lines it is possible, and how
    often it goes back in time. Exports are in the order of time, so where several orders are possible
    on as many lines, the one that goes back less often holds; where that is equal too, nobody can know.
    """

    def __init__(self) -> None:
        self.style: str | None = None
        self._possible: dict[Order, int] = {}
        self._back: dict[Order, int] = {}
        self._last: dict[Order, tuple[datetime, int]] = {}

    def add(self, text: str) -> None:
        """One line of the file."""
        line = line_of(text, self.style)
        if line is None:
            return
        self.style = line.style
        of_day = line.hour * 3600 + line.minute * 60 + line.second
        for order in orders_of(line.date):
            day = dated(line.date, order)
            assert day is not None
            self._possible[order] = self._possible.get(order, 0) + 1
            last = self._last.get(order)
            if last is not None and (day, of_day) < last:
                self._back[order] = self._back.get(order, 0) + 1
            self._last[order] = (day, of_day)

    def order(self, day_first: bool | None) -> Order | None:
        """The order of the whole file; None where it cannot be known.

        day_first: what the settings say; it decides only what the file leaves open.
        """
        best = _with_extreme(self._possible, max)
        best = _with_extreme({order: self._back.get(order, 0) for order in best}, min)
        if best and all(order[0] == "y" for order in best):
            return "ymd" if "ymd" in best else best[0]
        if len(best) > 1 and day_first is not None:
            best = [order for order in best if (order.index("d") < order.index("m")) == day_first]
        return best[0] if len(best) == 1 else None


def _with_extreme(counts: dict[Order, int], extreme: Callable[[Iterable[int]], int]) -> list[Order]:
    if not counts:
        return []
    reached = extreme(counts.values())
    return [order for order, count in counts.items() if count == reached]
