"""Answers of the Graph API that were pulled, as records.

A state is observed when it was asked for. Of callbacks only codes are told, never addresses.
Source: Meta, webhook overrides (`override_callback_uri`, `webhook_configuration`), phone numbers,
analytics, message_history.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers.http_api import json_object
from wa_analytics.providers.instants import micros_of
from wa_analytics.providers.media import media_records
from wa_analytics.providers.meta_pull import GRANULARITIES, digits_of
from wa_analytics.providers.meta_templates import page_records
from wa_analytics.records import (
    ChannelEventRecord,
    PlatformMessageRecord,
    Record,
    UnknownRecord,
    VolumeRecord,
)
from wa_analytics.settings import Settings

NUMBER_EVENTS = {
    "quality_rating": "number.quality",
    "status": "number.status",
    "name_status": "number.name",
    "code_verification_status": "number.verification",
    "account_mode": "number.mode",
    "platform_type": "number.platform",
}
# The narrowest callback that is set governs.
LEVELS = ("phone_number", "whatsapp_business_account", "application")
ELSEWHERE = "unknown_target"
UNKNOWN_APP = "unknown_app"
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}\Z")


def _object(capture: Capture) -> dict[str, Any]:
    stated = json_object(capture.body)
    if stated is None:
        raise CaptureUnreadable("the answer is no JSON object; pull it again.")
    return stated


def _rows(capture: Capture) -> Iterator[dict[str, Any] | None]:
    """The elements of `data`; None where one is no object."""
    rows = _object(capture).get("data")
    if not isinstance(rows, list):
        raise CaptureUnreadable("the page holds no `data` list; pull it again.")
    for row in rows:
        yield row if isinstance(row, dict) else None


def phone_numbers(capture: Capture, settings: Settings) -> list[Record]:
    """`number.quality`, `number.status` … of each number, observed when the list was asked for."""
    records: list[Record] = []
    for row in _rows(capture):
        channel_id = _text(row, "id")
        if row is None or channel_id is None:
            records.append(UnknownRecord(kind="malformed", name="phone_numbers"))
            continue
        for name, event in NUMBER_EVENTS.items():
            code = _code(row.get(name))
            if code is not None:
                records.append(_event(capture, event, channel_id, code))
            elif row.get(name) is not None:
                records.append(UnknownRecord(kind="event", name=event))
    return records


def subscribed_apps(capture: Capture, settings: Settings) -> list[Record]:
    """`webhook.subscribed` or `webhook.unsubscribed` (our app is missing), and `webhook.override` or
    `webhook.direct`.

    Which app is ours is told by `meta_cloud.app_id`; without it every app may be, and an override of
    any of them is told.
    """
    ours = settings.meta_cloud.app_id
    records: list[Record] = []
    found = []
    for row in _rows(capture):
        app = row.get("whatsapp_business_api_data") if row is not None else None
        app_id = _text(app, "id")
        if row is None or app_id is None:
            records.append(UnknownRecord(kind="malformed", name="subscribed_apps"))
        elif not ours or app_id == ours:
            found.append(row.get("override_callback_uri"))
    is_only_page = capture.headers.get("page", "0") == "0" and not _has_next(_object(capture))
    if not found:
        if is_only_page and not records:
            records.append(_event(capture, "webhook.unsubscribed"))
        return records or [UnknownRecord(kind="malformed", name="subscribed_apps")]
    records.append(_event(capture, "webhook.subscribed", None, None if ours else UNKNOWN_APP))
    wanted = settings.meta_cloud.callback_url
    diverted = [target for target in found if target and not (wanted and _is_same(target, wanted))]
    if not diverted:
        records.append(_event(capture, "webhook.direct"))
    else:
        detail = ELSEWHERE if not wanted else "whatsapp_business_account" if ours else UNKNOWN_APP
        records.append(_event(capture, "webhook.override", None, detail))
    return records


def webhook_configuration(capture: Capture, settings: Settings) -> list[Record]:
    """`webhook.override` where a number's webhooks go elsewhere, else `webhook.direct`; the detail says
    which level diverts them."""
    stated = _object(capture)
    channel_id = capture.headers.get("phone_number_id")
    callbacks = stated.get("webhook_configuration")
    if not isinstance(callbacks, dict):
        return [UnknownRecord(kind="malformed", name="webhook_configuration")]
    level = next((name for name in LEVELS if callbacks.get(name)), None)
    wanted = settings.meta_cloud.callback_url
    if level is None:
        return [_event(capture, "webhook.unsubscribed", channel_id)]
    if _is_same(callbacks[level], wanted) if wanted else level == "application":
        return [_event(capture, "webhook.direct", channel_id)]
    return [_event(capture, "webhook.override", channel_id, level if wanted else ELSEWHERE)]


def analytics(capture: Capture, settings: Settings) -> list[Record]:
    """The platform's counts per interval. They are a number's own only if the answer does not name
    other numbers than the one that was asked for."""
    headers = capture.headers
    stated = _object(capture).get("analytics")
    if stated is None:
        return []
    points = stated.get("data_points") if isinstance(stated, dict) else None
    granularity = headers.get("granularity")
    if not isinstance(points, list) or granularity not in GRANULARITIES:
        return [UnknownRecord(kind="malformed", name="analytics")]
    told = {digits_of(str(one)) for one in stated.get("phone_numbers") or ()}
    is_own = not told or told == {headers.get("phone_digits", "")}
    records: list[Record] = []
    for point in points:
        start, end = _moment(point, "start", settings), _moment(point, "end", settings)
        sent, delivered = _count(point, "sent"), _count(point, "delivered")
        if start is None or end is None or end <= start or (sent is None and delivered is None):
            records.append(UnknownRecord(kind="malformed", name="analytics"))
            continue
        records.append(
            VolumeRecord(
                start=start,
                end=end,
                granularity=granularity,
                observed_at=capture.received_at,
                sent_count=sent,
                delivered_count=delivered,
                channel_id=headers.get("phone_number_id") if is_own else None,
                account_id=headers.get("waba_id"),
            )
        )
    return records


def message_history(capture: Capture, settings: Settings) -> list[Record]:
    """Each message id with each of its delivery events; alone where it has none."""
    records: list[Record] = []
    for row in _rows(capture):
        message_id = _text(row, "message_id")
        if row is None or message_id is None:
            records.append(UnknownRecord(kind="malformed", name="message_history"))
            continue
        events = row.get("events")
        events = events.get("data") if isinstance(events, dict) else events
        told = events if isinstance(events, list) and events else [row]
        for event in told:
            status = event.get("delivery_status") if isinstance(event, dict) else None
            records.append(
                PlatformMessageRecord(
                    outside_id=message_id,
                    observed_at=capture.received_at,
                    occurred_at=_moment(event, "timestamp", settings),
                    status=code.lower() if (code := _code(status)) else None,
                    channel_id=capture.headers.get("phone_number_id"),
                    account_id=capture.headers.get("waba_id"),
                )
            )
    return records


PULLED: dict[str, Callable[[Capture, Settings], list[Record]]] = {
    "message_templates": lambda capture, settings: page_records(capture),
    "phone_numbers": phone_numbers,
    "subscribed_apps": subscribed_apps,
    "webhook_configuration": webhook_configuration,
    "analytics": analytics,
    "message_history": message_history,
    "media": lambda capture, settings: media_records(capture),
}
"""What a capture with the header `source` tells."""


def _event(
    capture: Capture, event: str, channel_id: str | None = None, detail: str | None = None
) -> ChannelEventRecord:
    return ChannelEventRecord(
        event=event,
        occurred_at=capture.received_at,
        channel_id=channel_id,
        account_id=capture.headers.get("waba_id"),
        detail=detail,
    )


def _has_next(page: dict[str, Any]) -> bool:
    paging = page.get("paging")
    return isinstance(paging, dict) and bool(paging.get("next"))


def _is_same(target: object, wanted: str) -> bool:
    """Whether two addresses are one: scheme and host in any case, a slash at the end or none."""
    if not isinstance(target, str):
        return False
    try:
        one, other = urlsplit(target.strip()), urlsplit(wanted.strip())
    except ValueError:
        return False
    return (one.scheme.lower(), one.netloc.lower(), one.path.rstrip("/"), one.query) == (
        other.scheme.lower(), other.netloc.lower(), other.path.rstrip("/"), other.query,
    )  # fmt: skip


def _text(part: Any, name: str) -> str | None:
    value = part.get(name) if isinstance(part, dict) else None
    return value if isinstance(value, str) and value else None


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.match(value) else None


def _count(part: Any, name: str) -> int | None:
    value = part.get(name) if isinstance(part, dict) else None
    return value if type(value) is int and 0 <= value < 1 << 62 else None


def _moment(part: Any, name: str, settings: Settings) -> int | None:
    value = part.get(name) if isinstance(part, dict) else None
    if type(value) is not int and not isinstance(value, str):
        return None
    try:
        return micros_of(value, settings.imports.time_zone)[0]
    except (ValueError, IndexError):
        return None
