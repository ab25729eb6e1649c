"""The founding checklist as data: four questions, and the tests that answer each.

`checks` are rules of the check run; `missing` are tests that nobody can run yet and that count as
not run. `guard` is the metric whose empty denominator says that there was nothing to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wa_analytics.controls.control import Outcome
from wa_analytics.incidents.detect import TITLES
from wa_analytics.reports.wording import NOT_EVALUATED, several, whole


@dataclass(frozen=True)
class Question:
    """One line of the checklist before it is answered."""

    key: str
    title: str
    checks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    guard: str = ""
    metrics: tuple[str, ...] = ()
    nothing: str = "nothing was captured"


@dataclass(frozen=True)
class ChecklistLine:
    """One answered line: outcome, a sentence, and how many tests stand behind it. `not_run` names those
    that gave no answer, where others did."""

    key: str
    title: str
    outcome: Outcome
    sentence: str
    exception_count: int
    ran_count: int
    test_count: int
    missing: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    not_run: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The outcome in two or three words; a line only partly tested is not called good."""
        if self.outcome == "fail":
            return "exceptions found"
        if self.outcome == "pass":
            return "no exception found"
        return "partly evaluated" if self.ran_count else NOT_EVALUATED


QUESTIONS: tuple[Question, ...] = (
    Question(
        key="official_api",
        title="Official API",
        checks=(
            "capture.signature_invalid",
            "capture.unreadable",
            "capture.body_missing",
            "capture.conflicting",
            "capture.volume_gap",
            "capture.unknown_message",
            "capture.status_missing",
            "capture.silence",
            "capture.media_missing",
            "capture.diverted",
            "capture.offboarded",
        ),
        guard="body_capture_coverage",
        metrics=("body_capture_coverage", "delivery_failure_rate"),
    ),
    Question(
        key="consent",
        title="Consent",
        checks=(
            "consent.withdrawn",
            "consent.refused",
            "consent.never_asked",
            "consent.expired",
            "consent.wrong_purpose",
            "consent.unconfirmed",
            "consent.recorded_late",
            "consent.incomplete_record",
            "consent.asked_again",
            "consent.purpose_mismatch",
            "consent.unknown_business",
            "window.free_form_outside",
        ),
        guard="consent_coverage",
        metrics=("consent_coverage", "sends_after_withdrawal"),
        nothing="no send could be judged",
    ),
    Question(
        key="security_retention",
        title="Security and retention",
        checks=(
            "retention.overdue",
            "retention.conflict",
            "retention.unscheduled",
            "retention.disposed_early",
        ),
        missing=("proof that records are unaltered stands in `wa verify`, not in this line",),
        guard="retention_overdue",
        metrics=("retention_overdue", "retention_due_90_days"),
        nothing="no content is held under a schedule",
    ),
    Question(
        key="devices",
        title="Business and personal devices",
        missing=("no inventory connected",),
    ),
)


def answered(
    question: Question,
    findings: Mapping[str, int] | None,
    ran: Iterable[str],
    guards: Mapping[str, int | None],
    unjudged: int,
    figures: tuple[tuple[str, str], ...],
) -> ChecklistLine:
    """The line for a company.

    `findings`: rule → open findings, None where no check ever ran. `ran`: checks that passed or
    failed. `guards`: metric → denominator. `unjudged`: messages that the line's rules could not judge.
    """
    executed = set(ran) & set(question.checks)
    is_empty = bool(question.guard) and not guards.get(question.guard)
    ran_count = 0 if findings is None else len(executed)
    tests = len(question.checks) + len(question.missing)
    counts = {rule: (findings or {}).get(rule, 0) for rule in question.checks}
    exceptions = sum(counts.values())
    outcome: Outcome = "not_evaluated"
    tail = f"{ran_count} of {tests} tests ran"
    if exceptions:
        outcome = "fail"
        most = max(counts, key=lambda rule: counts[rule])
        kinds = sum(1 for count in counts.values() if count)
        sentence = f"{_exceptions(exceptions)}, {tail}; "
        sentence += f"most often: {_named(most)} ({whole(counts[most])})" if kinds > 1 else _named(most)
    elif not question.checks:
        sentence = f"not evaluated: {question.missing[0]}"
    elif not ran_count:
        sentence = "not evaluated: no check has run"
    elif is_empty:
        ran_count, tail = 0, f"0 of {tests} tests had something to judge"
        sentence = f"not evaluated: {question.nothing}"
    elif unjudged:
        sentence = f"no exception found, {tail}; {whole(unjudged)} messages could not be judged"
    else:
        outcome = "pass" if ran_count == tests else "not_evaluated"
        sentence = f"no exception found, {tail}"
    return ChecklistLine(
        key=question.key,
        title=question.title,
        outcome=outcome,
        sentence=sentence,
        exception_count=exceptions,
        ran_count=ran_count,
        test_count=tests,
        missing=question.missing,
        figures=figures,
        not_run=(*(_named(rule) for rule in question.checks if rule not in executed), *question.missing)
        if ran_count
        else (),
    )


def _named(rule: str) -> str:
    """A rule's title within a sentence."""
    title = TITLES.get(rule, rule)
    return f"{title[0].lower()}{title[1:]}"


def _exceptions(count: int) -> str:
    return f"{several(count, 'exception')} found"


def executed_checks(check_results: Iterable[Mapping[str, Any]]) -> set[str]:
    """Keys of the checks that gave an answer; a crashed or empty one gave none."""
    return {str(row["check_key"]) for row in check_results if row["outcome_code"] in ("pass", "fail")}
