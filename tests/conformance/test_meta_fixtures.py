"""Third-party webhook payloads: each is captured, none raises, none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wa_analytics.capture import Capture
from wa_analytics.providers import files, parser
from wa_analytics.providers.meta_cloud import FIELDS
from wa_analytics.records import MessageRecord, StatusRecord, UnknownRecord, VersionRecord
from wa_analytics.settings import Settings

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures" / "meta"
PAYLOADS = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
# Payloads of which nothing becomes a fact, and why.
NO_FACTS: dict[str, str] = {}

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
    assert {change["field"] for change in changes} <= FIELDS
    facts = [record for record in records if not isinstance(record, UnknownRecord)]
    assert bool(facts) is (path.stem not in NO_FACTS)
    for change in changes:
        if change["field"] == "messages":
            told = [
                record.version_id if isinstance(record, VersionRecord) else record.outside_id
                for record in records
                if isinstance(record, MessageRecord | StatusRecord | VersionRecord)
            ]
            parts = change["value"].get("messages", []) + change["value"].get("statuses", [])
            assert {part["id"] for part in parts} <= set(told)
    assert not [record for record in records if isinstance(record, UnknownRecord)]


def test_every_exception_is_a_payload() -> None:
    assert {path.stem for path in PAYLOADS} >= set(NO_FACTS)


def test_all_of_them_in_one_folder() -> None:
    captures = list(files.captures(FOLDER, "meta-cloud", 1, Settings()))
    assert len(captures) == len(PAYLOADS)
