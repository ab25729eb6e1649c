"""Message templates as the Graph API lists them: fetched page by page, kept as exact bytes.

The wording of a template is what a customer was shown, so a page is evidence like a webhook.
Source: Meta, WhatsApp Business Account message_templates edge.
"""

from __future__ import annotations

from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers.http_api import json_object
from wa_analytics.records import Record, TemplateRecord, UnknownRecord

_WORDING = ("HEADER", "BODY", "FOOTER")


def page_records(capture: Capture) -> list[Record]:
    """The templates of one fetched page, observed when it was received.

    Raises CaptureUnreadable.
    """
    page = json_object(capture.body)
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
    """Header, body and footer of a template's components, a line each; None where none has text."""
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
