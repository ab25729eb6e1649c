"""Twilio's list of messages, page by page, the only pull that has bodies; and the files of messages.

Source: Twilio, Programmable Messaging, Messages.json (PageSize up to 1,000; `next_page_uri` is
relative and null at the end; times are RFC 2822), Media subresource (Basic authentication; answers
with a redirect to where files are served from; kept until somebody deletes them).
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.providers.bodies import listed, number_of, text_of
from wa_analytics.providers.http_api import GONE, REFUSED, Answer, Api, Exhausted, Fault, Sleep
from wa_analytics.providers.media import media_capture
from wa_analytics.providers.twilio import FILES, PREFIX
from wa_analytics.records import MediaRecord
from wa_analytics.settings import secret_text

if TYPE_CHECKING:
    import httpx

    from wa_analytics.settings import Settings

PROVIDER = "twilio"
PAGE_SIZE = 1_000
LONGEST_LIST_PAGES = 100_000
REDIRECTS = (301, 302, 303, 307, 308)
LONGEST_WAY = 3
# Where Twilio serves files from; the credentials go to the API alone.
MEDIA_SCHEMES = ("https://",)
MEDIA_HOSTS = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}\Z")


class Twilio(Api):
    """Twilio's REST API of one account. Raises SettingsInvalid without its settings."""

    name = "Twilio"
    provider = PROVIDER
    asked_days: int | None = None

    def __init__(
        self,
        client: httpx.Client,
        settings: Settings,
        *,
        sleep: Sleep | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        account, secret = settings.twilio.account_sid, secret_text(settings.twilio.auth_token)
        if not account or not secret:
            raise SettingsInvalid(
                "twilio.account_sid and twilio.auth_token are not both set; "
                "set WA_TWILIO__ACCOUNT_SID and WA_TWILIO__AUTH_TOKEN."
            )
        self._basic = base64.b64encode(f"{account}:{secret}".encode()).decode()
        super().__init__(client, (secret, self._basic), sleep=sleep, jitter=jitter)
        self._base = settings.twilio.api_url.rstrip("/")
        self._limit_bytes = settings.twilio.media_limit_bytes
        self._account = account
        self._path = f"/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"

    def messages(
        self, at: int, since: date | None = None, *, page_size: int = PAGE_SIZE
    ) -> Iterator[Capture]:
        """Each page of the account's messages, sent on `since` (UTC) or later, and after it the list of
        files of each message that has any.

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
            for message in page["messages"]:
                yield from self._files(message, at)
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

    def _files(self, message: Any, at: int) -> Iterator[Capture]:
        """What Media.json says of a WhatsApp message that has files. Raises ProviderFailed."""
        sid, count = text_of(message, "sid") or "", text_of(message, "num_media") or "0"
        sender, to = text_of(message, "from") or "", text_of(message, "to") or ""
        is_ours = sender.startswith(PREFIX) or to.startswith(PREFIX)
        if not count.strip("0") or not is_ours or not _SID.match(sid):
            return
        answer = self.ask(self._message_path(self._account, sid) + "/Media.json")
        if answer.status in GONE:
            return
        if not answer.is_good or listed(answer.stated, "media_list") is None:
            raise ProviderFailed(f"{self.failure(answer)} where a message's files were asked for.")
        is_inbound = (text_of(message, "direction") or "").startswith("inbound")
        channel = number_of(to if is_inbound else sender)
        headers = {"source": FILES} | ({"channel": channel} if channel else {})
        yield Capture(answer.body, headers, PROVIDER, at, context=FILES.encode())

    def fetched(self, announced: MediaRecord, announcing: Capture, at: int) -> Capture:
        """The announced file, or the answer that it is gone. Raises ProviderFailed, Exhausted."""
        account, message_id = announced.account_id or self._account, announced.outside_id or ""
        # The announced address is not followed: the credentials go to the API that the settings name.
        if not all(map(_SID.match, (account, message_id, announced.media_id))):
            raise ProviderFailed("Twilio announced a media file without ids of its own; look at it by hand.")
        url = f"{self._message_path(account, message_id)}/Media/{announced.media_id}"
        answer = self._followed(url)
        if answer.status == 200:
            told = answer.headers.get("content-type")
            return media_capture(PROVIDER, announced, at, answer.body, "fetched", mime_type=told)
        if answer.status in GONE:
            return media_capture(PROVIDER, announced, at, answer.body, "lost")
        sentence = f"{self.failure(answer)} where a media file was asked for."
        raise Exhausted(sentence) if answer.status in REFUSED else ProviderFailed(sentence)

    def _followed(self, url: str) -> Answer:
        for _ in range(LONGEST_WAY):
            answer = self.ask(url, limit_bytes=self._limit_bytes, is_media=True)
            if answer.status not in REDIRECTS:
                return answer
            try:
                url = urljoin(url, answer.headers.get("location", ""))
            except ValueError:
                url = ""
            if not self._is_ours(url) and not _is_media_host(url):
                raise ProviderFailed("Twilio led to a media address on a host that is none of its own.")
        raise ProviderFailed("Twilio led from one media address to the next; try again later.")

    def _message_path(self, account: str, sid: str) -> str:
        return f"{self._base}/2010-04-01/Accounts/{quote(account, safe='')}/Messages/{quote(sid, safe='')}"

    def _is_ours(self, url: str) -> bool:
        return url.startswith(self._base + "/")

    def _headers(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Basic {self._basic}"} if self._is_ours(url) else {}

    def _fault(self, stated: dict[str, Any] | None) -> Fault | None:
        """Twilio's error: `{"code": 20003, "message": …, "status": 401}`; a message has no `code`."""
        if stated is None or "code" not in stated or "messages" in stated or "media_list" in stated:
            return None
        code = stated["code"]
        return Fault(code if type(code) is int else -1, None, self.told(stated.get("message")))


def _is_media_host(url: str) -> bool:
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return False
    return url.startswith(MEDIA_SCHEMES) and host.endswith(MEDIA_HOSTS)
