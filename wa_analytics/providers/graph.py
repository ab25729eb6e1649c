"""Meta's Graph API: one client for every pull.

Source: Meta, Graph API rate limiting (`X-App-Usage`, `X-Business-Use-Case-Usage`: percentages, and
`estimated_time_to_regain_access` in minutes), paging, and WhatsApp error codes 4, 80007, 130429
(busy) and 131059 (a cursor that no longer holds).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.providers.http_api import Answer, Api, Fault, Sleep, retry_after, whole_number
from wa_analytics.settings import secret_text

if TYPE_CHECKING:
    import httpx

    from wa_analytics.settings import Settings

BUSY_CODES = (4, 80007, 130429)
BAD_CURSOR = 131059
SLOW_FROM_PERCENT = 80
FULL_WAIT_SECONDS = 60.0
LONGEST_LIST_PAGES = 100_000
_USAGE = ("call_count", "total_cputime", "total_time")
# Where Meta serves media from; the token goes nowhere else but to the API itself.
MEDIA_HOSTS = (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net", ".whatsapp.com")


class Graph(Api):
    """The Graph API under one access token. Raises SettingsInvalid without a token."""

    name = "Meta"

    def __init__(
        self,
        client: httpx.Client,
        settings: Settings,
        *,
        sleep: Sleep | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        secret = secret_text(settings.meta_cloud.access_token)
        if not secret:
            raise SettingsInvalid(
                "WA_META_CLOUD__ACCESS_TOKEN is not set; set it to a system user's token and pull again."
            )
        super().__init__(client, (secret,), sleep=sleep, jitter=jitter)
        self._token = secret
        base = settings.meta_cloud.graph_url.rstrip("/")
        self._place = base.split("/", 3)[:3]
        self._base = f"{base}/{settings.meta_cloud.graph_version}"

    def node(self, *path: str, **parameters: str) -> Answer:
        """The answer about one node or edge. Raises ProviderFailed."""
        return self._good(self._address(path), parameters)

    def pages(self, *path: str, **parameters: str) -> Iterator[Answer]:
        """Each page of a list, oldest cursor first; each holds a list `data`.

        A cursor that no longer holds starts the list anew, once. Raises ProviderFailed.
        """
        url, edge = self._address(path), path[-1]
        asked, is_anew = dict(parameters), False
        seen: set[str] = set()
        for _ in range(LONGEST_LIST_PAGES):
            answer = self.ask(url, asked)
            fault = answer.fault
            if fault is not None and fault.code == BAD_CURSOR and "after" in asked and not is_anew:
                asked, is_anew = dict(parameters), True
                seen.clear()
                continue
            page = self._stated(answer)
            if not isinstance(page.get("data"), list):
                raise ProviderFailed(f"Meta answered {edge} without a `data` list; try again later.")
            yield answer
            after = next_cursor(page)
            if after is None:
                return
            if after in seen:
                raise ProviderFailed(
                    f"Meta's list of {edge} points back to a page already read; try again later."
                )
            seen.add(after)
            # The cursor and not `paging.next`: that address carries the token and names its own host.
            asked = {**parameters, "after": after}
        raise ProviderFailed(f"Meta's list of {edge} has no end; try again later.")

    def media(self, media_id: str) -> Answer:
        """Where a media file is, or the refusal. Raises ProviderFailed."""
        return self.ask(self._address((media_id,)))

    def download(self, url: str, limit_bytes: int) -> Answer:
        """A media file's bytes, or the refusal. The address is good for five minutes.

        Raises ProviderFailed, also where it is on a host that is not Meta's.
        """
        try:
            host = (urlsplit(url).hostname or "").lower()
        except ValueError:
            host = ""
        is_metas = url.startswith("https://") and host.endswith(MEDIA_HOSTS)
        if not host or not (is_metas or url.split("/", 3)[:3] == self._place):
            raise ProviderFailed("Meta named a media address on a host that is not its own; not followed.")
        return self.ask(url, limit_bytes=limit_bytes, is_media=True)

    def _good(self, url: str, parameters: Mapping[str, str]) -> Answer:
        answer = self.ask(url, parameters)
        self._stated(answer)
        return answer

    def _stated(self, answer: Answer) -> dict[str, Any]:
        if not answer.is_good:
            raise ProviderFailed(f"{self.failure(answer)}; check the token's permissions and the account id.")
        return answer.stated or {}

    def _address(self, path: tuple[str, ...]) -> str:
        return "/".join((self._base, *(quote(part, safe="") for part in path)))

    def _headers(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _fault(self, stated: dict[str, Any] | None) -> Fault | None:
        error = stated.get("error") if stated is not None else None
        if not isinstance(error, dict):
            return None
        given = error.get("error_data")
        details = given.get("details") if isinstance(given, dict) else None
        code = error.get("code")
        return Fault(
            code if type(code) is int else -1,
            whole_number(error.get("error_subcode")),
            self.told(details or error.get("message")),
        )

    def _is_busy(self, answer: Answer) -> bool:
        return answer.status == 429 or (answer.fault is not None and answer.fault.code in BUSY_CODES)

    def _asked_to_wait(self, answer: Answer) -> tuple[float, float]:
        percent, regain = usage(answer.headers)
        before_next = 0.0
        if percent >= 100:
            before_next = regain or FULL_WAIT_SECONDS
        elif percent > SLOW_FROM_PERCENT:
            before_next = (percent - SLOW_FROM_PERCENT) / (100 - SLOW_FROM_PERCENT) * 5
        return max(retry_after(answer.headers), regain), before_next


def usage(headers: Mapping[str, str]) -> tuple[float, float]:
    """(highest percentage of a limit used, seconds until access is regained) by Meta's two headers."""
    rows: list[Any] = []
    for name in ("x-app-usage", "x-business-use-case-usage"):
        try:
            stated = msgspec.json.decode(headers.get(name, "{}"))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
        if isinstance(stated, dict):
            rows += [stated, *(row for part in stated.values() if isinstance(part, list) for row in part)]
    percent = regain = 0.0
    for row in rows:
        if isinstance(row, dict):
            percent = max(percent, *(_number(row.get(key)) for key in _USAGE))
            regain = max(regain, 60 * _number(row.get("estimated_time_to_regain_access")))
    return percent, regain


def _number(value: object) -> float:
    return float(value) if type(value) in (int, float) and 0 <= value < 1e9 else 0.0  # type: ignore[arg-type, operator]


def next_cursor(page: Mapping[str, Any]) -> str | None:
    """The cursor of the next page, None at the end. Raises ProviderFailed where a next page has none."""
    paging = page.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if not after and isinstance(paging["next"], str):
        after = parse_qs(paging["next"].partition("?")[2]).get("after", [""])[0]
    if not isinstance(after, str) or not after:
        raise ProviderFailed("Meta names a next page without a cursor; try again later.")
    return after
