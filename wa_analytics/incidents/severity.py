"""How bad, and by when the company's own policy wants it dealt with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

SEVERITIES = ("low", "medium", "high", "critical")

#: severity → days from opening; our default policy, low has no date
POLICY_DAYS: Mapping[str, int] = {"critical": 5, "high": 10, "medium": 30}


def worst(severities: Iterable[str]) -> str:
    """The worst of several severities; `low` where there are none."""
    return max(severities, key=SEVERITIES.index, default="low")


def policy_due_at(
    severity: str, opened_at: datetime, policy_days: Mapping[str, int] = POLICY_DAYS
) -> datetime | None:
    """The policy's date for an incident; None where the policy sets none. No legal clock."""
    days = policy_days.get(severity)
    return None if days is None else opened_at + timedelta(days=days)
