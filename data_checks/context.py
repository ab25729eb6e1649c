"""The only Great Expectations context: ephemeral, analytics off, imported when a run begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from sqlalchemy.engine import make_url

from data_checks.check import Check
from data_checks.counts import cause
from data_checks.judgement import Evaluation
from data_checks.moments import Moments
from wa_analytics.database import Database

BUSY_SECONDS = 30
_CLASS = re.compile(r"\b(\w+(?:Error|Exception|Undefined\w+))\b")


class Context:
    """An ephemeral Great Expectations context on one database."""

    def __init__(self, database: Database) -> None:
        import wa_analytics.reports.altair  # noqa: F401  # first: Great Expectations imports Altair, too
        import great_expectations  # isort: skip

        self._gx: ModuleType = great_expectations
        self._dialect = database.dialect
        self._context = great_expectations.get_context(mode="ephemeral")
        self._context.enable_analytics(False)
        self._context.variables.progress_bars = {"globally": False}
        options: dict[str, Any] = {"hide_parameters": True}
        if self._dialect == "sqlite":
            options["connect_args"] = {"timeout": BUSY_SECONDS}
            add = self._context.data_sources.add_sqlite
        else:
            add = self._context.data_sources.add_postgres
        self._source = add(
            name="workspace", connection_string=connection_string(database.url), kwargs=options
        )
        self._number = 0

    def evaluated(self, checks: Sequence[Check], moments: Moments) -> dict[str, Evaluation]:
        """Check key → Evaluation of checks that share a suite and a source."""
        from data_checks.expectations.from_check import expectations_of

        self._number += 1
        name = f"{checks[0].suite}_{self._number}"
        evaluations = {check.key: Evaluation() for check in checks}
        rows = checks[0].rows
        source = moments.written(rows.source, self._dialect)
        try:
            if rows.is_table:
                asset = self._source.add_table_asset(name=name, table_name=source)
            else:
                asset = self._source.add_query_asset(name=name, query=source)
            suite = self._context.suites.add(self._gx.ExpectationSuite(name=name))
            suite.expectations = [
                expectation
                for check in checks
                for expectation in expectations_of(check, moments.written(check.key_select(), self._dialect))
            ]
            suite.save()
            validation = self._context.validation_definitions.add(
                self._gx.ValidationDefinition(name=name, data=asset.add_batch_definition(name), suite=suite)
            )
            answers = validation.run(
                result_format={"result_format": "BASIC", "partial_unexpected_count": 0}
            ).results
        except Exception as error:  # whatever Great Expectations raises is the check's crash
            for evaluation in evaluations.values():
                evaluation.failure = cause(error.__cause__ or error)
            return evaluations
        for answer in answers:
            _read(answer, evaluations)
        return evaluations

    def close(self) -> None:
        self._source.get_execution_engine().close()
        self._source.get_engine().dispose()


def _read(answer: Any, evaluations: dict[str, Evaluation]) -> None:
    """Add one expectation's answer to its check. A crash is no answer: Great Expectations reports
    it as `success=False` with the exception beside it."""
    configuration = answer.expectation_config
    evaluation = evaluations[configuration.meta["check"]]
    part = configuration.meta["part"]
    if failure := _raised(answer.exception_info):
        evaluation.failure = failure
        return
    counts = answer.result
    unexpected = int(counts.get("observed_value" if part == "keys" else "unexpected_count") or 0)
    if part == "row_floor":
        evaluation.is_filled = bool(answer.success)
    elif not answer.success:
        evaluation.violating += max(unexpected, 1)
    evaluation.parts.append(
        {
            "expectation": configuration.type,
            "column": configuration.kwargs.get("column"),
            "query": configuration.kwargs.get("unexpected_rows_query"),
            "success": bool(answer.success),
            "unexpected_count": unexpected,
        }
    )


def _raised(exception_info: dict[str, Any] | None) -> str | None:
    """The class of the exception that an expectation met, if any; never its message."""
    info = exception_info or {}
    raised = [info] if "raised_exception" in info else list(info.values())
    for one in raised:
        if isinstance(one, dict) and one.get("raised_exception"):
            found = _CLASS.search(str(one.get("exception_message")))
            return found.group(1) if found else "exception in Great Expectations"
    return None


def connection_string(url: str) -> str:
    """The URL as Great Expectations takes it: with a host (a socket folder stays in the query),
    without spaces, and without `$`, which it would read as the start of a variable."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql" and not parsed.host:
        parsed = parsed.set(host="localhost")
    written = parsed.render_as_string(hide_password=False)
    return written.replace(" ", "%20").replace("$", "%24")
