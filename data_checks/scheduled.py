"""`wa run`: the scheduled pass, refresh → check → incidents → alerts.

Safe to start twice: a second pass that finds the first still running says so and ends with 0. Every
pass leaves a record; one that was killed is marked failed by the next.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from data_checks.run import run
from wa_analytics.errors import AlreadyRunning, WorkbenchError
from wa_analytics.tables import Pass

if TYPE_CHECKING:
    from data_checks.outcome import RunOutcome
    from wa_analytics.workspace import Workspace


@dataclass(frozen=True)
class PassOutcome:
    """`was_running`: another pass holds the lock and nothing was done."""

    pass_id: str
    was_running: bool
    checks: RunOutcome | None
    entries: int = 0
    incidents_opened: int = 0
    incidents_updated: int = 0
    alerts_sent: int = 0

    def document(self) -> dict[str, Any]:
        return {
            "pass_id": self.pass_id,
            "was_running": self.was_running,
            "entries": self.entries,
            "incidents_opened": self.incidents_opened,
            "incidents_updated": self.incidents_updated,
            "alerts_sent": self.alerts_sent,
            "check": self.checks.document() if self.checks else None,
        }


def scheduled_pass(
    workspace: Workspace, as_of: datetime, *, refresh_progress: Any = None, check_progress: Any = None
) -> PassOutcome:
    """One pass over the workspace, speaking of `as_of`. Raises WorkbenchError."""
    pass_id = secrets.token_hex(8)
    try:
        with workspace.locked("run", wait_seconds=0):
            _begun(workspace, pass_id)
            try:
                outcome = _passed(workspace, pass_id, as_of, refresh_progress, check_progress)
            except Exception as error:
                reason = str(error) if isinstance(error, WorkbenchError) else type(error).__name__
                _ended(workspace, pass_id, "failed", reason)
                raise
            _ended(workspace, pass_id, "done", None)
            return outcome
    except AlreadyRunning:
        return PassOutcome(pass_id, True, None)


def _passed(
    workspace: Workspace, pass_id: str, as_of: datetime, refresh_progress: Any, check_progress: Any
) -> PassOutcome:
    from wa_analytics.pipeline.judgement import incidents_followed
    from wa_analytics.reports.alert import alerted

    refreshed = workspace.refresh(progress=refresh_progress)
    named = workspace.settings.database_url
    checks = run(
        named.get_secret_value() if named else None,
        home=workspace.home,
        as_of=as_of,
        progress=check_progress,
    )
    changes = incidents_followed(workspace.database, workspace.settings, as_of, "wa run")
    opened = sum(step.action_code == "opened" for _, step in changes)
    sent = alerted(workspace.settings, checks.document(), [state for state, _ in changes])
    workspace.seal_pending()
    return PassOutcome(pass_id, False, checks, refreshed.entries, opened, len(changes) - opened, sent)


def _begun(workspace: Workspace, pass_id: str) -> None:
    from wa_analytics.workspace import now

    started_at = now()
    with workspace.database.writing() as writer:
        writer.execute(
            "UPDATE pass SET outcome_code = 'failed', reason = 'it was killed', finished_at = :at "
            "WHERE outcome_code = 'running'",
            {"at": started_at},
        )
    with workspace.database.session() as session:
        session.add(Pass(pass_id=pass_id, started_at=started_at, outcome_code="running"))


def _ended(workspace: Workspace, pass_id: str, outcome: str, reason: str | None) -> None:
    from wa_analytics.workspace import now

    with workspace.database.session() as session:
        record = session.get(Pass, pass_id)
        if record is not None:
            record.outcome_code, record.reason, record.finished_at = outcome, reason, now()
            session.add(record)
