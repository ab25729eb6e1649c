"""A page of templates that was pulled, as records."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import ACCOUNT, RECEIVED, capture, settings
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.records import TemplateRecord, UnknownRecord


def template(name: str, category: str = "MARKETING", **parts: Any) -> dict[str, Any]:
    components = [
        {"type": "FOOTER", "text": "Reply STOP to end"},
        {"type": "BODY", "text": f"Hello {{{{1}}}} from {name}"},
        {"type": "HEADER", "format": "TEXT", "text": "News"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Shop"}]},
    ]
    return {"id": "1", "name": name, "language": "en", "status": "APPROVED", "category": category,
            "components": components} | parts  # fmt: skip


def test_a_template_is_observed_when_it_was_pulled() -> None:
    page = capture({"data": [template("t0")]}, source="message_templates", waba_id=ACCOUNT)
    assert parser("meta-cloud")(page, settings()) == [
        TemplateRecord(
            name="t0",
            observed_at=RECEIVED,
            account_id=ACCOUNT,
            language="en",
            category="marketing",
            status="approved",
            wording="News\nHello {{1}} from t0\nReply STOP to end",
        )
    ]


def test_odd_templates_on_a_page() -> None:
    page = capture(
        {
            "data": [
                7,
                {"name": ""},
                {"name": "bare"},
                template("odd", components=[{"type": 7, "text": "x"}, 5]),
            ]
        },
        source="message_templates",
    )
    malformed = UnknownRecord(kind="malformed", name="message_templates")
    first, second, bare, odd = parser("meta-cloud")(page, settings())
    assert (first, second) == (malformed, malformed)
    assert bare == TemplateRecord(name="bare", observed_at=RECEIVED)
    assert isinstance(odd, TemplateRecord)
    assert odd.wording is None


def test_a_page_that_is_none() -> None:
    with pytest.raises(CaptureUnreadable):
        parser("meta-cloud")(capture(b"<html>", source="message_templates"), settings())
