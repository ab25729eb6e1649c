"""A workspace as Python sees it: frames to analyse, figures to chart, a message to explain.

    ws = wa.open()
    ws.messages                                   # one row per message, keyed digests only
    ws.metric("consent_coverage", by=["entity"]).chart()
    ws.explain(ws.findings("consent.withdrawn")["subject_id"][0])

Nothing here reads the clock but `now`, which the command line and notebooks use as default. A file per
concern; `opened` is what all of them stand on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wa_analytics.workspace.access import Access
from wa_analytics.workspace.acting import actor, now
from wa_analytics.workspace.frames import Frames
from wa_analytics.workspace.judging import Judging
from wa_analytics.workspace.proving import Proving

if TYPE_CHECKING:
    from wa_analytics.pipeline.intake import Captured
    from wa_analytics.pipeline.refreshing.refresh import Refreshed

__all__ = ["Workspace", "actor", "now"]


class Workspace(Frames, Judging, Access, Proving):
    """One workspace: its settings, database, keys and derived tables."""

    def capture(
        self,
        provider: str,
        paths: Sequence[str],
        received_at: datetime,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Captured:
        """Store what import files hold; see `wa capture`."""
        from wa_analytics.pipeline.intake import captured

        return captured(
            self.database, self.ring, self.settings, provider, paths, received_at, progress=progress
        )

    def refresh(self, *, progress: Any = None) -> Refreshed:
        """Bring facts and state up to the log's end."""
        from wa_analytics.pipeline.refreshing.refresh import refresh

        with self.locked("refresh"):
            done = refresh(self.database, self.ring, self.settings, self.schedule, progress=progress)
            self._late_settled(done, progress)
        return done

    def rebuild(self, *, progress: Any = None) -> Refreshed:
        """Every derived table anew, from the evidence alone."""
        from wa_analytics.pipeline.refreshing.refresh import rebuild

        with self.locked("refresh"):
            done = rebuild(self.database, self.ring, self.settings, self.schedule, progress=progress)
            self._late_settled(done, progress)
        return done

    def _late_settled(self, done: Refreshed, progress: Any) -> None:
        """What came in after its records were disposed of goes too."""
        if not done.late:
            return
        from wa_analytics.pipeline.destroying.disposal import settled
        from wa_analytics.pipeline.destroying.late import late_disposed

        if late_disposed(self.database, self.ring, self.settings, done.late, now(), actor()):
            settled(self.database, self.ring, self.settings, self.schedule, now(), progress=progress)
