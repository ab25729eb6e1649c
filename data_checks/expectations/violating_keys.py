"""The expectation behind most checks: a query of violating keys must give no row."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.core import UnexpectedRowsExpectation


class ExpectNoViolatingKeys(UnexpectedRowsExpectation):
    """No row of the batch violates the rule.

    Only the count is computed: the keys go to table `finding`, all of them, by SQL (the evidence
    rows of the parent class stop at 200 and would put rows into results). `description`, `severity`
    and `meta` come from the check.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        count = int(metrics["unexpected_rows_query.row_count"])
        return {"success": count == 0, "result": {"observed_value": count}}
