"""A workspace with a handful of invented messages, captured the way a company's are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wa_analytics.workspace import Workspace

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANNEL = "106540352242922"
PERSON, OTHER = "12025550123", "12025550145"
HELLO, ORDER, OFFER = "wamid.hello", "wamid.order", "wamid.offer"
HELLO_TEXT = "Hello, where is my fictional parcel?"
EDITED_TEXT = "Hello, where is my other parcel?"
ORDER_TEXT = "I ordered three umbrellas"
OFFER_TEXT = "Umbrellas are cheaper this week"


def _body(field: str, **value: Any) -> str:
    metadata = {"display_phone_number": "12025550199", "phone_number_id": CHANNEL}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    change = {"field": field, "value": value}
    entry = {"id": "102290129340398", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def _message(outside_id: str, person: str, minute: int, **told: Any) -> dict[str, Any]:
    at = int(AT.timestamp()) - 3600 + 60 * minute
    return {"from": person, "id": outside_id, "timestamp": str(at), **told}


def _status(outside_id: str, status: str, minute: int) -> dict[str, Any]:
    at = int(AT.timestamp()) - 3600 + 60 * minute
    return {"id": outside_id, "status": status, "timestamp": str(at), "recipient_id": PERSON}


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": words}}


DELIVERIES = (
    _body("messages", messages=[_message(HELLO, PERSON, 1, **_text(HELLO_TEXT))]),
    # One delivery that speaks of two people.
    _body(
        "messages",
        messages=[
            _message(ORDER, OTHER, 2, **_text(ORDER_TEXT)),
            _message("wamid.edit", PERSON, 3, type="edit", edit={
                "original_message_id": HELLO,
                "message": _text(EDITED_TEXT),
            }),
        ],
    ),
    _body("messages", messages=[
        _message("wamid.revoke", PERSON, 4, type="revoke", revoke={"original_message_id": HELLO}),
    ]),
    _body("messages", messages=[
        _message("wamid.foreign", PERSON, 4, type="revoke", revoke={"original_message_id": "wamid.x"}),
    ]),
    _body("messages", statuses=[_status(OFFER, "sent", 6), _status(OFFER, "delivered", 7)]),
    _body("smb_message_echoes", message_echoes=[
        {"from": "12025550199", "to": PERSON, "id": "wamid.unsay", "timestamp": "1772362800",
         "type": "revoke", "revoke": {"original_message_id": OFFER}},
    ]),
)  # fmt: skip
SEND_LOG = (
    "message_id,sent_at,channel_id,to,purpose,kind,template_name,body\n"
    f"{OFFER},2026-03-01T11:05:00+00:00,{CHANNEL},+{PERSON},marketing,template,offer,{OFFER_TEXT}\n"
)


def made(folder: Path, database_url: str | None = None) -> Workspace:
    """Captured, refreshed, not sealed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "webhooks.ndjson").write_text("\n".join(DELIVERIES) + "\n")
    (folder / "sent.csv").write_text(SEND_LOG)
    workspace = Workspace.init(folder / "home", database_url)
    assert workspace.capture("meta-cloud", [str(folder / "webhooks.ndjson")], AT).is_clean
    assert workspace.capture("send-log", [str(folder / "sent.csv")], AT).is_clean
    workspace.refresh()
    return workspace


def ours(workspace: Workspace, outside_id: str) -> str:
    return workspace.ring.digest("message", outside_id)
