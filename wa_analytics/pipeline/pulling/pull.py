"""What a provider's API can tell, fetched and stored like any other capture.

One account's or number's failure is told and the rest goes on; a provider that cannot be had at all
ends the pull.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from wa_analytics.errors import InputRefused, ProviderFailed
from wa_analytics.evidence.layout import microseconds_of
from wa_analytics.pipeline.pulling.media import media_pulled
from wa_analytics.pipeline.pulling.pulled import Pulled
from wa_analytics.pipeline.pulling.storing import Storing
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    import httpx

    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

ALL = "all"
WHATS = {
    "meta-cloud": (
        "templates", "phone-numbers", "subscribed-apps", "analytics", "message-history", "media",
    ),
    "twilio": ("messages", "media"),
    "infobip": ("media",),
    "aws-social": ("queue", "media"),
}  # fmt: skip
Bar = Callable[[str], Callable[[int], object]]


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
    """Fetch `what` of every account the settings name, in order; without a word, all that the settings
    have what is needed for.

    since: from when on counts and lists are asked for. Media are those that the facts announce, so
    refresh first. Raises InputRefused, SettingsInvalid; what a provider refuses stands in `failed`.
    """
    wanted = whats(provider, what)
    if what in (None, ALL):
        wanted = tuple(one for one in wanted if _is_set(provider, one, settings)) or wanted
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
    places = [
        (provider, what)
        for provider, names in WHATS.items()
        for what in names
        if _is_set(provider, what, settings)
    ]
    return [
        {
            "provider": provider,
            "what": what,
            "last_at": known[provider, what]["last_at"] if (provider, what) in known else None,
            "outcome": known[provider, what]["outcome_code"] if (provider, what) in known else "never",
        }
        for provider, what in dict.fromkeys([*places, *sorted(known)])
    ]


def _is_set(provider: str, what: str, settings: Settings) -> bool:
    if provider == "aws-social":
        given = settings.aws_social
        return bool(given.queue_url if what == "queue" else given.media_bucket)
    if provider == "infobip":
        return bool(settings.infobip.api_key and settings.infobip.api_url)
    if provider == "twilio":
        return bool(settings.twilio.account_sid and settings.twilio.auth_token)
    return settings.meta_cloud.access_token is not None


def _pulled(asking: Asking, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> str:
    """The sentence by which the provider could not be had at all, or nothing."""
    from wa_analytics.providers.http_api import Unavailable

    try:
        asking.pull(what, storing, outcome, since)
    except Unavailable as error:
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


class Asking(Protocol):
    """One provider's API during one pull."""

    def pull(self, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> None:
        """Fetch and store `what`, its failures in the outcome. Raises Exhausted."""


@contextmanager
def _asking(provider: str, settings: Settings, at: int) -> Iterator[Asking]:
    if provider == "aws-social":
        yield _Aws(settings, at)
        return
    import httpx

    from wa_analytics.pipeline.pulling.meta import MetaPull
    from wa_analytics.providers.http_api import TIMEOUT_SECONDS

    # Addresses hold media ids and download tokens, and these libraries log them from INFO on.
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        made: dict[str, Callable[[httpx.Client, Settings, int], Asking]] = {
            "meta-cloud": MetaPull,
            "twilio": _Twilio,
            "infobip": _Infobip,
        }
        yield made[provider](client, settings, at)


class _Aws:
    def __init__(self, settings: Settings, at: int) -> None:
        self._settings = settings
        self._at = at

    def pull(self, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> None:
        if what == "media":
            from wa_analytics.pipeline.pulling.aws_media import AwsMedia

            media_pulled(storing, AwsMedia(self._settings), outcome, self._at)
            return
        from wa_analytics.pipeline.pulling.queue import Queue

        Queue(self._settings, self._at).pull(storing, outcome)


class _Infobip:
    def __init__(self, client: httpx.Client, settings: Settings, at: int) -> None:
        from wa_analytics.providers.infobip_pull import Infobip

        self._api = Infobip(client, settings)
        self._at = at

    def pull(self, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> None:
        media_pulled(storing, self._api, outcome, self._at)


class _Twilio:
    def __init__(self, client: httpx.Client, settings: Settings, at: int) -> None:
        from wa_analytics.providers.twilio_pull import Twilio

        self._api = Twilio(client, settings)
        self._at = at

    def pull(self, what: str, storing: Storing, outcome: Pulled, since: datetime | None) -> None:
        from wa_analytics.providers.http_api import Exhausted

        if what == "media":
            media_pulled(storing, self._api, outcome, self._at)
            return
        try:
            for page in self._api.messages(self._at, since.astimezone(UTC).date() if since else None):
                storing.take(page, outcome)
        except Exhausted:
            raise
        except ProviderFailed as error:
            outcome.failed.append(str(error))
