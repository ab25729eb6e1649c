"""Meta Cloud API: one webhook body, or one page of a fetched template list, as records.

Reads `messages` (messages and statuses), `user_preferences`, `calls`, `smb_message_echoes` and
the two fields that tell a template's category. Every other field is counted by its name and
stays in the capture's bytes. Source: Meta, webhooks reference, read 14 September 2026.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import meta_events, meta_messages
from wa_analytics.providers.meta_salvage import salvaged
from wa_analytics.providers.meta_shapes import Envelope, envelope
from wa_analytics.providers.meta_templates import page_records
from wa_analytics.providers.people import safe_name
from wa_analytics.records import Record, UnknownRecord
from wa_analytics.settings import Settings

OBJECT = "whatsapp_business_account"

_FIELDS = {
    "messages": meta_messages.messages_field,
    "smb_message_echoes": meta_messages.echoes_field,
    "calls": meta_events.calls_field,
    "user_preferences": meta_events.preferences_field,
    "message_template_status_update": meta_events.template_field,
    "template_category_update": meta_events.template_field,
}


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """Every fact in one body; at least one record, so that nothing is lost unseen.

    Raises CaptureUnreadable: not JSON, or JSON that is no webhook envelope.
    """
    headers = capture.headers
    if headers.get("kind") == "file":
        return []
    if headers.get("source") == "message_templates":
        return page_records(capture)
    if "spool" in headers:
        raise CaptureUnreadable(f"{_place(capture)}: a spool line needs {headers['spool']}.")
    records: list[Record] = []
    if "zoneless_time" in headers:
        records.append(UnknownRecord(kind="zoneless_time", name=safe_name(headers["zoneless_time"])))
    try:
        body = envelope.decode(capture.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = _second_reading(capture, records)
    if body.object != OBJECT:
        return [*records, UnknownRecord(kind="object", name=safe_name(body.object))]
    for account in body.entry:
        for change in account.changes:
            read = _FIELDS.get(change.field)
            if read is None:
                records.append(UnknownRecord(kind="field", name=safe_name(change.field)))
            else:
                read(records, change.field, change.value, account, capture)
    return records or [UnknownRecord(kind="malformed", name="entry")]


def _second_reading(capture: Capture, records: list[Record]) -> Envelope:
    stated = _json(capture)
    if (
        not isinstance(stated, dict)
        or not isinstance(stated.get("object"), str)
        or not isinstance(stated.get("entry"), list)
    ):
        raise CaptureUnreadable(
            f"{_place(capture)}: is JSON but no webhook body (an object with `object` and `entry`); "
            "give one body per .json file or per .ndjson line."
        )
    try:
        body, malformed = salvaged(stated, _FIELDS)
    except RecursionError:
        raise CaptureUnreadable(f"{_place(capture)}: is nested too deeply to be a webhook body.") from None
    if body.object == OBJECT:
        records.extend(malformed)
    return body


def _json(capture: Capture) -> Any:
    try:
        return msgspec.json.decode(capture.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CaptureUnreadable(
            f"{_place(capture)}: is not JSON; give one webhook body per .json file or per .ndjson line."
        ) from None


def _place(capture: Capture) -> str:
    line = capture.headers.get("line")
    return f"line {line}" if line else "the body"
