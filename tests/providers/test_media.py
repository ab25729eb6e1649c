"""Announced media files: ids in clear, digests in one form."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.providers.worlds import ACCOUNT, ANA, AT, BEN, CHANNEL, MICROS, body, capture, message, settings
from wa_analytics.providers.media import announced_media, mime_of, sha256_hex
from wa_analytics.records import MediaRecord

DIGEST = hashlib.sha256(b"a picture").hexdigest()
BASE64 = base64.b64encode(bytes.fromhex(DIGEST)).decode()


@pytest.mark.parametrize(
    ("stated", "digest"),
    [
        (DIGEST, DIGEST),
        (DIGEST.upper(), DIGEST),
        (BASE64, DIGEST),
        (BASE64.rstrip("="), DIGEST),
        (BASE64.replace("+", "-").replace("/", "_"), DIGEST),
        ("4654+8g=", None),
        (DIGEST + "00", None),
        ("é" * 44, None),
        ("a1b2c3d4e5f6...", None),
        ("", None),
        (None, None),
    ],
)
def test_a_sha256_in_hex(stated: str | None, digest: str | None) -> None:
    assert sha256_hex(stated) == digest


@pytest.mark.parametrize(
    ("stated", "mime"),
    [
        ("image/jpeg", "image/jpeg"),
        ("Audio/OGG; codecs=opus", "audio/ogg"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("call +1 202 555 0123", None),
        (None, None),
    ],
)
def test_a_media_type_without_parameters(stated: str | None, mime: str | None) -> None:
    assert mime_of(stated) == mime


FILE = {"id": 1234567890, "mime_type": "image/jpeg", "sha256": BASE64, "url": "https://x.example/1"}
IN_A_MESSAGE = body(messages=[message(type="image", text=..., image=FILE)])
IN_AN_ECHO = body("smb_message_echoes", message_echoes=[message(type="image", text=..., image=FILE, to=BEN)])
IN_AN_EDIT = body(
    messages=[
        message(
            id="wamid.B",
            type="edit",
            text=...,
            edit={"original_message_id": "wamid.A", "message": {"type": "image", "image": FILE}},
        )
    ]
)
IN_HISTORY = body(
    "history",
    history=[{"threads": [{"id": ANA, "messages": [message(type="image", text=..., image=FILE)]}]}],
)
AFTER_HISTORY = body("history", messages=[message(type="image", text=..., image=FILE)])
ON_STANDBY = body("standby", standby={"messages": [message(type="image", text=..., image=FILE)]})
SENT_ON_STANDBY = body(
    "standby",
    standby={
        "message_echoes": [
            {"id": "wamid.A", "timestamp": AT, "message": {"to": ANA, "type": "image", "image": FILE}}
        ]
    },
)


@pytest.mark.parametrize(
    "stated",
    [IN_A_MESSAGE, IN_AN_ECHO, IN_AN_EDIT, IN_HISTORY, AFTER_HISTORY, ON_STANDBY, SENT_ON_STANDBY],
)
def test_a_file_is_announced_wherever_it_stands(stated: Any) -> None:
    assert announced_media(capture(stated), settings()) == [
        MediaRecord(
            source="announced",
            media_id="1234567890",
            occurred_at=MICROS,
            outside_id="wamid.A",
            type="image",
            mime_type="image/jpeg",
            sha256=DIGEST,
            channel_id=CHANNEL,
            account_id=ACCOUNT,
        )
    ]


@pytest.mark.parametrize("stated", [b"no json", body(messages=[message(type="image", text=...)])])
def test_nothing_is_announced(stated: Any) -> None:
    assert announced_media(capture(stated), settings()) == []
