"""Third-party webhook payloads: each is captured, none raises, none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wa_analytics.capture import Capture
from wa_analytics.providers import files, parser
from wa_analytics.records import MessageRecord, StatusRecord, UnknownRecord
from wa_analytics.settings import Settings

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures" / "meta"
PAYLOADS = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
READ_FIELDS = {
    "messages",
    "user_preferences",
    "calls",
    "smb_message_echoes",
    "message_template_status_update",
    "template_category_update",
}

pytestmark = pytest.mark.skipif(
    not PAYLOADS, reason="the folder of third-party conformance payloads is not beside the checkout"
)


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_a_payload_is_captured_exactly_and_gives_a_record(path: Path) -> None:
    settings = Settings()
    captures = list(files.captures(path, "meta-cloud", 1, settings))
    assert captures == [Capture(path.read_bytes(), {}, "meta-cloud", 1)]
    records = parser("meta-cloud")(captures[0], settings)  # type: ignore[arg-type]
    assert records
    stated = json.loads(path.read_bytes())
    changes = [change for account in stated["entry"] for change in account["changes"]]
    counted = {
        record.name for record in records if isinstance(record, UnknownRecord) and record.kind == "field"
    }
    assert {change["field"] for change in changes} - READ_FIELDS <= counted
    for change in changes:
        if change["field"] == "messages":
            told = [
                record.outside_id for record in records if isinstance(record, MessageRecord | StatusRecord)
            ]
            parts = change["value"].get("messages", []) + change["value"].get("statuses", [])
            assert {part["id"] for part in parts} <= set(told)
    assert not [
        record for record in records if isinstance(record, UnknownRecord) and record.kind == "malformed"
    ]


def test_all_of_them_in_one_folder() -> None:
    captures = list(files.captures(FOLDER, "meta-cloud", 1, Settings()))
    assert len(captures) == len(PAYLOADS)
