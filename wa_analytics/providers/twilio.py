"""Twilio: a webhook (form-encoded), a page of `Messages.json`, or one message of it, as records.

Only `whatsapp:` numbers are WhatsApp; others are counted. A channel is the business number's digits.
A webhook tells no time: it happened when it was received, so imported forms should be spool lines.
What the list of messages tells of a send is of source `provider_log`; of a message received it is
`inbound` like the webhook, with Twilio's own time. What was never sent (queued, scheduled, canceled)
is counted, not a message. Source: Twilio, Messages resource (OpenAPI, 2010-04-01) and messaging
webhooks.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import media
from wa_analytics.providers.bodies import (
    first_records,
    json_of,
    listed,
    number_of,
    place_of,
    text_of,
    time_of,
)
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import (
    Identifier,
    MediaRecord,
    MessageRecord,
    Record,
    StatusRecord,
    UnknownRecord,
)
from wa_analytics.settings import Settings

EXPECTED = "form-encoded webhook bodies, or pages of Messages.json"
PREFIX = "whatsapp:"
STATUSES = {
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
}
RECEIVED = ("received", "receiving")
NOT_SENT = ("accepted", "scheduled", "queued", "sending", "canceled")
LARGEST_FIELDS = 2_000
MEDIA_COUNT = 20
FILES = "media-list"
_TYPES = {"contacts": "contacts", "voice": "audio"}
_KINDS = ("image", "video", "audio")


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """Every fact in one delivery or page; at least one record, but for a page without messages.

    Raises CaptureUnreadable: neither a form of a message nor a list of messages.
    """
    if capture.headers.get("kind") == "file":
        return []
    if capture.headers.get("source") == media.SOURCE:
        return media.media_records(capture)
    if capture.headers.get("source") == FILES:
        return _files(capture, settings)
    if not capture.body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        return _form(capture)
    stated = json_of(capture, EXPECTED)
    records = first_records(capture)
    messages = listed(stated, "messages")
    if messages is None and text_of(stated, "sid") and isinstance(stated.get("direction"), str):
        messages = [stated]
    if messages is None:
        raise CaptureUnreadable(f"{place_of(capture)}: is JSON without `messages`; give {EXPECTED}.")
    for message in messages:
        _listed(records, message, settings)
    return records


def parameters(body: bytes) -> list[tuple[str, str]] | None:
    """Names and values of a form, blank values included; None where it is none."""
    try:
        return parse_qsl(
            body.strip().decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=LARGEST_FIELDS,
        )
    except ValueError:
        return None


def _form(capture: Capture) -> list[Record]:
    if "spool" in capture.headers:
        raise CaptureUnreadable(f"{place_of(capture)}: a spool line needs {capture.headers['spool']}.")
    pairs = parameters(capture.body)
    form = dict(pairs or ())
    sid = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid")
    if not sid:
        raise CaptureUnreadable(f"{place_of(capture)}: is no form with a MessageSid; give {EXPECTED}.")
    records = first_records(capture)
    sender, to = form.get("From", ""), form.get("To", "")
    if not (sender.startswith(PREFIX) or to.startswith(PREFIX)):
        return [*records, UnknownRecord(kind="channel", name=_channel_name(sender or to))]
    status = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
    account_id = form.get("AccountSid") or None
    if status in RECEIVED or (not status and "Body" in form):
        records += _received(form, sid, capture.received_at, account_id)
    elif status in STATUSES:
        records.append(
            StatusRecord(
                outside_id=sid,
                status=STATUSES[status],
                occurred_at=capture.received_at,
                people=_people(to),
                channel_id=number_of(sender),
                account_id=account_id,
                error_code=_code(form.get("ErrorCode")),
            )
        )
    else:
        records.append(UnknownRecord(kind="status", name=safe_name(status or "missing")))
    return records


def _received(form: dict[str, str], sid: str, at: int, account_id: str | None) -> list[Record]:
    people = people_of(_number(form.get("From")) or form.get("WaId"))
    channel_id = number_of(form.get("To"))
    type_ = _type(form)
    message = MessageRecord(
        source="inbound",
        outside_id=sid,
        sent_at=at,
        people=people,
        direction="inbound",
        channel_id=channel_id,
        account_id=account_id,
        type=type_,
        text=form.get("ButtonText") or form.get("Body") or None,
        has_body=True,
    )
    files = [
        MediaRecord(
            source="announced",
            media_id=url.rsplit("/", 1)[-1],
            occurred_at=at,
            outside_id=sid,
            type=type_,
            mime_type=form.get(f"MediaContentType{number}"),
            channel_id=channel_id,
            account_id=account_id,
        )
        for number in range(MEDIA_COUNT)
        if (url := form.get(f"MediaUrl{number}"))
    ]
    return [message, *files]


def _files(capture: Capture, settings: Settings) -> list[Record]:
    """The files of one message, as Media.json lists them."""
    records = first_records(capture)
    stated = json_of(capture, EXPECTED)
    for one in listed(stated, "media_list") or ():
        sid, message_id = text_of(one, "sid"), text_of(one, "parent_sid")
        at = _time(one, "date_created", settings, records)
        if sid is None or message_id is None or at is None:
            records.append(UnknownRecord(kind="malformed", name="media_list"))
            continue
        records.append(
            MediaRecord(
                source="announced",
                media_id=sid,
                occurred_at=at,
                outside_id=message_id,
                mime_type=media.mime_of(text_of(one, "content_type")),
                channel_id=capture.headers.get("channel"),
                account_id=text_of(one, "account_sid"),
            )
        )
    return records or [UnknownRecord(kind="malformed", name="media_list")]


def _type(form: dict[str, str]) -> str:
    """Twilio's word where it sends one, else what the parameters show."""
    stated = form.get("MessageType", "").lower()
    if stated:
        return _TYPES.get(stated, safe_name(stated))
    if form.get("ButtonText") or form.get("ButtonPayload"):
        return "button"
    if form.get("Latitude"):
        return "location"
    kind = form.get("MediaContentType0", "").partition("/")[0].lower()
    if kind:
        return kind if kind in _KINDS else "document"
    return "text"


def _listed(records: list[Record], message: Any, settings: Settings) -> None:
    """One message of the list: what was sent or received, and what is known to have become of it."""
    sid, status = text_of(message, "sid"), (text_of(message, "status") or "missing").lower()
    sender, to = text_of(message, "from") or "", text_of(message, "to") or ""
    if sid is None:
        records.append(UnknownRecord(kind="malformed", name="messages"))
        return
    if not (sender.startswith(PREFIX) or to.startswith(PREFIX)):
        records.append(UnknownRecord(kind="channel", name=_channel_name(sender or to)))
        return
    if status in NOT_SENT or not (status in STATUSES or status in RECEIVED):
        records.append(UnknownRecord(kind="status", name=safe_name(status)))
        return
    at = _time(message, "date_sent", settings, records)
    if at is None:
        at = _time(message, "date_created", settings, records)
    if at is None:
        records.append(UnknownRecord(kind="malformed", name="date_sent"))
        return
    is_inbound = status in RECEIVED or (text_of(message, "direction") or "").startswith("inbound")
    direction: Literal["inbound", "outbound"] = "inbound" if is_inbound else "outbound"
    people, own = (_people(sender), to) if is_inbound else (_people(to), sender)
    account_id = text_of(message, "account_sid")
    text = text_of(message, "body")
    has_files = (text_of(message, "num_media") or "0").strip("0") != ""
    records.append(
        MessageRecord(
            source="inbound" if is_inbound else "provider_log",
            outside_id=sid,
            sent_at=at,
            people=people,
            direction=direction,
            channel_id=number_of(own),
            account_id=account_id,
            type="media" if has_files else None,
            text=text,
            has_body=text is not None or has_files,
        )
    )
    if is_inbound:
        return
    outcome = STATUSES[status]
    updated_at = _time(message, "date_updated", settings, records)
    moments = {"sent": at if outcome != "failed" else None, outcome: at if outcome == "sent" else updated_at}
    code = _code(text_of(message, "error_code"))
    records.extend(
        StatusRecord(
            outside_id=sid,
            status=name,
            occurred_at=max(at, moment),
            people=people,
            channel_id=number_of(own),
            account_id=account_id,
            error_code=code if name == "failed" else None,
        )
        for name, moment in moments.items()
        if moment is not None
    )


def _time(message: Any, name: str, settings: Settings, records: list[Record]) -> int | None:
    """RFC 2822 as Twilio writes it, or ISO 8601."""
    text = text_of(message, name)
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return time_of(message, name, settings, records)
    return time_of({name: moment.isoformat()}, name, settings, records)


def _people(address: str) -> tuple[Identifier, ...]:
    return people_of(_number(address))


def _number(address: str | None) -> str | None:
    return (address or "").removeprefix(PREFIX).strip() or None


def _channel_name(address: str) -> str:
    """`sms` for a bare number, else the scheme before the address."""
    scheme, colon, _ = address.partition(":")
    return safe_name(scheme.lower()) if colon else "sms"


def _code(text: str | None) -> int | None:
    is_one = text and text.isascii() and text.isdigit() and len(text) < 10 and int(text)
    return int(text) if is_one and text else None
