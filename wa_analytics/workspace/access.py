"""From an outside id to ours and back to the words: journalled, and never without a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from wa_analytics.errors import InputRefused
from wa_analytics.workspace.acting import actor, now
from wa_analytics.workspace.opened import Opened

if TYPE_CHECKING:
    import polars as pl

    from wa_analytics.pipeline.explain import Explanation


class Access(Opened):
    """What a workspace tells of one message or person."""

    def lookup(
        self, outside_ids: Iterable[str], *, as_of: datetime | None = None, at: datetime | None = None
    ) -> pl.DataFrame:
        """(outside_id, kind, id) in input order; kind message, party, consent_event, custodian or
        null. as_of: whose a number that changed hands was then; without it, whose it is. The look-up
        itself is journalled (how many, never which)."""
        from wa_analytics.evidence.log import journal
        from wa_analytics.pipeline.lookup import looked_up

        ids = [str(outside) for outside in outside_ids]
        found = looked_up(self.database, self.ring.digest, ids, as_of)
        journal(
            self.database,
            self.ring,
            actor=actor(),
            action="lookup",
            reason="",
            outcome="done",
            at=at or now(),
            detail={"count": len(ids), "found": found["id"].count()},
        )
        return found

    def reveal(self, message_ids: Iterable[str], *, reason: str, at: datetime | None = None) -> pl.DataFrame:
        """Who and what, in clear: message_id, source, sent_at, outside_id, people, text.

        Raises ReasonRequired without a reason. Journalled before anything is shown.
        """
        from wa_analytics.pipeline.lookup import revealed

        ids = [str(message_id) for message_id in message_ids]
        self._journalled("reveal", reason, at, {"message_ids": ids})
        return revealed(self.database, self.ring, self.settings, ids)

    def search(
        self,
        text: str,
        *,
        reason: str,
        is_regex: bool = False,
        at: datetime | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pl.DataFrame:
        """Messages whose text holds all words of `text`, or matches it as a regular expression:
        message_id, sent_at, source. What they say is for `reveal`.

        Raises ReasonRequired, InputRefused. Journalled, with the text searched for, before it begins.
        """
        from wa_analytics.pipeline.search import found, match_of

        match = match_of(text, is_regex=is_regex)
        self._journalled("search", reason, at, {"text": text, "is_regex": is_regex})
        return found(self.database, self.ring, self.settings, match, progress=progress)

    def explain(self, subject_id: str) -> Explanation:
        """Why a message, a consent event or a party stands as it does, in sentences, no person in
        them. Raises InputRefused for an id nobody knows."""
        from wa_analytics.pipeline.explain import explained

        found = explained(self.database, str(subject_id))
        if found is None:
            raise InputRefused(
                f"Nothing is known under {subject_id!r}; give our id of a message, consent event or "
                "party (`wa lookup` finds it)."
            )
        return found
