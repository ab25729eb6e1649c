"""What a run gives back: one result per check, counts and words only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data_checks.check import Outcome, Severity


@dataclass(frozen=True, slots=True)
class Result:
    """One check of a run.

    finding_count: findings seen by this run; 0 where the check could not speak.
    reason: why nothing, or not everything, could be judged, or what crashed; None when all was.
    """

    suite: str
    check: str
    outcome: Outcome
    severity: Severity
    evaluated_count: int
    not_evaluated_count: int
    finding_count: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run found.

    outcome: see `overall`.
    new_count: findings that were not open before this run. open_count, critical_count: open
        findings of the run's checks afterwards, those of checks that could not speak included.
    """

    check_run_id: str
    as_of: datetime
    outcome: Outcome
    results: tuple[Result, ...]
    new_count: int
    open_count: int
    critical_count: int

    def document(self) -> dict[str, Any]:
        """The JSON document of `wa check --json`."""
        names = ("suite", "check", "outcome", "severity", "evaluated_count", "finding_count", "reason")
        return {
            "check_run_id": self.check_run_id,
            "as_of": self.as_of.isoformat(),
            "outcome": self.outcome,
            "open_count": self.open_count,
            "critical_count": self.critical_count,
            "new_count": self.new_count,
            "results": [{name: getattr(result, name) for name in names} for result in self.results],
        }

    def exit_code(self, fail_on: str = "any") -> int:
        """0 none; 1 open findings as `fail_on` (any, new, critical) asks; 2 a check crashed."""
        if self.outcome == "error":
            return 2
        counts = {"any": self.open_count, "new": self.new_count, "critical": self.critical_count}
        return 1 if counts[fail_on] else 0


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """error beats fail beats not_evaluated beats pass, so pass means that every check passed."""
    ranked: tuple[Outcome, ...] = ("error", "fail", "not_evaluated")
    for outcome in ranked:
        if outcome in outcomes:
            return outcome
    return "pass" if outcomes else "not_evaluated"
