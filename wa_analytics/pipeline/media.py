"""Announced media files that are not held yet: fetched one by one, each stored before the next.

The tables hold digests only, so the ids come from the announcing captures, decrypted here. What is
stored is not fetched again: after a kill the next pull goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from wa_analytics.errors import ProviderFailed
from wa_analytics.evidence.disposal import keyed
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.storing import Storing
from wa_analytics.providers.http_api import Exhausted
from wa_analytics.providers.media import announced_media
from wa_analytics.providers.meta_media import (
    ID_DAYS,
    PROVIDER,
    UPLOAD_DAYS,
    expired_media,
    fetched_media,
    media_records,
)
from wa_analytics.records import MediaRecord

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.pipeline.pulled import Pulled
    from wa_analytics.providers.graph import Graph

BATCH = 50


class Missing(NamedTuple):
    """An announced file that is not held. sequence: of a capture that announces it."""

    media_digest: str
    sequence: int
    announced_at: datetime
    is_lost: bool


def media_missing(database: Database, at: datetime) -> list[Missing]:
    """What is worth asking for at `at`: those whose id ends soonest first, then those whose id should
    have ended. One that was answered gone is asked for again while its id should hold, since that
    answer also stands for a missing permission."""
    rows = database.frame(
        "SELECT a.media_digest, min(a.sequence) AS sequence, min(a.occurred_at) AS announced_at, "
        "max(CASE WHEN EXISTS (SELECT 1 FROM media_fact l WHERE l.media_digest = a.media_digest "
        "AND l.source_code = 'lost') THEN 1 ELSE 0 END) AS is_lost "
        "FROM media_fact a JOIN entry e ON e.sequence = a.sequence "
        "WHERE a.source_code = 'announced' AND e.provider = :provider AND NOT EXISTS (SELECT 1 FROM "
        "media_fact f WHERE f.media_digest = a.media_digest AND f.source_code = 'fetched') "
        "GROUP BY a.media_digest",
        provider=PROVIDER,
    )
    found = [Missing(d, s, _instant(moment), bool(lost)) for d, s, moment, lost in rows.iter_rows()]
    limit = at - timedelta(days=ID_DAYS)
    return sorted(
        (one for one in found if not one.is_lost or one.announced_at > limit),
        key=lambda one: (one.announced_at <= limit, one.announced_at, one.media_digest),
    )


def media_pulled(storing: Storing, graph: Graph, outcome: Pulled, at: int) -> None:
    """Fetch what is missing. Raises Exhausted, when what was fetched until then is stored."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    missing = media_missing(storing.database, moment)
    limit_bytes = storing.settings.meta_cloud.media_limit_bytes
    # An upload's id may hold longer than a webhook's; beyond that nobody is asked.
    hopeless = moment - timedelta(days=UPLOAD_DAYS)
    for done, (one, announced) in enumerate(_announced(storing, missing)):
        try:
            if one.announced_at <= hopeless:
                capture = expired_media(announced, at)
            else:
                capture = fetched_media(graph, announced, at, limit_bytes)
        except Exhausted as error:
            left = len(missing) - done
            raise Exhausted(f"{error} {left:,} media files are left for the next pull.") from None
        except ProviderFailed as error:
            outcome.failed.append(f"media {one.media_digest}: {error}")
        else:
            is_lost = capture.headers["outcome"] == "lost"
            outcome.lost += is_lost
            outcome.altered += any(
                isinstance(record, MediaRecord) and record.is_intact is False
                for record in media_records(capture)
            )
            # Told once: a refusal bears a number of its own each time.
            if not (is_lost and one.is_lost):
                storing.take(capture, outcome)


def _announced(storing: Storing, missing: list[Missing]) -> Iterator[tuple[Missing, MediaRecord]]:
    """Each missing file with what its message says of it, the id in clear."""
    database, ring = storing.database, storing.ring
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    for at in range(0, len(missing), BATCH):
        batch = missing[at : at + BATCH]
        told: dict[str, MediaRecord] = {}
        for _, capture in opener.opened(keyed(database, {one.sequence for one in batch})):
            for record in announced_media(capture, storing.settings):
                told.setdefault(ring.digest("media", record.media_id), record)
        for one in batch:
            if one.media_digest in told:
                yield one, told[one.media_digest]


def _instant(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
