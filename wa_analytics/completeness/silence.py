"""When a number should have been heard: silence against its own weekly pattern.

Decision: a UTC day without inbound is silent when the stretch of such days that it ends was improbable
enough. The counts of a weekday are Poisson-gamma (Jeffreys prior) over the last eight of that weekday,
widened to a negative binomial by the spread seen around the weekly pattern, taken at the upper end of
what it may be. With n weekdays that held s messages and a spread of phi, a day is empty with probability

    (n / (n + 1)) ** ((s + 1/2) * ln(phi) / (phi - 1))

and a stretch with the product. A stretch is silent once that is at most `alpha`. At most one stretch
starts per day, and it gets that far with a probability of at most `alpha`, so `alpha` of the false alarms
a year that are allowed over 365 bounds their rate, as far as the model holds; `benchmarks/silence.py`
measures it. A day is judged only by days before it. What was found silent teaches nothing, so a number
that stays silent is not taken for a quiet one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log, sqrt

WEEKS = 8
LEAST_WEEKS = 4
# So many of the remembered days must have held something, or their spread is a guess.
LEAST_DAYS = 20
# A pattern so thin that four weeks of silence would not be noticed cannot be judged by.
WEEKS_TO_NOTICE = 4
LONGEST_DAYS = 366
DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Heard:
    """What is said of one day. day: days since 1970; expected: inbound that the pattern expects;
    is_silent: None where too little is known; since: first day of its silent stretch."""

    day: int
    expected: float | None
    is_silent: bool | None
    since: int | None = None


def alpha_of(false_alarms_per_year: float) -> float:
    """How improbable a stretch must be; false alarms are those of one number."""
    return false_alarms_per_year / DAYS_A_YEAR


def heard(counts: Mapping[int, int], until: int, alpha: float) -> list[Heard]:
    """Every day of one number from its first inbound to before `until`; of a stretch without any that is
    longer than LONGEST_DAYS, which nothing is said of, no more than those.

    counts: day (since 1970) → inbound, days without any may be left out.
    """
    days = sorted(day for day, count in counts.items() if count > 0)
    if not days:
        return []
    pattern = _Pattern()
    limit = log(alpha) if alpha > 0 else -inf
    found: list[Heard] = []
    run: list[int] = []
    chance, is_found = 0.0, False
    following = iter([*days[1:], until])
    upcoming, day = days[0], days[0] - 1
    while (day := day + 1) < until:
        if day == upcoming:
            upcoming = next(following)
        count = counts.get(day, 0)
        if count:
            if not is_found:
                # An ordinary pause belongs to the pattern.
                for quiet in run:
                    pattern.add(quiet % 7, 0)
            run, chance, is_found = [], 0.0, False
        can_tell = pattern.can_tell(day % 7, limit)
        expected = pattern.expected(day % 7) if can_tell else None
        if count:
            found.append(Heard(day, expected, False if can_tell else None))
            pattern.add(day % 7, count)
            continue
        run.append(day)
        if len(run) > LONGEST_DAYS:
            # The next day that counts may be far off; the pattern remembers no more than its weeks.
            run, day = list(range(max(run[0], upcoming - 7 * WEEKS), upcoming)), upcoming - 1
            continue
        if not can_tell:
            found.append(Heard(day, None, None))
            continue
        chance += pattern.log_empty(day % 7)
        is_found = is_found or chance <= limit
        found.append(Heard(day, expected, is_found, run[0] if is_found else None))
    return found


class _Pattern:
    """The last weeks of one number, by weekday."""

    def __init__(self) -> None:
        self._days: list[deque[int]] = [deque() for _ in range(7)]
        self._sums = [0] * 7
        self._squares = [0] * 7
        self._filled = 0
        self._shape: float | None = None

    def add(self, weekday: int, count: int) -> None:
        kept = self._days[weekday]
        kept.append(count)
        self._sums[weekday] += count
        self._squares[weekday] += count * count
        self._filled += count > 0
        if len(kept) > WEEKS:
            gone = kept.popleft()
            self._sums[weekday] -= gone
            self._squares[weekday] -= gone * gone
            self._filled -= gone > 0
        self._shape = None

    def expected(self, weekday: int) -> float:
        return self._sums[weekday] / len(self._days[weekday])

    def log_empty(self, weekday: int) -> float:
        """Logarithm of the probability that such a day is empty."""
        number = len(self._days[weekday])
        if not number:
            return 0.0
        return (self._sums[weekday] + 0.5) * log(number / (number + 1)) * self._narrowing()

    def can_tell(self, weekday: int, limit: float) -> bool:
        if len(self._days[weekday]) < LEAST_WEEKS or self._filled < LEAST_DAYS:
            return False
        return WEEKS_TO_NOTICE * sum(self.log_empty(day) for day in range(7)) <= limit

    def _narrowing(self) -> float:
        """ln(phi) / (phi - 1), with phi the variance around the weekly pattern over its mean (1:
        Poisson), by Pearson's statistic."""
        if self._shape is None:
            spread, freedom = 0.0, 0
            for kept, total, squares in zip(self._days, self._sums, self._squares, strict=True):
                if total:
                    spread += squares * len(kept) / total - total
                    freedom += len(kept) - 1
            phi = max(1.0, spread / freedom) * (1 + 2 / sqrt(freedom)) if freedom else 1.0
            self._shape = log(phi) / (phi - 1) if phi > 1.0001 else 1.0
        return self._shape
