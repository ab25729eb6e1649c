"""What a check is: SQL fragments over one source, and the words people read.

A check only selects on columns that the pure rooms have computed; it holds no rule of its own.
Every fragment names columns of `source` without a prefix and runs on SQLite and on PostgreSQL.
Parameters are instants: `:as_of`, `:settle_before` (as_of − `completeness.settle_hours`),
`:media_before` (as_of − the seven days a media id lives) and `:capture_after` (as_of −
`checks.capture_hours`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "high", "medium", "low"]
Outcome = Literal["pass", "fail", "not_evaluated", "error"]

CONTEXT_COLUMNS = (
    "entity",
    "channel_id",
    "purpose_code",
    "country_code",
    "template_name",
    "outcome_code",
    "was_known",
)


@dataclass(frozen=True, slots=True)
class Need:
    """Something without which a check cannot speak.

    exists: SELECT that gives a row when the need is met.
    reason: what is missing, in words.
    """

    exists: str
    reason: str


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One of Great Expectations' own expectations on a column.

    kind: `not_null`, `unique` or `in_set` (of `values`; nulls are `not_null`'s business).
    """

    kind: Literal["not_null", "unique", "in_set"]
    column: str
    values: tuple[str, ...] = ()

    def violation(self, table: str) -> str:
        """The same rule as a condition on a row of `table`."""
        if self.kind == "not_null":
            return f"{self.column} IS NULL"
        if self.kind == "in_set":
            known = ", ".join(f"'{value}'" for value in self.values)
            return f"({self.column} IS NOT NULL AND {self.column} NOT IN ({known}))"
        return (
            f"{self.column} IN (SELECT {self.column} FROM {table} GROUP BY {self.column} HAVING COUNT(*) > 1)"
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows a check looks at, and what a finding about one of them says.

    source: a table's name, or a SELECT. subject: SQL for the kind of subject (a quoted literal or a
    column); subject_id: its id; occurred_at: SQL for when the subject happened.
    """

    source: str
    subject: str
    subject_id: str
    occurred_at: str

    @property
    def is_table(self) -> bool:
        return not self.source.lstrip().upper().startswith("SELECT")

    @property
    def stated(self) -> str:
        """The source as it stands after FROM."""
        return self.source if self.is_table else f"({self.source}) AS source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check, one rule key.

    key: dotted `subject.rule`; suite: name by which `wa check SUITE` runs it.
    title, meaning: what a person reads; meaning says when a row is a finding, and the source.
    population: condition of the rows that can be judged; violation: of those, the findings.
    declared: condition of the violating rows that lie in a declared gap: counted, no findings.
    not_evaluated: condition of the rows that cannot be judged (never overlaps `population`).
    unjudged_by: SQL that says why such a row cannot be judged; unjudged: code → words.
    needs: looked at in order when nothing could be judged; nothing: the words when all are met.
    context: SQL of the finding's other columns, of `CONTEXT_COLUMNS`.
    is_grouped: several rows make one finding (one per subject id; `subject` is then a literal).
    column_rules: evaluated by Great Expectations' own expectations instead of one query.
    """

    key: str
    suite: str
    title: str
    meaning: str
    severity: Severity
    rows: Rows
    population: str
    violation: str
    nothing: str
    declared: str = ""
    not_evaluated: str = ""
    unjudged_by: str = ""
    unjudged: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    is_grouped: bool = False
    column_rules: tuple[ColumnRule, ...] = ()

    @property
    def violating(self) -> str:
        """Condition of the rows that are findings."""
        return f"{self._broken} AND NOT ({self.declared})" if self.declared else self._broken

    @property
    def excused(self) -> str:
        """Condition of the rows that would be findings, did they not lie in a declared gap."""
        return f"{self._broken} AND ({self.declared})" if self.declared else "1 = 0"

    @property
    def _broken(self) -> str:
        return f"({self.population}) AND ({self.violation})"

    def finding_select(self) -> str:
        """SELECT of one row per finding: subject, subject_id, occurred_at and the context columns.

        Of grouped rows the earliest time counts, and a context column only where all agree.
        """
        earliest = f"MIN({self.rows.occurred_at})" if self.is_grouped else self.rows.occurred_at
        columns = [
            f"{self.rows.subject} AS subject",
            f"{self.rows.subject_id} AS subject_id",
            f"{earliest} AS occurred_at",
        ]
        columns += [f"{self._context(name)} AS {name}" for name in CONTEXT_COLUMNS]
        select = f"SELECT {', '.join(columns)} FROM {self.rows.stated} WHERE {self.violating}"
        return f"{select} GROUP BY {self.rows.subject_id}" if self.is_grouped else select

    def _context(self, name: str) -> str:
        expression = self.context.get(name)
        if expression is None:
            return "CAST(NULL AS BOOLEAN)" if name == "was_known" else "CAST(NULL AS VARCHAR(255))"
        if not self.is_grouped:
            return expression
        return (
            f"CASE WHEN MIN({expression}) = MAX({expression}) "
            f"AND COUNT({expression}) = COUNT(*) THEN MIN({expression}) END"
        )

    def key_select(self) -> str:
        """SELECT of the violating keys on Great Expectations' `{batch}`: keys, never values."""
        distinct = "DISTINCT " if self.is_grouped else ""
        return f"SELECT {distinct}{self.rows.subject_id} AS subject_id FROM {{batch}} WHERE {self.violating}"
