"""How numbers, moments and verdicts are written for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from wa_analytics.metrics.metric import Metric, Unit, shown_value

NOT_EVALUATED = "not evaluated"
LEGAL_FOOTER = (
    "This is a statement of facts found in captured evidence. It is not legal advice, and no statement "
    "here says that a company is compliant."
)
VERDICTS = {"effective": "effective", "deficient": "deficient", "not_evaluated": NOT_EVALUATED}
PIECES = {"pass": "within threshold", "fail": "beyond threshold", "not_evaluated": NOT_EVALUATED}


def whole(count: int | None) -> str:
    """A count with thousands separators; `not evaluated` for null."""
    return NOT_EVALUATED if count is None else f"{count:,}"


def several(count: int, one: str, more: str = "") -> str:
    """`1 finding`, `1,200 findings`; `more` where an s does not do."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def figure(unit: Unit, numerator: int | None, denominator: int | None, ratio: float | None) -> str:
    """A metric's value as people read it; an empty denominator is `not evaluated`."""
    if denominator == 0:
        return NOT_EVALUATED
    value = shown_value(unit, numerator, ratio)
    if value is None:
        return NOT_EVALUATED
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "per_10k":
        return f"{value:,.1f} per 10,000"
    return _share(value)


def counted(metric: Metric) -> str:
    """What a metric counts, and out of what."""
    if metric.denominator_meaning.startswith("none"):
        return metric.numerator_meaning
    return f"{metric.numerator_meaning}, out of {metric.denominator_meaning}"


def _share(value: float) -> str:
    """A percentage that never rounds to a full or an empty one that is not."""
    text = f"{value * 100:.1f} %"
    if text == "100.0 %" and value < 1:
        return "> 99.9 %"
    if text == "0.0 %" and value > 0:
        return "< 0.1 %"
    return text


def moment(at: datetime | None, time_zone: str = "UTC") -> str:
    """`23 Nov 2026, 06:00 UTC`; `never` for none."""
    if at is None:
        return "never"
    local = at.astimezone(ZoneInfo(time_zone))
    name = local.tzname() or "UTC"
    return f"{local.day} {local:%b %Y, %H:%M} {name if name[0].isalpha() else f'UTC{name}'}"


def day(at: datetime | None, time_zone: str = "UTC") -> str:
    """`23 Nov 2026`; a dash for none."""
    if at is None:
        return "–"
    local = at.astimezone(ZoneInfo(time_zone))
    return f"{local.day} {local:%b %Y}"


def period(begin: str, end: str) -> str:
    """`1 Mar 2025 to 3 Mar 2025`; `1 Mar 2025` where that is all of it."""
    return begin if begin == end else f"{begin} to {end}"


def last_day(due_at: datetime | None, time_zone: str = "UTC") -> str:
    """The last day on which something due before `due_at` can be done; a dash for none."""
    return day(None if due_at is None else due_at - timedelta(microseconds=1), time_zone)


def span(margin: timedelta | None) -> str:
    """`2 days 4 hours left` or `3 hours past`; empty for none."""
    if margin is None:
        return ""
    total = int(abs(margin).total_seconds() // 3600)
    days, hours = divmod(total, 24)
    words = [several(count, name) for count, name in ((days, "day"), (hours, "hour")) if count]
    return f"{' '.join(words) or 'less than an hour'} {'left' if margin > timedelta() else 'past'}"
