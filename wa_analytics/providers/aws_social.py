"""AWS End User Messaging Social: Meta's webhook entry inside an event, inside an SNS envelope.

Up to three layers of JSON: the envelope (absent with raw delivery and in many Firehose streams), the
event, and `whatsAppWebhookEntry`, the text of one of Meta's `entry` objects. The innermost one is
read by Meta's own parser, so that every field of theirs means the same here. Source: AWS, End User
Messaging Social user guide, "Message and event format".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import media, meta_cloud
from wa_analytics.providers.bodies import (
    OWN_READING,
    decoded,
    first_records,
    json_of,
    listed,
    part_of,
    place_of,
    text_of,
    time_of,
)
from wa_analytics.providers.instants import micros_of
from wa_analytics.providers.sns import CONFIRMATIONS, NOTIFICATION, SIGNATURE_FIELDS
from wa_analytics.records import ChannelEventRecord, Record
from wa_analytics.settings import Settings

EXPECTED = "SNS notifications or their events, as delivered or as Firehose stored them"
ENTRY = "whatsAppWebhookEntry"
_CONFIRMED = {
    "SubscriptionConfirmation": "webhook.subscription_offered",
    "UnsubscribeConfirmation": "webhook.unsubscribed",
}


class Layers(NamedTuple):
    """envelope, event: the JSON objects around the entry, None where there is none. entry: its JSON
    text."""

    envelope: dict[str, Any] | None
    event: dict[str, Any] | None
    entry: str


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """Every fact of the innermost entry; for a confirmation of SNS, the event that it is.

    Raises CaptureUnreadable: a layer that is not JSON, or holds no entry.
    """
    if capture.headers.get("kind") == "file":
        return []
    if capture.headers.get("source") == media.SOURCE:
        return media.media_records(capture)
    if (seen := _at_a_glance(capture)) is not None:
        told = Capture(capture.body, capture.headers, capture.provider, seen.told_at)
        if records := meta_cloud.entry_records(seen.entry, told):
            return records
    stated = json_of(capture, EXPECTED)
    kind = text_of(stated, "Type")
    if kind in CONFIRMATIONS:
        records = first_records(capture)
        at = time_of(stated, "Timestamp", settings, records)
        records += (
            ChannelEventRecord(
                event=_CONFIRMED[kind],
                occurred_at=capture.received_at if at is None else at,
                channel_id=channel_id,
                account_id=account_id,
            )
            for channel_id, account_id in _delivered_for(text_of(stated, "TopicArn"), settings)
        )
        return records
    layers = _layers(capture, stated)
    records = []
    told_at = time_of(layers.event, "message_timestamp", settings, records)
    body = b'{"object":"%s","entry":[%s]}' % (meta_cloud.OBJECT.encode(), layers.entry.encode())
    # Only what a line of webhooks has too: a note such as `source` means something else to Meta's parser.
    headers = {name: text for name, text in capture.headers.items() if name in ("line", "zoneless_time")}
    inner = msgspec.structs.replace(
        capture, body=body, headers=headers, received_at=capture.received_at if told_at is None else told_at
    )
    try:
        return meta_cloud.parse(inner, settings)
    except CaptureUnreadable:
        raise CaptureUnreadable(
            f"{place_of(capture)}: its {ENTRY} is no entry of a webhook; give {EXPECTED}."
        ) from None


class _Notification(msgspec.Struct, gc=False, rename={"kind": "Type", "message": "Message"}):
    kind: str
    message: str


class _Event(msgspec.Struct, gc=False, rename={"entry": ENTRY}):
    entry: str
    message_timestamp: str


class _Seen(NamedTuple):
    entry: str
    told_at: int


_notification = msgspec.json.Decoder(_Notification)
_event = msgspec.json.Decoder(_Event)


def _at_a_glance(capture: Capture) -> _Seen | None:
    """The entry of an event in an envelope, which is nearly all that comes; None for everything else."""
    headers = capture.headers
    if not OWN_READING.isdisjoint(headers) or "zoneless_time" in headers:
        return None
    try:
        notification = _notification.decode(capture.body)
        if notification.kind != NOTIFICATION:
            return None
        event = _event.decode(notification.message)
        told_at, is_zoneless = micros_of(event.message_timestamp, "UTC")
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return None
    return None if is_zoneless else _Seen(event.entry, told_at)


def surely_read(capture: Capture) -> bool:
    """Whether `parse` reads the body for certain."""
    seen = _at_a_glance(capture)
    return seen is not None and meta_cloud.surely_reads_entry(seen.entry)


def _delivered_for(topic: str | None, settings: Settings) -> list[tuple[str | None, str | None]]:
    """(number, account) of everything that a topic delivers for, as the settings say: a company's accounts,
    or its numbers where it names none."""
    named = settings.aws_social.topics.get(topic or "", "")
    company = settings.entity_by_key(named)
    if company is None and named:
        is_number = any(named in entity.channels for entity in settings.entities)
        return [(named, None) if is_number else (None, named)]
    if company is None and len(settings.entities) == 1:
        company = settings.entities[0]
    if company is None:
        return [(None, None)]
    if company.waba_ids:
        return [(None, account) for account in company.waba_ids]
    return [(channel, None) for channel in company.channels] or [(None, None)]


def number_arn(capture: Capture, channel_id: str | None) -> str | None:
    """AWS's own name of the business number that an event came over; None where it tells none."""
    try:
        event = layers_of(capture).event
    except CaptureUnreadable:
        return None
    numbers = listed(part_of(event, "context"), "MetaPhoneNumberIds") or []
    told = {text_of(one, "metaPhoneNumberId"): text_of(one, "arn") for one in numbers}
    return told.get(channel_id) or (next(iter(told.values())) if len(told) == 1 else None)


def layers_of(capture: Capture) -> Layers:
    """Raises CaptureUnreadable."""
    return _layers(capture, json_of(capture, EXPECTED))


def _layers(capture: Capture, stated: Any) -> Layers:
    envelope = None
    if isinstance(stated, dict) and stated.get("Type") == NOTIFICATION:
        envelope, stated = stated, _inner(capture, stated.get("Message"), "Message")
    if isinstance(stated, dict) and isinstance(stated.get("changes"), list):
        return Layers(envelope, None, msgspec.json.encode(stated).decode())
    entry = stated.get(ENTRY) if isinstance(stated, dict) else None
    if isinstance(entry, dict):
        entry = msgspec.json.encode(entry).decode()
    if not isinstance(entry, str) or not isinstance(_inner(capture, entry, ENTRY), dict):
        raise CaptureUnreadable(
            f"{place_of(capture)}: is JSON without {ENTRY}, so no event of AWS End User Messaging Social; "
            f"give {EXPECTED}."
        )
    return Layers(envelope, stated, entry)


def _inner(capture: Capture, text: Any, name: str) -> Any:
    try:
        return decoded(text) if isinstance(text, str) else text
    except ValueError:
        raise CaptureUnreadable(f"{place_of(capture)}: its {name} is not JSON; give {EXPECTED}.") from None


def rewrapped(layers: Layers, entry: str) -> bytes:
    """The body with another entry inside. The signature goes: it was made over the old one."""
    if layers.event is None:
        inner = entry
    else:
        inner = msgspec.json.encode({**layers.event, ENTRY: entry}).decode()
    if layers.envelope is None:
        return inner.encode()
    kept = {name: part for name, part in layers.envelope.items() if name not in SIGNATURE_FIELDS}
    return msgspec.json.encode({**kept, "Message": inner})
