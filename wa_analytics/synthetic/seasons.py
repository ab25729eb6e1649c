"""When things happen: the six months, the clean month of a company, and moments to plant in."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from wa_analytics.synthetic.companies import Company
from wa_analytics.synthetic.schedule import months_later

DAY = 86_400
HOURS = (7, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 19, 20, 21)
# Which of the full months within the six is kept clean. The airline's is the newest, since all it
# writes at its care desk is overdue after 90 days.
CLEAN_MONTH = {"broker_dealer": 1, "airline": -1, "clinic": 2}


class Season(NamedTuple):
    """Seconds since 1970; `clean_month` is `YYYY-MM` in the company's time zone."""

    start: int
    end: int
    clean_month: str
    clean_from: int
    clean_to: int

    def is_clean(self, at: int) -> bool:
        """Whether a moment is in the clean month, or within a day of it."""
        return self.clean_from - DAY <= at < self.clean_to + DAY

    def moment(self, rng: random.Random, days: float, latest: int = 0) -> int:
        """A moment from which `days` pass outside the clean month, at least nine days before the end."""
        span = int(days * DAY)
        latest = latest or self.end - 9 * DAY
        while True:
            at = self.start + DAY + int(rng.random() * (latest - self.start - DAY))
            after = at + span
            touches = after >= self.clean_from - DAY and at < self.clean_to + DAY
            if after <= latest and not touches:
                return at

    def working_moment(self, rng: random.Random, zone_hours: int) -> int:
        """A moment of ordinary traffic: by day, fewer at weekends, at least nine hours before the end."""
        while True:
            days = (self.end - self.start) // DAY
            day = self.start // DAY + int(rng.random() * (days + 1))
            if (day + 3) % 7 >= 5 and rng.random() < 0.6:
                continue
            hour = HOURS[int(rng.random() * len(HOURS))] - zone_hours
            at = day * DAY + hour * 3_600 + int(rng.random() * 3_600)
            if self.start + DAY <= at < self.end - 9 * 3_600:
                return at


def season(company: Company, end: datetime) -> Season:
    """The six months before `end` with the company's clean month."""
    start = months_later(end, -6)
    zone = ZoneInfo(company.time_zone)
    first = start.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    full = [
        (month, after)
        for n in range(8)
        if (month := months_later(first, n)) >= start and (after := months_later(first, n + 1)) <= end
    ]
    month, after = full[CLEAN_MONTH[company.kind]]
    return Season(
        int(start.timestamp()),
        int(end.astimezone(UTC).timestamp()),
        f"{month:%Y-%m}",
        int(month.timestamp()),
        int(after.timestamp()),
    )
