"""Captures that came in live after what they speak of had been disposed of.

The receiver answers before it parses, so it cannot know; the refresh finds them, and they lose their
key by a disposal entry like any other, carved first where they speak of others too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from wa_analytics.evidence.disposal import destroyed_within, keyed
from wa_analytics.evidence.sealing import Opener, Sealer
from wa_analytics.pipeline.disposed import disposed_ids
from wa_analytics.pipeline.intake import Captured, counted
from wa_analytics.pipeline.record_ids import RecordIds
from wa_analytics.providers.carving import carved
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

DECISION = "already_disposed"
BATCH = 200


def late_disposed(
    database: Database, ring: KeyRing, settings: Settings, sequences: Iterable[int], at: datetime, actor: str
) -> int:
    """Destroy the keys of those of `sequences` that speak of what was disposed of; returns how many,
    counted as `already_disposed`. The caller holds the refresh lock and settles afterwards."""
    disposed, ids = disposed_ids(database), RecordIds(ring.digest, settings)
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    wanted = sorted(sequences)
    done: Counter[str] = Counter()
    for start in range(0, len(wanted), BATCH):
        going, rest = [], []
        for row in keyed(database, wanted[start : start + BATCH]):
            ((_, capture),) = opener.opened([row])
            carving = carved(
                capture, settings, row.capture_id.hex(), lambda fact: disposed.has(ids, fact), lambda _: False
            )
            if carving.outcome in ("refused", "untouched"):
                continue
            going.append(row)
            if carving.rest is not None:
                rest.append(carving.rest)
        if not going:
            continue
        handle = ring.wrapping_key(database, at, len(rest))
        sealed = Sealer(handle.id, handle.key, ring.digest_key).sealed(rest)
        said = {
            "actor": actor,
            "decision": DECISION,
            "messages": [],
            "events": [],
            "entries": [row.capture_id.hex() for row in going],
        }
        with database.writing() as writer:
            destroyed_within(writer, [row.sequence for row in going], said, at, sealed)
        done.update(row.provider for row in going)
    for provider, count in done.items():
        counted(database, provider, Captured(already_disposed=count), at)
    return done.total()
