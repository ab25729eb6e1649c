"""Edits and revocations are versions of a message, never messages of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import ACCOUNT, ANA, BEN, CHANNEL, MICROS, body, message, only, parsed
from wa_analytics.records import Identifier, MessageRecord, UnknownRecord, VersionRecord

EDIT = {"original_message_id": "wamid.A", "message": {"type": "text", "text": {"body": "stop"}}}
REVOKE = {"original_message_id": "wamid.A"}


def change(kind: str, content: Any, **parts: Any) -> dict[str, Any]:
    return message(id="wamid.B", type=kind, text=..., **{kind: content}, **parts)


def wrapped(place: str, changed: dict[str, Any]) -> dict[str, Any]:
    if place == "messages":
        return body(messages=[changed])
    if place == "standby":
        return body("standby", standby={"messages": [changed]})
    if place == "history":
        return body("history", history=[{"threads": [{"id": ANA, "messages": [changed]}]}])
    return body("smb_message_echoes", message_echoes=[changed])


@pytest.mark.parametrize("place", ["messages", "standby", "history", "echo"])
@pytest.mark.parametrize(
    ("kind", "content", "type_", "text"), [("edit", EDIT, "text", "stop"), ("revoke", REVOKE, None, None)]
)
def test_a_change_is_a_version_of_its_original(
    place: str, kind: str, content: Any, type_: str | None, text: str | None
) -> None:
    parts = {"from": "15550783881", "to": ANA} if place == "echo" else {}
    records = parsed(wrapped(place, change(kind, content, **parts)))
    assert records == [
        VersionRecord(
            outside_id="wamid.A",
            version_id="wamid.B",
            action=kind,
            occurred_at=MICROS,
            direction="outbound" if place == "echo" else "inbound",
            people=(Identifier("phone", "+" + ANA),),
            channel_id=CHANNEL,
            account_id=ACCOUNT,
            type=type_,
            text=text,
        )
    ]


def test_an_echo_s_change_is_of_the_person_it_was_sent_to() -> None:
    records = parsed(wrapped("echo", change("revoke", REVOKE, to=BEN, to_user_id="GB.5")))
    people = only(records, VersionRecord).people
    assert people == (Identifier("phone", "+" + BEN), Identifier("user_id", "GB.5"))


@pytest.mark.parametrize("place", ["messages", "standby", "history", "echo"])
@pytest.mark.parametrize("content", [{}, {"original_message_id": ""}, {"message": {"type": "text"}}, ...])
def test_a_change_of_nothing_stays_a_message_and_is_counted(place: str, content: Any) -> None:
    changed = change("edit", content)
    records = parsed(wrapped(place, changed))
    assert only(records, UnknownRecord) == UnknownRecord(kind="malformed", name="edit")
    assert only(records, MessageRecord).outside_id == "wamid.B"


@pytest.mark.parametrize(
    ("said", "type_"),
    [({"type": "image"}, "image"), ({"type": f"call {ANA}"}, "other"), ({}, "other"), (None, None)],
)
def test_an_edit_s_own_type(said: Any, type_: str | None) -> None:
    record = only(
        parsed(body(messages=[change("edit", {"original_message_id": "wamid.A", "message": said})])),
        VersionRecord,
    )
    assert (record.type, record.text) == (type_, None)
