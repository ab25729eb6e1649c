"""Third-party payloads of AWS, Twilio and chat exports, read in place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import files, parser
from wa_analytics.providers.chat_export import _messages
from wa_analytics.providers.chat_lines import line_of
from wa_analytics.records import MessageRecord, Record, SupplementaryRecord, UnknownRecord
from wa_analytics.settings import Imports, Settings

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder of third-party conformance payloads is not beside the checkout"
)


def captures(path: Path, provider: str, settings: Settings) -> Iterator[Capture]:
    for one in files.captures(path, provider, 1, settings):
        assert isinstance(one, Capture), one
        if one.headers.get("kind") != "file":
            yield one


def records(path: Path, provider: str) -> list[Record]:
    (one,) = captures(path, provider, Settings())
    assert one.body == path.read_bytes().strip()
    return parser(provider)(one, Settings())


@pytest.mark.parametrize("name", ["01_event_body_sns_message_text.json", "02_webhook_entry_decoded.json"])
def test_an_event_of_aws(name: str) -> None:
    message = records(FOLDER / "aws" / name, "aws-social")[0]
    assert isinstance(message, MessageRecord)
    assert (message.source, message.type, message.has_body) == ("inbound", "text", True)
    assert message.text in ("BB", "HHH")


@pytest.mark.parametrize("name", ["03_normalised_handler_event.json", "04_dynamodb_stream_event.json"])
def test_what_a_sample_program_makes_of_an_event_is_kept_and_not_taken_for_one(name: str) -> None:
    with pytest.raises(CaptureUnreadable):
        records(FOLDER / "aws" / name, "aws-social")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01_messages_list_readfullpage1.json", [UnknownRecord(kind="channel", name="sms")] * 2),
        ("02_messages_list_reademptysentdateless.json", []),
        ("03_messages_list_reademptysentdateequals.json", []),
        ("1_create_createscheduledmessagewhatsapp.json", [UnknownRecord(kind="status", name="scheduled")]),
    ],
)
def test_answers_of_twilio(name: str, expected: list[Record]) -> None:
    path = FOLDER / "twilio" / name
    (one,) = captures(path, "twilio", Settings())
    assert one.body == path.read_bytes()
    assert parser("twilio")(one, Settings()) == expected


CHATS = sorted((FOLDER / "chat_export").glob("chatminer_test_*.txt")) if FOLDER.is_dir() else []


@pytest.mark.parametrize("path", CHATS, ids=lambda path: path.stem)
def test_a_chat_reads_as_its_authors_say(path: Path) -> None:
    """Their expectation leaves out system lines and the message that is a lone dot."""
    expected = [
        (one["timestamp"], one["author"], one["message"])
        for one in json.loads((FOLDER / "chat_export" / "chatminer_target.json").read_text())
    ]
    told = []
    for one in captures(path, "chat-export", Settings()):
        (record,) = parser("chat-export")(one, Settings())
        assert isinstance(record, SupplementaryRecord)
        if record.type != "system" and record.text != ".":
            at = datetime.fromtimestamp(record.occurred_at / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            told.append((at, record.sender, (record.text or "").replace("\n", " ")))
    assert sorted(told) == sorted(expected)


def test_every_layout_that_a_parser_collected() -> None:
    """One line of each; a real file has one layout, so they are read alone."""
    lines = (FOLDER / "chat_export" / "pustur_format_lines.txt").read_text(encoding="utf-8").split("\n")
    unread = [line for line in lines if line and line_of(line) is None]
    assert unread == ["Dir auch frohe Ostern."]
    found = [line for text in lines if (line := line_of(text)) is not None]
    records = [record for line in found for record in _messages(0, line.rest, None)]
    assert {record.type for record in records} == {"text", "media", "system"}
    assert [record.type for record in records[-4:]] == ["media"] * 4
    assert {(line.hour, line.minute) for line in found} <= {(13, 55), (1, 55), (0, 45), (18, 42), (21, 25)}


def test_a_file_of_mixed_layouts_loses_no_line() -> None:
    path = FOLDER / "chat_export" / "pustur_format_lines.txt"
    bodies = [one.body for one in captures(path, "chat-export", Settings(imports=Imports(day_first=True)))]
    assert b"\n".join(bodies) == path.read_bytes().rstrip(b"\n")
