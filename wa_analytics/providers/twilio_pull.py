"""Twilio's list of messages, page by page: the only pull that has bodies.

Source: Twilio, Programmable Messaging, Messages.json (PageSize up to 1,000; `next_page_uri` is
relative and null at the end; times are RFC 2822).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.providers.http_api import Api, Fault, Sleep

if TYPE_CHECKING:
    import httpx

    from wa_analytics.settings import Settings

PROVIDER = "twilio"
PAGE_SIZE = 1_000
LONGEST_LIST_PAGES = 100_000


class Twilio(Api):
    """Twilio's REST API of one account. Raises SettingsInvalid without its settings."""

    name = "Twilio"

    def __init__(
        self,
        client: httpx.Client,
        settings: Settings,
        *,
        sleep: Sleep | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        account, token = settings.twilio.account_sid, settings.twilio.auth_token
        secret = token.get_secret_value() if token is not None else ""
        if not account or not secret:
            raise SettingsInvalid(
                "twilio.account_sid and twilio.auth_token are not both set; "
                "set WA_TWILIO__ACCOUNT_SID and WA_TWILIO__AUTH_TOKEN."
            )
        self._basic = base64.b64encode(f"{account}:{secret}".encode()).decode()
        super().__init__(client, (secret, self._basic), sleep=sleep, jitter=jitter)
        self._base = settings.twilio.api_url.rstrip("/")
        self._path = f"/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"

    def messages(
        self, at: int, since: date | None = None, *, page_size: int = PAGE_SIZE
    ) -> Iterator[Capture]:
        """Each page of the account's messages, sent on `since` (UTC) or later.

        at: microseconds since 1970 UTC. Raises ProviderFailed.
        """
        asked = {"PageSize": str(page_size)} | ({"DateSent>": since.isoformat()} if since else {})
        url, parameters = self._base + self._path, asked
        seen = {url}
        for _ in range(LONGEST_LIST_PAGES):
            answer = self.ask(url, parameters)
            if not answer.is_good:
                raise ProviderFailed(f"{self.failure(answer)}; check twilio.account_sid and its token.")
            page: dict[str, Any] = answer.stated or {}
            if not isinstance(page.get("messages"), list):
                raise ProviderFailed("Twilio answered without a `messages` list; try again later.")
            headers = {"source": "messages"}
            if answer.is_redacted:
                headers["redacted"] = "auth_token"
            yield Capture(answer.body, headers, PROVIDER, at, context=b"messages")
            following = page.get("next_page_uri")
            if following is None or following == "":
                return
            # Relative, and under our own account: an address elsewhere would get the credentials.
            if not isinstance(following, str) or not following.startswith(self._path + "?"):
                raise ProviderFailed("Twilio names a next page that is not this account's; not followed.")
            url, parameters = self._base + following, {}
            if url in seen:
                raise ProviderFailed("Twilio's list points back to a page already read; try again later.")
            seen.add(url)
        raise ProviderFailed("Twilio's list of messages has no end; try again later.")

    def _headers(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Basic {self._basic}"}

    def _fault(self, stated: dict[str, Any] | None) -> Fault | None:
        """Twilio's error: `{"code": 20003, "message": …, "status": 401}`; a message has no `code`."""
        if stated is None or "code" not in stated or "messages" in stated:
            return None
        code = stated["code"]
        return Fault(code if type(code) is int else -1, None, self.told(stated.get("message")))
