"""A verification as people ask for it: the log, on request the derived tables too, recorded."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from sqlmodel import select

from wa_analytics.evidence.broken import CODES, RULE, Broken
from wa_analytics.evidence.verification import Verification
from wa_analytics.tables import Finding, VerifyRun

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.pipeline.refreshing.derived import DerivedProof

SUBJECT = "evidence"
SEVERITY = "critical"
_COLUMNS = {
    "rule": pl.String,
    "code": pl.String,
    "first_sequence": pl.Int64,
    "last_sequence": pl.Int64,
    "where": pl.String,
    "sentence": pl.String,
}


@dataclass(frozen=True)
class Proof:
    """What a verification gave. `derived`: None where it was not asked for."""

    verification: Verification
    derived: DerivedProof | None = None

    @property
    def findings(self) -> tuple[Broken, ...]:
        return self.verification.findings + (self.derived.findings if self.derived else ())

    @property
    def outcome(self) -> Literal["pass", "fail", "not_evaluated"]:
        """not_evaluated: nothing is broken, and no signed head stands to prove it by."""
        return "fail" if self.findings else self.verification.outcome

    @property
    def is_proven(self) -> bool:
        return self.outcome == "pass"

    @property
    def frame(self) -> pl.DataFrame:
        """One row per finding: rule, code, first_sequence, last_sequence, where, sentence."""
        return pl.DataFrame([found.row() for found in self.findings], schema=_COLUMNS, orient="row")

    def document(self) -> dict[str, Any]:
        """The outcome as `wa verify --json` prints it."""
        told = self.verification
        return {
            "outcome": self.outcome,
            "entry_count": told.entry_count,
            "sealed_count": told.sealed_count,
            "unsealed_count": told.entry_count - told.sealed_count,
            "checkpoint_count": told.checkpoint_count,
            "disposed_count": told.disposed_count,
            "unfinished_disposal_count": told.unfinished_disposal_count,
            "copied_key_count": told.copied_count,
            "empty_places": list(told.empty_places),
            "timestamps": asdict(told.timestamps),
            "derived": self.derived and {"outcome": self.derived.outcome, "reason": self.derived.reason},
            "findings": [found.row() for found in self.findings],
        }


def recorded(database: Database, proof: Proof, started_at: datetime, finished_at: datetime) -> str:
    """Keep the run and bring the open findings of `evidence.broken` in line with it; what only the
    derived tables showed stays open until they are compared again. Returns the run's id."""
    run_id = secrets.token_hex(8)
    told = proof.verification
    with database.session() as session:
        session.add(
            VerifyRun(
                verify_run_id=run_id,
                started_at=started_at,
                finished_at=finished_at,
                outcome_code=proof.outcome,
                entry_count=told.entry_count,
                sealed_count=told.sealed_count,
                checkpoint_count=told.checkpoint_count,
                finding_count=len(proof.findings),
                derived_code=proof.derived.outcome if proof.derived else None,
            )
        )
        known = {row.finding_id: row for row in session.exec(select(Finding).where(Finding.rule == RULE))}
        for found in proof.findings:
            finding_id = f"{RULE}:{SUBJECT}:{found.subject_id}"
            row = known.pop(finding_id, None)
            if row is None:
                row = Finding(
                    finding_id=finding_id,
                    rule=RULE,
                    subject=SUBJECT,
                    subject_id=found.subject_id,
                    severity_code=SEVERITY,
                    status_code="open",
                    first_seen_at=started_at,
                    last_seen_at=started_at,
                    noticed_at=started_at,
                    check_run_id=run_id,
                )
            elif row.status_code == "resolved":
                row.status_code, row.reopened_at, row.resolved_at = "open", started_at, None
                row.noticed_at = started_at
            row.last_seen_at, row.check_run_id = started_at, run_id
            session.add(row)
        is_derived_seen = proof.derived is not None and proof.derived.outcome != "not_evaluated"
        for row in known.values():
            code = row.subject_id.partition("|")[0]
            if row.status_code == "open" and (is_derived_seen or code not in _DERIVED_CODES):
                row.status_code, row.resolved_at = "resolved", started_at
                session.add(row)
    return run_id


_DERIVED_CODES = frozenset(("derived_differs", "entry_does_not_open")) & CODES.keys()
