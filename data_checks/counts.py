"""How many rows each check could judge, could not, and why: our own count, apart from Great
Expectations' (the two must agree)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from data_checks.check import Check, Need
from data_checks.moments import Moments


@dataclass(frozen=True, slots=True)
class Count:
    """evaluated, not_evaluated: rows; violating: findings; declared: what would be findings outside a
    declared gap; failure: why it could not be counted."""

    evaluated: int = 0
    not_evaluated: int = 0
    violating: int = 0
    declared: int = 0
    failure: str | None = None


def counted(connection: Connection, checks: Sequence[Check], moments: Moments) -> dict[str, Count]:
    """Check key → Count, one scan per source; where that fails, one per check."""
    counts: dict[str, Count] = {}
    by_source: dict[str, list[Check]] = {}
    for check in checks:
        by_source.setdefault(check.rows.source, []).append(check)
    for source, together in by_source.items():
        try:
            counts.update(_scan(connection, source, together, moments))
        except SQLAlchemyError:
            connection.rollback()
            for check in together:
                try:
                    counts.update(_scan(connection, source, [check], moments))
                except SQLAlchemyError as error:
                    connection.rollback()
                    counts[check.key] = Count(failure=cause(error))
    connection.rollback()
    return counts


def _scan(connection: Connection, source: str, checks: Sequence[Check], moments: Moments) -> dict[str, Count]:
    columns: list[str] = []
    for number, check in enumerate(checks):
        unit = f"DISTINCT {check.rows.subject_id}" if check.is_grouped else "*"
        columns += [
            f"{_count('*', check.population)} AS evaluated_{number}",
            f"{_count('*', check.not_evaluated or '1 = 0')} AS not_evaluated_{number}",
            f"{_count(unit, check.violating)} AS violating_{number}",
            f"{_count(unit, check.excused)} AS declared_{number}",
        ]
    sql = f"SELECT {', '.join(columns)} FROM {checks[0].rows.stated}"
    row = connection.execute(moments.statement(sql)).one()
    return {
        check.key: Count(*(int(cell) for cell in row[4 * number : 4 * number + 4]))
        for number, check in enumerate(checks)
    }


def _count(unit: str, condition: str) -> str:
    return f"COUNT({unit}) FILTER (WHERE {condition})"


def reason(connection: Connection, check: Check, count: Count, moments: Moments) -> str | None:
    """Why a check could judge nothing, or not everything, and what lies in declared gaps; None when it
    judged every row and found nothing declared."""
    words = []
    if count.not_evaluated:
        words.append(_unjudged(connection, check, count, moments))
    elif not count.evaluated:
        lacking = unmet(connection, check, moments)
        return lacking.reason if lacking else check.nothing
    if count.declared:
        words.append(f"{count.declared:,} in declared gaps")
    return "; ".join(words) or None


def unmet(connection: Connection, check: Check, moments: Moments) -> Need | None:
    """The first thing the check lacks, or None."""
    for need in check.needs:
        if connection.execute(moments.statement(need.exists)).first() is None:
            return need
    return None


def _unjudged(connection: Connection, check: Check, count: Count, moments: Moments) -> str:
    by = check.unjudged_by or "''"
    entity = check.context.get("entity", "''")
    sql = (
        f"SELECT why, company, COUNT(*) AS row_count FROM (SELECT {by} AS why, {entity} AS company "
        f"FROM {check.rows.stated} WHERE {check.not_evaluated}) AS unjudged "
        "GROUP BY why, company ORDER BY why, company"
    )
    by_words: dict[str, list[str]] = {}
    totals: dict[str, int] = {}
    for why, company, row_count in connection.execute(moments.statement(sql)):
        words = check.unjudged.get(why or "", why or "no reason recorded")
        totals[words] = totals.get(words, 0) + row_count
        if company:
            by_words.setdefault(words, []).append(company)
    parts = [
        f"{words}{' for ' + ', '.join(sorted(set(by_words[words]))) if words in by_words else ''} "
        f"({totals[words]:,})"
        for words in sorted(totals, key=lambda words: (-totals[words], words))
    ]
    return f"{count.not_evaluated:,} not evaluated: {'; '.join(parts)}"


def cause(error: BaseException) -> str:
    """The kind of a failure. Messages of databases may quote values, so only the class is told."""
    original = getattr(error, "orig", None) or error
    return type(original).__name__
