"""One check run: Great Expectations evaluates every check on the tables, our own SQL counts the
same rows again, the two must agree, and the findings are written.

    from data_checks.run import run
    outcome = run("postgresql://…")            # or run(home="wa-home"), from cron, CI or Airflow

The clock is read for `as_of` only when that is None, and for a run's own `started_at` and `finished_at`.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, func
from sqlmodel import col, select

from data_checks.check import Check
from data_checks.context import Context
from data_checks.counts import counted
from data_checks.docs import write_docs
from data_checks.findings import discard, prepare, write
from data_checks.judgement import Evaluation, judged
from data_checks.moments import Moments
from data_checks.outcome import Result, RunOutcome, overall
from data_checks.suites import CATALOGUE
from wa_analytics.database import Database
from wa_analytics.errors import InputRefused, WorkspaceMissing
from wa_analytics.settings import read_settings
from wa_analytics.tables import CheckResult, CheckRun, Finding

Progress = Callable[[str, int, int], None]


def run(
    database_url: str | None = None,
    *,
    home: Path | str | None = None,
    as_of: datetime | None = None,
    suites: Sequence[str] = (),
    docs: Path | None = None,
    progress: Progress | None = None,
    checks: Sequence[Check] = CATALOGUE,
) -> RunOutcome:
    """Run the suites (default: all) on the workspace's database and record the outcome.

    database_url: instead of the one that the workspace's settings name. home: the workspace.
    as_of: aware instant the run speaks of; None reads the clock.
    docs: folder for Data Docs; None is `reports/data_docs` of the workspace, where that exists.
    progress: called with a check's key, how many are done and how many there are.
    Raises WorkbenchError (unknown suite, unusable settings, database unavailable).
    """
    chosen = chosen_checks(suites, checks)
    settings = read_settings(home, **({"database_url": database_url} if database_url else {}))
    started_at = datetime.now(UTC)
    moments = Moments.at(
        as_of or started_at,
        settle_hours=settings.completeness.settle_hours,
        capture_hours=settings.checks.capture_hours,
    )
    database = Database(settings.database_address)
    if database.path is not None and not database.path.is_file():
        raise WorkspaceMissing(
            f"There is no workspace in {settings.home}; run `wa init` there."
            if settings.database_url is None
            else f"There is no database {database.place}; correct its address, or run `wa init` with it."
        )
    check_run = CheckRun(
        check_run_id=secrets.token_hex(8),
        as_of=moments.as_of,
        started_at=started_at,
        outcome_code="error",
        suites=",".join(dict.fromkeys(check.suite for check in chosen)),
    )
    try:
        outcome, evaluations = _recorded(database, chosen, moments, check_run, progress)
    finally:
        database.close()
    if docs is None and settings.home.is_dir():
        docs = settings.home / "reports" / "data_docs"
    if docs is not None:
        write_docs(docs, outcome, chosen, {key: evaluations[key].parts for key in evaluations})
    return outcome


def chosen_checks(suites: Sequence[str], checks: Sequence[Check] = CATALOGUE) -> tuple[Check, ...]:
    """The checks of the named suites, all when none is named. Raises InputRefused."""
    known = dict.fromkeys(check.suite for check in checks)
    for suite in suites:
        if suite not in known:
            raise InputRefused(f"There is no suite {suite!r}; choose from {', '.join(known)}.")
    return tuple(check for check in checks if not suites or check.suite in suites)


def _recorded(
    database: Database,
    checks: Sequence[Check],
    moments: Moments,
    check_run: CheckRun,
    progress: Progress | None,
) -> tuple[RunOutcome, dict[str, Evaluation]]:
    """Judge every check and record run, results and findings. Until the end the run stands as
    `error`, so one that dies half-way is never taken for a good one."""
    run_id, started_at = check_run.check_run_id, check_run.started_at
    with database.session() as session:
        session.add(check_run)
    results: dict[str, Result] = {}
    evaluations: dict[str, Evaluation] = {}
    new_count = 0

    def evaluated_again(check: Check) -> Evaluation:
        evaluations.update(context.evaluated([check], moments))
        return evaluations[check.key]

    with closing(Context(database)) as context, _staging(database) as connection:
        counts = counted(connection, checks, moments)
        for group in _groups(checks):
            evaluations.update(context.evaluated(group, moments))
            for check in group:
                if progress:
                    progress(check.key, len(results), len(checks))
                result, staged = judged(
                    connection,
                    check,
                    counts[check.key],
                    evaluations[check.key],
                    moments,
                    evaluated_again,
                )
                if staged:
                    write(connection, check, moments, run_id, started_at, staged)
                    new_count += staged.new
                results[check.key] = result
    if progress:
        progress("", len(checks), len(checks))
    ordered = tuple(results[check.key] for check in checks)
    outcome = overall([result.outcome for result in ordered])
    with database.session() as session:
        for result in ordered:
            session.add(
                CheckResult(
                    check_run_id=run_id,
                    check_key=result.check,
                    suite=result.suite,
                    outcome_code=result.outcome,
                    severity_code=result.severity,
                    evaluated_count=result.evaluated_count,
                    not_evaluated_count=result.not_evaluated_count,
                    finding_count=result.finding_count,
                    reason=result.reason,
                )
            )
        recorded = session.get_one(CheckRun, run_id)
        recorded.outcome_code = outcome
        recorded.finished_at = datetime.now(UTC)
        severities = select(Finding.severity_code, func.count()).where(
            col(Finding.status_code) == "open",
            col(Finding.rule).in_([check.key for check in checks]),
        )
        open_counts = dict(session.exec(severities.group_by(Finding.severity_code)).all())
    return (
        RunOutcome(
            check_run_id=run_id,
            as_of=moments.as_of,
            outcome=outcome,
            results=ordered,
            new_count=new_count,
            open_count=sum(open_counts.values()),
            critical_count=open_counts.get("critical", 0),
        ),
        evaluations,
    )


def _groups(checks: Sequence[Check]) -> list[list[Check]]:
    """Checks of one suite over one source: one batch and one validation each."""
    groups: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        groups.setdefault((check.suite, check.rows.source), []).append(check)
    return list(groups.values())


@contextmanager
def _staging(database: Database) -> Iterator[Connection]:
    with database.reading() as connection:
        prepare(connection)
        try:
            yield connection
        finally:
            discard(connection)


class _Callable(ModuleType):
    """Lets `data_checks.run(…)` be said of the module, too."""

    def __call__(self, *args: Any, **kwargs: Any) -> RunOutcome:
        return run(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
