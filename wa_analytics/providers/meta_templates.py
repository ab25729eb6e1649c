"""Message templates as the Graph API lists them: fetched page by page, kept as exact bytes.

The wording of a template is what a customer was shown, so a page is evidence like a webhook.
Source: Meta, WhatsApp Business Account message_templates edge; error codes 4 and 80007.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable, ProviderFailed, SettingsInvalid
from wa_analytics.records import Record, TemplateRecord, UnknownRecord

if TYPE_CHECKING:
    import httpx

    from wa_analytics.settings import Settings

FIELDS = "id,name,language,status,category,components"
ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 300.0
_BUSY_CODES = (4, 80007, 130429)
_WORDING = ("HEADER", "BODY", "FOOTER")
_SECRET_LIKE = re.compile(r"[A-Za-z0-9_|-]{40,}")


def fetch_templates(
    client: httpx.Client,
    settings: Settings,
    waba_id: str,
    *,
    received_at: int,
    page_size: int = 100,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Capture]:
    """Each page of one account's template list, oldest cursor first.

    received_at: microseconds since 1970 UTC. A throttled call (429, code 4, 80007) waits for
    `Retry-After`, else 1, 2, 4 … seconds, at most ATTEMPTS times. Raises ProviderFailed with
    Meta's code and details, never the token; SettingsInvalid without an access token.
    """
    token = settings.meta_cloud.access_token
    if token is None or not token.get_secret_value():
        raise SettingsInvalid(
            "meta_cloud.access_token is not set; set WA_META_CLOUD__ACCESS_TOKEN to a system user's token."
        )
    secret = token.get_secret_value()
    base = settings.meta_cloud.graph_url.rstrip("/")
    url = f"{base}/{settings.meta_cloud.graph_version}/{quote(waba_id, safe='')}/message_templates"
    parameters = {"fields": FIELDS, "limit": str(page_size)}
    seen: set[str] = set()
    while True:
        body = _page(client, url, parameters, secret, sleep)
        page = _stated(body)
        if page is None or not isinstance(page.get("data"), list):
            raise ProviderFailed("Meta answered the template list without a `data` list; try again later.")
        yield Capture(
            body=body,
            headers={"source": "message_templates", "waba_id": waba_id},
            provider="meta-cloud",
            received_at=received_at,
            context=waba_id.encode(),
        )
        after = _next_cursor(page)
        if after is None:
            return
        if after in seen:
            raise ProviderFailed("Meta's template list points back to a page already read; try again later.")
        seen.add(after)
        # The cursor and not `paging.next`: that address carries the token and names its own host.
        parameters = {**parameters, "after": after}


def _page(
    client: httpx.Client,
    url: str,
    parameters: dict[str, str],
    secret: str,
    sleep: Callable[[float], object],
) -> bytes:
    import httpx

    failure = ""
    for attempt in range(ATTEMPTS):
        wait = 2.0**attempt
        try:
            answer = client.get(url, params=parameters, headers={"Authorization": f"Bearer {secret}"})
        except httpx.TransportError as error:
            failure = f"Meta could not be reached ({type(error).__name__})"
        else:
            code, details = _error(answer.content, secret)
            if answer.status_code == 200 and code is None:
                return answer.content
            stated = "no code" if code is None else f"code {code}"
            failure = f"Meta answered {answer.status_code}, {stated}{details}"
            if answer.status_code != 429 and code not in _BUSY_CODES and answer.status_code < 500:
                raise ProviderFailed(f"{failure}; check the token's permissions and the account id.")
            wait = _retry_after(answer.headers.get("Retry-After"), wait)
            if wait > LONGEST_WAIT_SECONDS:
                raise ProviderFailed(f"{failure}; it asks to wait {wait:.0f} seconds, try again then.")
        if attempt + 1 < ATTEMPTS:
            sleep(wait)
    raise ProviderFailed(f"{failure}; gave up after {ATTEMPTS} attempts, try again later.")


def _retry_after(header: str | None, otherwise: float) -> float:
    """Whole seconds, as Meta sends them; a date would need a clock and is not read."""
    if header is None or not header.strip().isdigit():
        return otherwise
    return float(header.strip())


def _error(body: bytes, secret: str) -> tuple[int | None, str]:
    """(code, `: details` or nothing) of an error body; (None, nothing) where it is none."""
    stated = _stated(body)
    error = stated.get("error") if stated is not None else None
    if not isinstance(error, dict):
        return None, ""
    told = error.get("error_data")
    details = told.get("details") if isinstance(told, dict) else None
    details = details or error.get("message")
    if isinstance(details, str) and details:
        details = _SECRET_LIKE.sub("[redacted]", details.replace(secret, "[redacted]"))[:300].rstrip(" .")
    else:
        details = ""
    code = error.get("code")
    return (code if type(code) is int else -1), f": {details}" if details else ""


def _stated(body: bytes) -> dict[str, Any] | None:
    try:
        stated = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return stated if isinstance(stated, dict) else None


def _next_cursor(page: dict[str, Any]) -> str | None:
    paging = page.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) and after else None


def page_records(capture: Capture) -> list[Record]:
    """The templates of one fetched page, observed when it was received.

    Raises CaptureUnreadable.
    """
    page = _stated(capture.body)
    if page is None or not isinstance(page.get("data"), list):
        raise CaptureUnreadable("the page of templates holds no `data` list; pull the templates again.")
    records: list[Record] = []
    for template in page["data"]:
        name = template.get("name") if isinstance(template, dict) else None
        if not isinstance(name, str) or not name:
            records.append(UnknownRecord(kind="malformed", name="message_templates"))
            continue
        records.append(
            TemplateRecord(
                name=name,
                observed_at=capture.received_at,
                account_id=capture.headers.get("waba_id"),
                language=_text(template.get("language")),
                category=_lower(template.get("category")),
                status=_lower(template.get("status")),
                wording=wording_of(template.get("components")),
            )
        )
    return records


def wording_of(components: Any) -> str | None:
    texts: dict[str, str] = {}
    for component in components if isinstance(components, list) else ():
        if isinstance(component, dict) and isinstance(component.get("text"), str):
            kind = component.get("type")
            if isinstance(kind, str):
                texts.setdefault(kind.upper(), component["text"])
    return "\n".join(texts[kind] for kind in _WORDING if kind in texts) or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _lower(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and value else None
