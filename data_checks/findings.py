"""Findings, all of them, set-based: stage the violating keys, then write them chunk by chunk.

The staging table is temporary and belongs to the connection, so reading the sources holds no write
lock; each chunk is a write transaction of its own, short enough for the receiver and a refresh to
work beside it. A finding is unique per rule, subject and subject id; one that is staged again is
seen again or reopened, an open one of the same rule that is not staged any more is resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, String, Table, text

from data_checks.check import CONTEXT_COLUMNS, Check
from data_checks.moments import Moments
from wa_analytics.tables.column import Instant

CHUNK_ROWS = 500

_METADATA = MetaData()
_STAGED = Table(
    "staged_finding",
    _METADATA,
    Column("number", BigInteger),
    Column("finding_id", String, primary_key=True),
    Column("subject", String),
    Column("subject_id", String),
    Column("occurred_at", Instant),
    *(Column(name, Boolean if name == "was_known" else String) for name in CONTEXT_COLUMNS),
    prefixes=["TEMPORARY"],
)
_GONE = Table(
    "gone_finding",
    _METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("finding_id", String),
    prefixes=["TEMPORARY"],
)

_CONTEXT = ", ".join(CONTEXT_COLUMNS)

_WRITE = f"""
INSERT INTO finding (finding_id, rule, subject, subject_id, severity_code, status_code, {_CONTEXT},
    occurred_at, first_seen_at, last_seen_at, noticed_at, check_run_id)
SELECT finding_id, :rule, subject, subject_id, :severity, 'open', {_CONTEXT},
    occurred_at, :as_of, :as_of, :started_at, :check_run_id
FROM staged_finding WHERE number > :low AND number <= :high
ON CONFLICT (finding_id) DO UPDATE SET
    reopened_at = CASE WHEN finding.status_code = 'resolved' THEN excluded.last_seen_at
        ELSE finding.reopened_at END,
    noticed_at = CASE WHEN finding.status_code = 'resolved' THEN excluded.noticed_at
        ELSE finding.noticed_at END,
    resolved_at = NULL,
    status_code = 'open',
    severity_code = excluded.severity_code,
    {", ".join(f"{name} = excluded.{name}" for name in CONTEXT_COLUMNS)},
    occurred_at = excluded.occurred_at,
    last_seen_at = excluded.last_seen_at,
    check_run_id = excluded.check_run_id
"""

_GONE_ROWS = """
INSERT INTO gone_finding (number, finding_id)
SELECT ROW_NUMBER() OVER (), finding_id FROM finding
WHERE rule = :rule AND status_code = 'open' AND NOT EXISTS (
    SELECT 1 FROM staged_finding WHERE staged_finding.finding_id = finding.finding_id)
"""

# What happened by then and whose record is not disposed of.
STILL_THERE = """(occurred_at IS NULL OR occurred_at <= :as_of) AND subject_id NOT IN (
    SELECT message_id FROM disposed_message UNION ALL SELECT event_id FROM disposed_event)"""

_RESOLVE = """
UPDATE finding SET status_code = 'resolved',
    resolved_at = CASE WHEN first_seen_at > :as_of THEN first_seen_at ELSE :as_of END
WHERE status_code = 'open' AND finding_id IN (
    SELECT finding_id FROM gone_finding WHERE number > :low AND number <= :high)
"""

_NEW = """
SELECT COUNT(*) FROM staged_finding WHERE NOT EXISTS (
    SELECT 1 FROM finding
    WHERE finding.finding_id = staged_finding.finding_id AND finding.status_code = 'open')
"""


@dataclass(frozen=True, slots=True)
class Staged:
    """seen: findings now; new: those that were not open before; gone: open ones not seen now."""

    seen: int = 0
    new: int = 0
    gone: int = 0


def prepare(connection: Connection) -> None:
    """Make the staging tables on this connection."""
    _METADATA.create_all(connection, checkfirst=False)
    connection.commit()


def discard(connection: Connection) -> None:
    """Drop the staging tables; the pool may hand the connection to someone else."""
    connection.rollback()
    _METADATA.drop_all(connection, checkfirst=False)
    connection.commit()


def stage(
    connection: Connection,
    check: Check,
    moments: Moments,
    *,
    is_empty: bool = False,
    staying: str = "",
) -> Staged:
    """Fill the staging tables with the check's violating keys and with the findings that are gone.

    Reads the sources and `finding`, writes temporary tables only. is_empty: the caller has counted
    no violation, so the source need not be read again. staying: condition of the open findings
    that are not gone although they are not staged.
    """
    connection.execute(text("DELETE FROM staged_finding"))
    connection.execute(text("DELETE FROM gone_finding"))
    seen = 0
    if not is_empty:
        into = f"number, finding_id, subject, subject_id, occurred_at, {_CONTEXT}"
        seen = connection.execute(
            moments.statement(
                f"INSERT INTO staged_finding ({into}) "
                "SELECT ROW_NUMBER() OVER (), "
                f"'{check.key}:' || subject || ':' || subject_id, "
                f"subject, subject_id, occurred_at, {_CONTEXT} "
                f"FROM ({check.finding_select()}) AS violating"
            )
        ).rowcount
    gone_rows = _GONE_ROWS + (f" AND NOT ({staying})" if staying else "")
    gone = connection.execute(moments.statement(gone_rows, rule=check.key)).rowcount
    new = connection.execute(text(_NEW)).scalar_one()
    connection.commit()
    return Staged(seen=seen, new=int(new), gone=gone)


def write(
    connection: Connection, check: Check, moments: Moments, run_id: str, started_at: datetime, staged: Staged
) -> None:
    """Bring table `finding` in line with what is staged, one short transaction per chunk."""
    connection.execution_options(immediate=True)
    try:
        for low in range(0, staged.seen, CHUNK_ROWS):
            statement = moments.statement(
                _WRITE,
                rule=check.key,
                severity=check.severity,
                check_run_id=run_id,
                started_at=started_at,
                low=low,
                high=low + CHUNK_ROWS,
            )
            connection.execute(statement)
            connection.commit()
        for low in range(0, staged.gone, CHUNK_ROWS):
            connection.execute(moments.statement(_RESOLVE, low=low, high=low + CHUNK_ROWS))
            connection.commit()
    finally:
        connection.execution_options(immediate=False)
