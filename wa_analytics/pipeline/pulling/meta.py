"""Everything the Graph API tells, account by account and number by number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.pipeline.pulling.media import media_pulled
from wa_analytics.pipeline.pulling.storing import Storing
from wa_analytics.providers import meta_pull
from wa_analytics.providers.graph import Graph
from wa_analytics.providers.http_api import Exhausted
from wa_analytics.providers.meta_media import MetaMedia
from wa_analytics.providers.meta_pull import Asked, Number
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    import httpx

    from wa_analytics.pipeline.pulling.pulled import Pulled

DAYS_BACK = 30
LONGEST_DAYS = 365
"""How far back the platform counts."""
SLICE_DAYS = 31


class MetaPull:
    """The Graph API, account by account; the numbers of each are asked for once."""

    def __init__(self, client: httpx.Client, settings: Settings, at: int) -> None:
        accounts = sorted({account for entity in settings.entities for account in entity.waba_ids})
        if not accounts:
            raise SettingsInvalid(
                "No [[entity]] names a waba_ids account; add it to settings.toml and pull again."
            )
        self._graph = Graph(client, settings)
        self._accounts = accounts
        self._at = at
        self._numbers: dict[str, list[Number]] = {}

    def pull(self, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> None:
        if what == "media":
            limit = storing.settings.meta_cloud.media_limit_bytes
            media_pulled(storing, MetaMedia(self._graph, limit), outcome, self._at)
            return
        for account in self._accounts:
            asked = Asked(self._graph, account, self._at)
            with _told(outcome, f"account {account}"):
                if what == "templates":
                    self._take(meta_pull.templates(asked), storing, outcome)
                    continue
                if what == "phone-numbers":
                    self._numbers.pop(account, None)
                numbers = self._numbers_of(asked, storing, outcome)
                if what == "subscribed-apps":
                    with _told(outcome, f"account {account}"):
                        self._take(meta_pull.subscribed_apps(asked), storing, outcome)
                for number in numbers:
                    with _told(outcome, f"number {number.channel_id}"):
                        self._take(self._of_number(what, asked, number, since), storing, outcome)

    def _of_number(
        self, what: str, asked: Asked, number: Number, since: datetime | None
    ) -> Iterator[Capture]:
        if what == "subscribed-apps":
            yield meta_pull.webhook_configuration(asked, number)
        elif what == "message-history":
            yield from meta_pull.message_history(asked, number)
        elif what == "analytics":
            if not number.digits:
                raise ProviderFailed("Meta names no phone number to count for; try again later.")
            for start, end in _slices(self._at, since):
                for granularity in ("half_hour", "day"):
                    yield meta_pull.analytics(asked, number, start, end, granularity)

    def _numbers_of(self, asked: Asked, storing: Storing, outcome: Pulled) -> list[Number]:
        if asked.waba_id not in self._numbers:
            pages = []
            for page in meta_pull.phone_numbers(asked):
                storing.take(page, outcome)
                pages.append(page)
            self._numbers[asked.waba_id] = meta_pull.numbers_of(pages)
        return self._numbers[asked.waba_id]

    @staticmethod
    def _take(captures: Iterator[Capture], storing: Storing, outcome: Pulled) -> None:
        for capture in captures:
            storing.take(capture, outcome)


@contextmanager
def _told(outcome: Pulled, place: str) -> Iterator[None]:
    """A refusal becomes a sentence of the outcome; a provider that cannot be had passes."""
    try:
        yield
    except Exhausted:
        raise
    except ProviderFailed as error:
        outcome.failed.append(f"{place}: {error}")


def _slices(at: int, since: datetime | None) -> Iterator[tuple[int, int]]:
    """UTC days from `since` to the end of the day of `at`, in seconds, at most SLICE_DAYS at once."""
    today = datetime.fromtimestamp(at / 1_000_000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = today + timedelta(days=1)
    start = since.astimezone(UTC) if since else today - timedelta(days=DAYS_BACK)
    start = max(start, end - timedelta(days=LONGEST_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    while start < end:
        stop = min(start + timedelta(days=SLICE_DAYS), end)
        yield int(start.timestamp()), int(stop.timestamp())
        start = stop
