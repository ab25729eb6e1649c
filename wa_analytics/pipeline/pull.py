"""What a provider's API can tell, fetched and stored like any other capture.

One account's or number's failure is told and the rest goes on; a provider that cannot be had at all
ends the pull.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wa_analytics.errors import InputRefused, ProviderFailed, SettingsInvalid
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.pipeline.intake import Captured
from wa_analytics.pipeline.storing import Storing
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    import httpx

    from wa_analytics.capture import Capture
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing
    from wa_analytics.providers.meta_pull import Asked, Number

ALL = "all"
WHATS = {
    "meta-cloud": (
        "templates", "phone-numbers", "subscribed-apps", "analytics", "message-history", "media",
    ),
    "twilio": ("messages",),
    "aws-social": ("queue",),
}  # fmt: skip
DAYS_BACK = 30
LONGEST_DAYS = 365
"""How far back the platform counts."""
SLICE_DAYS = 31

Bar = Callable[[str], Callable[[int], object]]


@dataclass
class Pulled(Captured):
    """lost: media files that the provider no longer has; failed: sentences of what could not be had."""

    what: str = ""
    lost: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """complete, partial or failed."""
        if not self.failed and not self.refused:
            return "complete"
        return "partial" if self.stored or self.repeated else "failed"

    def document(self) -> dict[str, Any]:
        """What `wa pull --json` tells of it."""
        return {
            "what": self.what,
            "captured": self.stored,
            "known": self.repeated,
            "lost": self.lost,
            "already_disposed": self.already_disposed,
            "failed": self.failed + self.refused,
        }


def whats(provider: str, what: str | None) -> tuple[str, ...]:
    """What is to be pulled; everything without a word or with `all`. Raises InputRefused."""
    known = WHATS.get(provider)
    if known is None:
        raise InputRefused(f"There is no pull of {provider}; choose one of {', '.join(WHATS)}.")
    if what in (None, ALL):
        return known
    if what not in known:
        raise InputRefused(
            f"There is no pull of {provider} {what}; choose one of {', '.join((*known, ALL))}."
        )
    return (what,)


def pulled(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    provider: str,
    what: str | None,
    received_at: datetime,
    *,
    since: datetime | None = None,
    bar: Bar | None = None,
) -> list[Pulled]:
    """Fetch `what` of every account the settings name, in order.

    since: from when on counts and lists are asked for. Media are those that the facts announce, so
    refresh first. Raises InputRefused, SettingsInvalid; what a provider refuses stands in `failed`.
    """
    wanted = whats(provider, what)
    if since is not None and since > received_at:
        raise InputRefused("--since lies in the future; give a time that has passed.")
    outcomes = []
    unavailable = ""
    with _asking(provider, settings, microseconds_of(received_at)) as asking:
        for one in wanted:
            outcome = Pulled(what=one)
            storing = Storing(
                database, ring, settings, received_at, bar(f"{provider} {one}") if bar else None
            )
            if unavailable:
                outcome.failed.append(f"{one}: not asked, since the provider could not be had before.")
            else:
                unavailable = _pulled(asking, one, storing, outcome, since)
            storing.counted(provider, outcome)
            _noted(database, provider, outcome, received_at)
            outcomes.append(outcome)
    return outcomes


def pull_rows(database: Database, settings: Settings) -> list[dict[str, Any]]:
    """Rows {provider, what, last_at, outcome} of everything that could be pulled with these settings
    and of what ever was; outcome `never`, complete, partial or failed."""
    from wa_analytics.tables import LastPull

    known = {
        (row["provider"], row["what_code"]): row for row in database.table(LastPull).iter_rows(named=True)
    }
    is_set = {
        "meta-cloud": settings.meta_cloud.access_token is not None,
        "twilio": bool(settings.twilio.account_sid and settings.twilio.auth_token),
        "aws-social": bool(settings.aws_social.queue_url),
    }
    places = [(provider, what) for provider, names in WHATS.items() for what in names if is_set[provider]]
    return [
        {
            "provider": provider,
            "what": what,
            "last_at": known[provider, what]["last_at"] if (provider, what) in known else None,
            "outcome": known[provider, what]["outcome_code"] if (provider, what) in known else "never",
        }
        for provider, what in dict.fromkeys([*places, *sorted(known)])
    ]


def _pulled(asking: Any, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> str:
    """The sentence by which the provider could not be had at all, or nothing."""
    from wa_analytics.providers.http_api import Exhausted

    try:
        asking.pull(what, storing, outcome, since)
    except Exhausted as error:
        outcome.failed.append(str(error))
        return str(error)
    return ""


def _noted(database: Database, provider: str, outcome: Pulled, at: datetime) -> None:
    from wa_analytics.tables import LastPull

    with database.session() as session:
        session.merge(
            LastPull(
                provider=provider,
                what_code=outcome.what,
                last_at=at,
                outcome_code=outcome.outcome,
                captured_count=outcome.stored,
                known_count=outcome.repeated,
                lost_count=outcome.lost,
                failed_count=len(outcome.failed) + len(outcome.refused),
            )
        )


@contextmanager
def _asking(provider: str, settings: Settings, at: int) -> Iterator[Any]:
    if provider == "aws-social":
        from wa_analytics.pipeline.queue import Queue

        yield Queue(settings, at)
        return
    import httpx

    from wa_analytics.providers.http_api import TIMEOUT_SECONDS

    # Addresses hold media ids and download tokens, and these libraries log them from INFO on.
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        yield (_Meta if provider == "meta-cloud" else _Twilio)(client, settings, at)


class _Twilio:
    def __init__(self, client: httpx.Client, settings: Settings, at: int) -> None:
        from wa_analytics.providers.twilio_pull import Twilio

        self._api = Twilio(client, settings)
        self._at = at

    def pull(self, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> None:
        from wa_analytics.providers.http_api import Exhausted

        try:
            for page in self._api.messages(self._at, since.astimezone(UTC).date() if since else None):
                storing.take(page, outcome)
        except Exhausted:
            raise
        except ProviderFailed as error:
            outcome.failed.append(str(error))


class _Meta:
    """The Graph API, account by account; the numbers of each are asked for once."""

    def __init__(self, client: httpx.Client, settings: Settings, at: int) -> None:
        from wa_analytics.providers.graph import Graph

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
        from wa_analytics.pipeline.media import media_pulled
        from wa_analytics.providers import meta_pull
        from wa_analytics.providers.meta_pull import Asked

        if what == "media":
            media_pulled(storing, self._graph, outcome, self._at)
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
        from wa_analytics.providers import meta_pull

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
        from wa_analytics.providers import meta_pull

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
    from wa_analytics.providers.http_api import Exhausted

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
