"""A check as Great Expectations' expectations."""

from __future__ import annotations

from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from data_checks.check import Check, ColumnRule
from data_checks.expectations.violating_keys import ExpectNoViolatingKeys

# Great Expectations knows three severities, the workbench four.
SEVERITY = {"critical": "critical", "high": "critical", "medium": "warning", "low": "info"}


def expectations_of(check: Check, key_select: str) -> list[Expectation]:
    """The expectations that evaluate `check`; `meta` carries the check's key and the part.

    key_select: `check.key_select()` with its instants written out.
    """
    shared = {"severity": SEVERITY[check.severity], "description": check.meaning}
    if not check.column_rules:
        return [ExpectNoViolatingKeys(unexpected_rows_query=key_select, meta=_meta(check, "keys"), **shared)]
    floor = gxe.ExpectTableRowCountToBeBetween(min_value=1, meta=_meta(check, "row_floor"), **shared)
    return [floor, *(_column_expectation(check, rule, shared) for rule in check.column_rules)]


def _column_expectation(check: Check, rule: ColumnRule, shared: dict[str, Any]) -> Expectation:
    meta = _meta(check, rule.kind)
    if rule.kind == "not_null":
        return gxe.ExpectColumnValuesToNotBeNull(column=rule.column, meta=meta, **shared)
    if rule.kind == "unique":
        return gxe.ExpectColumnValuesToBeUnique(column=rule.column, meta=meta, **shared)
    return gxe.ExpectColumnValuesToBeInSet(
        column=rule.column, value_set=list(rule.values), meta=meta, **shared
    )


def _meta(check: Check, part: str) -> dict[str, str]:
    return {"check": check.key, "part": part}
