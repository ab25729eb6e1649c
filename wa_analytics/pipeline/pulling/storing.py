"""What a provider's API answers, stored capture by capture as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from wa_analytics.capture import Capture
from wa_analytics.evidence.log import append
from wa_analytics.evidence.sealing import Sealer
from wa_analytics.pipeline.disposed import disposed_ids
from wa_analytics.pipeline.intake import Captured, counted
from wa_analytics.pipeline.record_ids import RecordIds
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing


class Storing:
    """On disk when `take` returns, so that a kill loses nothing that was answered; what was disposed
    of before stays out. progress: called with 1 per capture."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        settings: Settings,
        received_at: datetime,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self.database = database
        self.ring = ring
        self.settings = settings
        self.received_at = received_at
        self._progress = progress
        self._disposed = disposed_ids(database)
        self._ids = RecordIds(ring.digest, settings) if self._disposed else None

    def take(self, capture: Capture, outcome: Captured) -> None:
        self.take_all([capture], outcome)

    def take_all(self, captures: Sequence[Capture], outcome: Captured) -> list[bool]:
        """In one commit; for each whether nothing of it is lost if its sender forgets it now."""
        kept: list[Capture] = []
        is_safe = []
        for capture in captures:
            whole, already, refused = [capture], 0, 0
            if self._ids is not None:
                whole, already, refused = self._disposed.recalled(whole, self._ids, self.settings)
            kept += whole
            outcome.already_disposed += already
            is_safe.append(not refused)
            if refused:
                outcome.refused.append(
                    "An answer speaks of something that was disposed of and cannot be carved; "
                    "it was not stored."
                )
        if kept:
            handle = self.ring.wrapping_key(self.database, self.received_at, len(kept))
            sealer = Sealer(handle.id, handle.key, self.ring.digest_key)
            appended = append(self.database, sealer.sealed(kept))
            outcome.stored += appended.stored
            outcome.repeated += appended.repeated
        if self._progress is not None:
            self._progress(len(captures))
        return is_safe

    def counted(self, provider: str, outcome: Captured) -> None:
        """Add the outcome to what `wa doctor` shows."""
        counted(self.database, provider, outcome, self.received_at)
