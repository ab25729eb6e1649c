"""Meta Cloud API: one webhook body, or one pulled answer, as records.

Every documented field becomes facts; one that is not documented is counted by its name and stays in
the capture's bytes. What comes often is decoded into typed shapes, once; a body that tells anything
else, or does not fit them, is read again part by part. Source: Meta, webhooks reference, read 14
September 2026.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import (
    meta_account,
    meta_events,
    meta_history,
    meta_messages,
    meta_people,
    meta_standby,
)
from wa_analytics.providers.bodies import OWN_READING, no_json, place_of
from wa_analytics.providers.meta_parts import malformed
from wa_analytics.providers.meta_pulled import PULLED
from wa_analytics.providers.meta_salvage import changes_of
from wa_analytics.providers.meta_shapes import Account, entry, envelope
from wa_analytics.providers.people import safe_name
from wa_analytics.records import Record, UnknownRecord
from wa_analytics.settings import Settings

OBJECT = "whatsapp_business_account"

# Fields that come with every message, read in typed shapes.
_TYPED = {
    "messages": meta_messages.messages_field,
    "smb_message_echoes": meta_messages.echoes_field,
    "calls": meta_events.calls_field,
    "user_preferences": meta_events.preferences_field,
}
_STATED = {
    "history": meta_history.history,
    "standby": meta_standby.standby,
    "messaging_handovers": meta_people.handover,
    "smb_app_state_sync": meta_people.contacts_synced,
    "user_id_update": meta_people.user_id_changed,
    "automatic_events": meta_people.conversions,
    "group_lifecycle_update": meta_people.groups,
    "group_participants_update": meta_people.groups,
    "group_settings_update": meta_people.groups,
    "group_status_update": meta_people.groups,
    "account_update": meta_account.account_update,
    "account_alerts": meta_account.account_alerts,
    "account_review_update": meta_account.one_event,
    "account_settings_update": meta_account.number_settings,
    "business_capability_update": meta_account.one_event,
    "business_username_update": meta_account.one_event,
    "business_username_updates": meta_account.one_event,
    "flows": meta_account.flows,
    "message_template_components_update": meta_account.template_update,
    "message_template_quality_update": meta_account.template_update,
    "message_template_status_update": meta_account.template_update,
    "partner_solutions": meta_account.partner_solutions,
    "payment_configuration_update": meta_account.one_event,
    "phone_number_name_update": meta_account.one_event,
    "phone_number_quality_update": meta_account.number_quality,
    "security": meta_account.security,
    "template_category_update": meta_account.template_update,
}
FIELDS = frozenset((*_TYPED, *_STATED))
"""Webhook fields that become facts."""


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """Every fact in one body; at least one record, so that nothing is lost unseen.

    Raises CaptureUnreadable: not JSON, or JSON that is no webhook envelope.
    """
    headers = capture.headers
    if headers.get("kind") == "file":
        return []
    if "source" in headers:
        pulled = PULLED.get(headers["source"])
        if pulled is None:
            raise CaptureUnreadable("a pulled answer of a kind that this version does not know; upgrade it.")
        return pulled(capture, settings)
    if "spool" in headers:
        raise CaptureUnreadable(f"{place_of(capture)}: a spool line needs {headers['spool']}.")
    records: list[Record] = []
    if "zoneless_time" in headers:
        records.append(UnknownRecord(kind="zoneless_time", name=safe_name(headers["zoneless_time"])))
    try:
        body = envelope.decode(capture.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _part_by_part(capture, records)
    if body.object != OBJECT:
        return [*records, UnknownRecord(kind="object", name=safe_name(body.object))]
    if not _is_typed(body.entry):
        return _part_by_part(capture, records)
    for account in body.entry:
        _told(records, account, capture)
    return records or [malformed("entry")]


def entry_records(stated: str, capture: Capture) -> list[Record]:
    """The facts of one `entry` element that others deliver alone, as `parse` tells them; none where only
    `parse` itself can tell."""
    try:
        account = entry.decode(stated)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    records: list[Record] = []
    if _is_typed([account]):
        _told(records, account, capture)
    return records


def surely_reads_entry(stated: str) -> bool:
    """Whether `entry_records` tells all there is."""
    try:
        return _is_typed([entry.decode(stated)])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _is_typed(accounts: list[Account]) -> bool:
    for account in accounts:
        for change in account.changes:
            if change.field not in _TYPED:
                return False
    return True


def _told(records: list[Record], account: Account, capture: Capture) -> None:
    for change in account.changes:
        _TYPED[change.field](records, change.field, change.value, account, capture)


def surely_read(capture: Capture) -> bool:
    """Whether `parse` reads the body, and as one of this object: told by the decoder alone, without
    making a record."""
    if not OWN_READING.isdisjoint(capture.headers):
        return False
    try:
        body = envelope.decode(capture.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return body.object == OBJECT and _is_typed(body.entry)


def _part_by_part(capture: Capture, records: list[Record]) -> list[Record]:
    stated = _enveloped(_json(capture))
    if (
        not isinstance(stated, dict)
        or not isinstance(stated.get("object"), str)
        or not isinstance(stated.get("entry"), list)
    ):
        raise CaptureUnreadable(
            f"{place_of(capture)}: is JSON but no webhook body (an object with `object` and `entry`); "
            "give one body per .json file or per .ndjson line."
        )
    if stated["object"] != OBJECT:
        return [*records, UnknownRecord(kind="object", name=safe_name(stated["object"]))]
    try:
        for told in changes_of(records, stated, _TYPED):
            before = len(records)
            if told.field in _TYPED:
                _TYPED[told.field](records, told.field, told.value, told.account, capture)
            elif told.field in _STATED:
                _STATED[told.field](records, told.field, told.stated, told.account, capture)
            else:
                records.append(UnknownRecord(kind="field", name=safe_name(told.field)))
            if len(records) == before:
                records.append(malformed(told.field))
    except RecursionError:
        raise CaptureUnreadable(f"{place_of(capture)}: is nested too deeply to be a webhook body.") from None
    return records or [malformed("entry")]


def _enveloped(stated: Any) -> Any:
    """Meta documents a declined history without its envelope: the value alone."""
    if isinstance(stated, dict) and isinstance(stated.get("history"), list) and "entry" not in stated:
        return {"object": OBJECT, "entry": [{"changes": [{"field": "history", "value": stated}]}]}
    return stated


def _json(capture: Capture) -> Any:
    try:
        return msgspec.json.decode(capture.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        remedy = "give one webhook body per .json file or per .ndjson line"
        raise no_json(place_of(capture), capture.body, remedy) from None
