"""`wa keys rotate` and `wa keys list`: the master key anew, journalled; which wrapping keys stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wa_analytics.evidence.key_copies import copied_until, copies_of, settle_wrapping_keys
from wa_analytics.evidence.log import journal
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing


@dataclass(frozen=True)
class WrappingKeyUse:
    """One wrapping key: when it was made, how many entries it still opens, whether it stands."""

    wrapping_key_id: int
    created_at: datetime
    entry_count: int
    is_destroyed: bool


def rotate(
    database: Database,
    ring: KeyRing,
    *,
    actor: str,
    reason: str,
    at: datetime,
    new_master: bytes | None = None,
) -> int:
    """Give the workspace a new master key and say so in the journal; returns how many wrapping
    keys it now wraps. The log, the entry keys and the digests stay as they are.

    new_master: needed only where the master key comes from the environment.
    """
    count = ring.rotate(database, new_master)
    copies = copies_of(ring.home, ring.settings)
    if copied_until(database) is not None:
        with copies.locked():
            settle_wrapping_keys(database, copies)
    journal(
        database,
        ring,
        actor=actor,
        action="keys.rotate",
        reason=reason,
        outcome="done",
        at=at,
        detail={"wrapping_key_count": count},
    )
    return count


def wrapping_key_use(database: Database) -> list[WrappingKeyUse]:
    """Every wrapping key with what it opens, oldest first."""
    rows = stored_rows(
        database,
        "SELECT w.wrapping_key_id, w.created_at, w.wrapped IS NULL, (SELECT count(*) FROM entry_key k"
        " WHERE k.wrapping_key_id = w.wrapping_key_id) FROM wrapping_key w ORDER BY w.wrapping_key_id",
    )
    return [WrappingKeyUse(int(r[0]), _instant(r[1]), int(r[3]), bool(r[2])) for r in rows]


def _instant(stored: datetime | str) -> datetime:
    """SQLite gives the written form, in UTC."""
    at = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return at if at.tzinfo else at.replace(tzinfo=UTC)
