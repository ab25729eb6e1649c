"""Field `standby`: what is said while another application holds the conversation.

The same messages and statuses as in field `messages`, one level deeper; and echoes of what that
application sent, with the whole send request. So these are the only bodies of our own messages that
the platform ever delivers, next to the Business app's. Source: Meta, webhooks reference, standby (4
August 2026).
"""

from __future__ import annotations

import re
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import instant
from wa_analytics.providers.meta_content import (
    MEDIA_TYPES,
    MESSAGE_TYPES,
    Origin,
    announced_file,
    link_contacts,
    stated_origin,
)
from wa_analytics.providers.meta_messages import inbound, told_errors, told_status
from wa_analytics.providers.meta_parts import elements, malformed, part, text
from wa_analytics.providers.meta_salvage import parts_of
from wa_analytics.providers.meta_shapes import Account, Contact, Message, Status
from wa_analytics.providers.meta_templates import wording_of
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import MessageRecord, Record, TemplateRecord, UnknownRecord

_PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_PURPOSES = ("marketing", "utility", "authentication")


def standby(
    records: list[Record], field: str, value: dict[str, Any], account: Account, capture: Capture
) -> None:
    """Messages, statuses and echoes of a conversation that another application holds."""
    origin = stated_origin(value, account)
    inner = part(value, "standby")
    if not isinstance(inner, dict):
        return
    contacts = parts_of(records, inner, "contacts", Contact)
    for status in parts_of(records, inner, "statuses", Status):
        told_status(records, status, origin)
    for message in parts_of(records, inner, "messages", Message):
        inbound(records, message, contacts, origin)
    for echo in elements(inner, "message_echoes"):
        _echo(records, echo, origin)
    link_contacts(records, contacts)
    if inner.get("errors"):
        told_errors(records, inner["errors"], origin, account, capture)


def _echo(records: list[Record], echo: dict[str, Any], origin: Origin) -> None:
    outside_id, sent_at, sent = text(echo, "id"), instant(part(echo, "timestamp")), part(echo, "message")
    if outside_id is None or sent_at is None or not isinstance(sent, dict):
        records.append(malformed("message_echoes"))
        return
    kind = safe_name(text(sent, "type") or "text")
    is_template, is_group = kind == "template", text(sent, "recipient_type") == "group"
    category = (text(echo, "template", "category") or "").lower()
    to = text(sent, "to")
    people = () if is_group else people_of(to, text(sent, "recipient"))
    records.append(
        MessageRecord(
            source="echo",
            outside_id=outside_id,
            sent_at=sent_at,
            people=people,
            direction="outbound",
            channel_id=origin.channel_id,
            account_id=origin.account_id,
            kind="template" if is_template else "free_form",
            type=kind,
            purpose=category if is_template and category in _PURPOSES else None,
            template_name=text(sent, "template", "name") if is_template else None,
            text=_words(echo, sent, kind),
            has_body=True,
            group_id=to if is_group else None,
        )
    )
    if kind not in MESSAGE_TYPES and not is_template:
        records.append(UnknownRecord(kind="type", name=kind))
    for type_, file in _files(sent, kind):
        announced_file(records, file, type_, outside_id, sent_at, origin)
    _template(records, part(echo, "template"), sent_at, origin.account_id)


def _template(records: list[Record], template: Any, sent_at: int, account_id: str | None) -> None:
    """The template as it stood when it was sent."""
    name = text(template, "name")
    if name is None:
        return
    category, status = text(template, "category"), text(template, "status")
    records.append(
        TemplateRecord(
            name=name,
            observed_at=sent_at,
            account_id=account_id,
            language=text(template, "language"),
            category=category.lower() if category else None,
            status=status.lower() if status else None,
            wording=wording_of(part(template, "components")),
        )
    )


def _files(sent: dict[str, Any], kind: str) -> list[tuple[str, Any]]:
    if kind in MEDIA_TYPES:
        return [(kind, part(sent, kind))]
    return [
        (type_, part(parameter, type_))
        for component in elements(sent, "template", "components")
        for parameter in elements(component, "parameters")
        if (type_ := text(parameter, "type")) is not None and type_ in MEDIA_TYPES
    ]


def _words(echo: dict[str, Any], sent: dict[str, Any], kind: str) -> str | None:
    """What the person was shown: the text, the caption, or the template's body filled in."""
    if kind == "text":
        return text(sent, "text", "body")
    if kind == "interactive":
        return text(sent, "interactive", "body", "text")
    if kind != "template":
        return text(sent, kind, "caption")
    given = {
        text(parameter, "parameter_name") or str(number): text(parameter, "text") or ""
        for component in elements(sent, "template", "components")
        if (text(component, "type") or "").lower() == "body"
        for number, parameter in enumerate(elements(component, "parameters"), 1)
    }
    wording = wording_of(part(echo, "template", "components"))
    if wording is None:
        return " ".join(given.values()) or None
    return _PLACE.sub(lambda place: given.get(place[1], place[0]), wording)
