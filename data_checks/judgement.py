"""One check's verdict: two counts that must agree, then pass, fail, not evaluated or error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from data_checks.check import Check, Outcome
from data_checks.counts import Count, cause, counted, reason, unmet
from data_checks.findings import STILL_THERE, Staged, stage
from data_checks.moments import Moments
from data_checks.outcome import Result

ATTEMPTS = 3


@dataclass(slots=True)
class Evaluation:
    """What Great Expectations said of one check.

    parts: one JSON-ready row per expectation, counts only. is_filled: the batch has rows.
    """

    parts: list[dict[str, Any]] = field(default_factory=list)
    violating: int = 0
    is_filled: bool = True
    failure: str | None = None

    def agrees(self, check: Check, count: Count) -> bool:
        if check.column_rules:
            return (self.violating > 0, self.is_filled) == (count.violating > 0, count.evaluated > 0)
        return self.violating == count.violating


def judged(
    connection: Connection,
    check: Check,
    count: Count,
    evaluation: Evaluation,
    moments: Moments,
    evaluated_again: Callable[[Check], Evaluation],
) -> tuple[Result, Staged | None]:
    """The check's result, and what is staged to be written where it could speak.

    Where the two counts differ both are taken again, since a refresh may have worked in between;
    if they still differ the check is in error. Where a check could judge nothing, findings stay
    as they are that it might state again; those whose row is of another kind now, or disposed of, go.
    """

    def result(outcome: Outcome, words: str | None, seen: int = 0) -> Result:
        return Result(
            suite=check.suite,
            check=check.key,
            outcome=outcome,
            severity=check.severity,
            evaluated_count=count.evaluated,
            not_evaluated_count=count.not_evaluated,
            finding_count=seen,
            reason=words,
        )

    for attempt in range(ATTEMPTS):
        if attempt:
            count = counted(connection, [check], moments)[check.key]
            evaluation = evaluated_again(check)
        if failure := count.failure or evaluation.failure:
            return result("error", _crashed(check, failure)), None
        if not evaluation.agrees(check, count):
            continue
        try:
            words = reason(connection, check, count, moments)
            if not count.evaluated:
                staying = _staying(connection, check, count, moments)
                gone = stage(connection, check, moments, is_empty=True, staying=staying)
                return result("not_evaluated", words), gone
            staged = stage(connection, check, moments, is_empty=not count.violating)
        except SQLAlchemyError as error:
            connection.rollback()
            return result("error", _crashed(check, cause(error))), None
        if staged.seen == count.violating:
            return result("fail" if staged.seen else "pass", words, staged.seen), staged
    words = (
        f"Great Expectations counted {evaluation.violating:,} and our own SQL "
        f"{count.violating:,} violations; if no refresh was running, correct the check"
    )
    return result("error", words), None


def _staying(connection: Connection, check: Check, count: Count, moments: Moments) -> str:
    """Condition of the findings that stay open while the check can judge nothing."""
    if count.not_evaluated:
        return (
            f"subject_id IN (SELECT {check.rows.subject_id} FROM {check.rows.stated} "
            f"WHERE ({check.not_evaluated}) AND {check.rows.subject_id} IS NOT NULL)"
        )
    return STILL_THERE if unmet(connection, check, moments) else ""


def _crashed(check: Check, failure: str) -> str:
    return (
        f"the check could not run ({failure}); bring the tables up to date with `wa init`, "
        f"or correct data_checks/suites/{check.suite}.py"
    )
