"""Announced media files that are not held yet: fetched one by one, each stored before the next.

The tables hold digests only, so the ids come from the announcing captures, decrypted here. What is
stored is not fetched again: after a kill the next pull goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed
from wa_analytics.evidence.disposal import keyed
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.pulling.storing import Storing
from wa_analytics.providers.http_api import Exhausted
from wa_analytics.providers.media import announced_media, expired_media, media_records
from wa_analytics.records import MediaRecord

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.pipeline.pulling.pulled import Pulled

BATCH = 50
ID_DAYS = 7
"""How long an announced file can be had: Meta's ids of webhooks (and so AWS's) and Infobip's. Twilio
keeps a file until somebody deletes it."""


class MediaSource(Protocol):
    """One provider's media files. asked_days: beyond so many days nobody is asked; None: always."""

    provider: str
    asked_days: int | None

    def fetched(self, announced: MediaRecord, announcing: Capture, at: int) -> Capture:
        """The file, or the answer that it is gone, as a capture (`providers.media.media_capture`).

        Raises ProviderFailed where asking again later may help, Exhausted where asking for another one
        now does not.
        """


class Missing(NamedTuple):
    """An announced file that is not held. sequence: of a capture that announces it. is_told: as gone, or
    as altered."""

    media_digest: str
    sequence: int
    announced_at: datetime
    is_told: bool


def media_missing(database: Database, provider: str, at: datetime) -> list[Missing]:
    """What is worth asking for at `at`: those whose id ends soonest first, then those whose id should
    have ended. One that was answered gone, or came otherwise than announced, is asked for again while its
    id should hold: the one also stands for a missing permission, the other for a file cut short."""
    rows = database.frame(
        "SELECT a.media_digest, min(a.sequence) AS sequence, min(a.occurred_at) AS announced_at, "
        "max(CASE WHEN EXISTS (SELECT 1 FROM media_fact l WHERE l.media_digest = a.media_digest "
        "AND l.source_code <> 'announced') THEN 1 ELSE 0 END) AS is_told "
        "FROM media_fact a JOIN entry e ON e.sequence = a.sequence "
        "WHERE a.source_code = 'announced' AND e.provider = :provider AND NOT EXISTS (SELECT 1 FROM "
        "media_fact f WHERE f.media_digest = a.media_digest AND f.source_code = 'fetched' "
        "AND COALESCE(f.is_intact, TRUE)) "
        "GROUP BY a.media_digest",
        provider=provider,
    )
    found = [Missing(d, s, _instant(moment), bool(told)) for d, s, moment, told in rows.iter_rows()]
    limit = at - timedelta(days=ID_DAYS)
    return sorted(
        (one for one in found if not one.is_told or one.announced_at > limit),
        key=lambda one: (one.announced_at <= limit, one.announced_at, one.media_digest),
    )


def media_pulled(storing: Storing, source: MediaSource, outcome: Pulled, at: int) -> None:
    """Fetch what is missing. Raises Exhausted, when what was fetched until then is stored."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    missing = media_missing(storing.database, source.provider, moment)
    days = source.asked_days
    for done, (one, announced, announcing) in enumerate(_announced(storing, missing)):
        try:
            if days is not None and one.announced_at <= moment - timedelta(days=days):
                capture = expired_media(source.provider, announced, at, days)
            else:
                capture = source.fetched(announced, announcing, at)
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
            if not (is_lost and one.is_told):
                storing.take(capture, outcome)


def _announced(storing: Storing, missing: list[Missing]) -> Iterator[tuple[Missing, MediaRecord, Capture]]:
    """Each missing file with what its message says of it, the id in clear, and where it says so."""
    database, ring = storing.database, storing.ring
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    for at in range(0, len(missing), BATCH):
        batch = missing[at : at + BATCH]
        told: dict[str, tuple[MediaRecord, Capture]] = {}
        for _, capture in opener.opened(keyed(database, {one.sequence for one in batch})):
            for record in announced_media(capture, storing.settings):
                told.setdefault(ring.digest("media", record.media_id), (record, capture))
        for one in batch:
            if one.media_digest in told:
                yield one, *told[one.media_digest]


def _instant(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
