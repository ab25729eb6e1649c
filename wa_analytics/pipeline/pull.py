"""What a provider's API can tell, fetched and stored like any other capture."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from wa_analytics.errors import InputRefused, SettingsInvalid
from wa_analytics.pipeline.intake import Captured, captured_from_provider
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing


def pulled(
    database: Database, ring: KeyRing, settings: Settings, provider: str, what: str, received_at: datetime
) -> Captured:
    """Fetch `what` of every account the settings name. Raises InputRefused, SettingsInvalid,
    ProviderFailed."""
    if (provider, what) != ("meta-cloud", "templates"):
        raise InputRefused(f"There is no pull of {provider} {what}; try `wa pull meta-cloud templates`.")
    accounts = sorted({account for entity in settings.entities for account in entity.waba_ids})
    if not accounts:
        raise SettingsInvalid(
            "No [[entity]] names a waba_ids account; add it to settings.toml and pull again."
        )
    if settings.meta_cloud.access_token is None:
        raise SettingsInvalid("WA_META_CLOUD__ACCESS_TOKEN is not set; set it and pull again.")
    import httpx

    from wa_analytics.evidence.layout import microseconds_of
    from wa_analytics.providers.meta_templates import fetch_templates

    moment = microseconds_of(received_at)
    outcome = Captured()
    with httpx.Client(timeout=30) as client:
        for account in accounts:
            pages = fetch_templates(client, settings, account, received_at=moment)
            one = captured_from_provider(database, ring, pages, received_at)
            outcome.stored += one.stored
            outcome.repeated += one.repeated
    return outcome
