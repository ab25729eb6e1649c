"""Infobip's media files: what people sent, kept there for seven days.

Source: Infobip, WhatsApp API (OpenAPI 3.163), `GET /whatsapp/1/senders/{sender}/media/{mediaId}`, and
its page on inbound messages (seven days). Its WhatsApp API has no list of messages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.providers.http_api import GONE, REFUSED, Api, Exhausted, Fault, Sleep
from wa_analytics.providers.media import media_capture
from wa_analytics.records import MediaRecord
from wa_analytics.settings import secret_text

if TYPE_CHECKING:
    import httpx

    from wa_analytics.settings import Settings

PROVIDER = "infobip"
_MEDIA_ID = re.compile(r"[\w.=-]{1,200}\Z", re.ASCII)


class Infobip(Api):
    """Infobip's API under one key. Raises SettingsInvalid without its settings."""

    name = "Infobip"
    provider = PROVIDER
    asked_days: int | None = 30

    def __init__(
        self,
        client: httpx.Client,
        settings: Settings,
        *,
        sleep: Sleep | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        given = settings.infobip
        secret = secret_text(given.api_key)
        if not secret or not given.api_url:
            raise SettingsInvalid(
                "infobip.api_key and infobip.api_url are not both set; "
                "set WA_INFOBIP__API_KEY and WA_INFOBIP__API_URL."
            )
        super().__init__(client, (secret,), sleep=sleep, jitter=jitter)
        self._key = secret
        self._base = given.api_url.rstrip("/")
        self._limit_bytes = given.media_limit_bytes

    def fetched(self, announced: MediaRecord, announcing: Capture, at: int) -> Capture:
        """The announced file, or the answer that it is gone. Raises ProviderFailed, Exhausted."""
        sender = announced.channel_id
        # The announced address is not followed: the key goes to the API that the settings name.
        if not sender or not _MEDIA_ID.match(announced.media_id):
            raise ProviderFailed(
                "Infobip announced a media file without an id of its own; look at it by hand."
            )
        path = f"/whatsapp/1/senders/{quote(sender, safe='')}/media/{quote(announced.media_id, safe='')}"
        answer = self.ask(self._base + path, limit_bytes=self._limit_bytes, is_media=True)
        if answer.status == 200:
            told = answer.headers.get("content-type")
            return media_capture(PROVIDER, announced, at, answer.body, "fetched", mime_type=told)
        if answer.status in GONE:
            return media_capture(PROVIDER, announced, at, answer.body, "lost")
        sentence = f"{self.failure(answer)} where a media file was asked for."
        raise Exhausted(sentence) if answer.status in REFUSED else ProviderFailed(sentence)

    def _headers(self, url: str) -> dict[str, str]:
        return {"Authorization": f"App {self._key}"}

    def _fault(self, stated: dict[str, Any] | None) -> Fault | None:
        """Infobip's error: `{"requestError": {"serviceException": {"messageId": …, "text": …}}}`."""
        error = stated.get("requestError") if stated is not None else None
        told = error.get("serviceException") if isinstance(error, dict) else None
        if not isinstance(told, dict):
            return None
        return Fault(-1, None, self.told(f"{told.get('messageId', '')} {told.get('text', '')}"))
