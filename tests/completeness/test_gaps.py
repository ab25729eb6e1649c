"""Proposals from findings, drawn; the ledger on the command line; gaps in bundles."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_checks.suites import CATALOGUE
from tests.cli.conftest import called
from tests.data_checks.state import AS_OF, DAY, ENTITY, add, channel_day, channel_event, digest, told_id
from tests.spec.drawn_table import drawn_rows, instant
from wa_analytics.completeness.diversion import Stretch
from wa_analytics.completeness.gaps import SUBJECTS, proposals
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.bundles import declared_gaps
from wa_analytics.tables import Message
from wa_analytics.workspace import Workspace

FINDINGS = """
rule                    | subject_id    | entity | channel_id | occurred_at
capture.unknown_message | m1            | air    | c1         | 2024-05-01 10:00
capture.unknown_message | m3            | air    | c1         | 2024-05-03 09:00
capture.unknown_message | m2            | air    | c1         | 2024-05-02 09:00
capture.unknown_message | m4            | air    | c1         | 2024-05-05 09:00
capture.unknown_message | m5            | air    | c2         | 2024-05-02 09:00
capture.volume_gap      | c1|2024-05-01 | air    | c1         | 2024-05-01 00:00
capture.volume_gap      | c1|2024-05-02 | air    | c1         | 2024-05-02 00:00
capture.volume_gap      | c1|2024-05-04 | air    | c1         | 2024-05-04 00:00
capture.silence         | c1|2024-05-07 | air    | c1         | 2024-05-07 00:00
capture.body_missing    | m6            |        |            | 2024-05-07 00:00
capture.body_missing    | m7            |        |            | 2024-05-07 00:00
""".replace("1|2024", "1!2024")
PROPOSED = """
rule                    | subject_code | channel_id | gap_from         | gap_to              | finding_count
capture.volume_gap      | messages     | c1         | 2024-05-01 00:00 | 2024-05-03 00:00    | 2
capture.unknown_message | messages     | c1         | 2024-05-01 10:00 | 2024-05-03 09:00:01 | 3
capture.diverted        | everything   |            | 2024-05-03 00:00 |                     |
capture.volume_gap      | messages     | c1         | 2024-05-04 00:00 | 2024-05-05 00:00    | 1
capture.silence         | inbound      | c1         | 2024-05-07 00:00 | 2024-05-09 00:00    | 1
"""


def rows_of(text: str, *times: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [dict(row) for row in drawn_rows(text.replace("c1|2024", "c1!2024"))]
    for row in rows:
        for name in times:
            row[name] = instant(row[name]) if row[name] else None
        if row.get("subject_id"):
            row["subject_id"] = row["subject_id"].replace("!", "|")
    return rows


def silent(days: int, *, is_open: bool = False) -> dict[str, Any]:
    start = datetime(2024, 5, 6 + days, tzinfo=UTC)
    return {
        "channel_id": "c1", "entity": "air", "day_from": start, "day_to": start + timedelta(days=1),
        "silent_on": "2024-05-07", "is_open": is_open,
    }  # fmt: skip


def proposed(declared: list[dict[str, Any]], *, is_open: bool = False) -> list[dict[str, Any]]:
    found = proposals(
        reversed(rows_of(FINDINGS, "occurred_at")),
        [silent(2, is_open=is_open), silent(1), silent(1) | {"silent_on": "2024-04-01"}],
        [
            Stretch("capture.diverted", "a1", None, "air", instant("2024-05-03 00:00"), None),
            Stretch("capture.diverted", "a2", None, None, instant("2024-05-03 00:00"), None),
        ],
        declared,
    )
    names = ("rule", "subject_code", "channel_id", "gap_from", "gap_to", "finding_count")
    return [{name: getattr(gap, name) for name in names} for gap in found]


def test_findings_in_a_row_become_one_proposal() -> None:
    expected = rows_of(PROPOSED, "gap_from", "gap_to")
    for row in expected:
        row["finding_count"] = int(row["finding_count"]) if row["finding_count"] else None
    assert proposed([]) == expected
    assert [row["gap_to"] for row in proposed([], is_open=True) if row["rule"] == "capture.silence"] == [None]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, {"capture.unknown_message", "capture.diverted", "capture.silence"}),
        ({"subject_code": "everything"}, {"capture.unknown_message", "capture.diverted", "capture.silence"}),
        ({"gap_to": None}, {"capture.diverted"}),
        ({"gap_to": None, "subject_code": "everything", "channel_id": None}, set()),
        ({"gap_to": None, "subject_code": "everything", "channel_id": None, "entity": None}, set()),
        ({"gap_to": None, "channel_id": "c2"}, {"capture.unknown_message", "capture.diverted",
                                               "capture.silence", "capture.volume_gap"}),
    ],
)  # fmt: skip
def test_what_is_declared_already_is_not_proposed(changes: dict[str, Any], left: set[str]) -> None:
    declared = {
        "subject_code": "messages", "entity": "air", "channel_id": "c1",
        "gap_from": instant("2024-05-01 00:00"), "gap_to": instant("2024-05-03 00:00"), **changes,
    }  # fmt: skip
    found = {row["rule"] for row in proposed([declared])}
    assert found - {"capture.volume_gap"} == left - {"capture.volume_gap"}
    assert ("capture.volume_gap" in found) == (changes.get("channel_id") == "c2" or "gap_to" not in changes)


def test_every_rule_that_a_declaration_takes_out_is_a_check_that_knows_declarations() -> None:
    named = {rule for subject in SUBJECTS.values() for rule in subject.rules}
    assert named == {check.key for check in CATALOGUE if check.declared}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    called("--home", str(tmp_path / "home"), "init")
    settings = tmp_path / "home" / "settings.toml"
    settings.write_text(f'[[entity]]\nkey = "{ENTITY}"\nchannels = ["channel-1"]\n', encoding="utf-8")
    workspace = Workspace.open(tmp_path / "home")
    add(
        workspace.database,
        told_id(1),
        told_id(2, AS_OF - 8 * DAY + timedelta(hours=3)),
        channel_event("webhook.override", AS_OF - 5 * DAY, channel_id="channel-1"),
        channel_day(3),
    )
    return tmp_path / "home"


def told(home: Path, *words: str, code: int = 0) -> Any:
    answer = called("--home", str(home), *words)
    assert answer.code == code, answer.err
    return json.loads(answer.out) if "--json" in words else answer.out + answer.err


def check(home: Path) -> dict[str, tuple[str, str | None]]:
    answer = called("--home", str(home), "check", "completeness", "--as-of", AS_OF.isoformat(), "--json")
    return {row["check"]: (row["outcome"], row["reason"]) for row in json.loads(answer.out)["results"]}


def test_a_gap_is_proposed_declared_counted_and_taken_back(home: Path) -> None:
    assert check(home)["capture.unknown_message"] == ("fail", None)
    proposed = told(home, "gaps", "propose", "--json")
    assert [row["rule"] for row in proposed] == ["capture.unknown_message", "capture.diverted"]
    assert "capture.unknown_message" in told(home, "gaps", "propose")
    named = proposed[0]["proposal_id"]
    assert told(home, "gaps", "declare", named, "--reason", "the receiver was down", "--json") == {
        "gap_id": "GAP-0001"
    }
    assert [row["rule"] for row in told(home, "gaps", "propose", "--json")] == ["capture.diverted"]
    assert check(home)["capture.unknown_message"] == ("pass", "2 in declared gaps")
    (row,) = told(home, "gaps", "list", "--json")
    assert (row["subject_code"], row["channel_id"], row["reason"]) == (
        "messages",
        "channel-1",
        "the receiver was down",
    )
    assert row["gap_from"] == (AS_OF - 8 * DAY).isoformat()

    told(home, "gaps", "withdraw", "GAP-0001", "--reason", "found the webhooks")
    assert told(home, "gaps", "list", "--json") == []
    assert [row["gap_id"] for row in told(home, "gaps", "list", "--all", "--json")] == ["GAP-0001"]
    assert check(home)["capture.unknown_message"] == ("fail", None)
    assert "No declared gap" in told(home, "gaps", "withdraw", "GAP-0001", "--reason", "again", code=2)

    workspace = Workspace.open(home)
    ring = workspace.ring
    opener = Opener(ring.wrapping_keys(workspace.database), ring.digest_key)
    said = [
        json.loads(capture.body)
        for _, capture in opener.opened(entries(workspace.database, 0, 100, kind="journal"))
    ]
    assert [(one["action"], one["reason"]) for one in said] == [
        ("gap.declare", "the receiver was down"),
        ("gap.withdraw", "found the webhooks"),
    ]
    assert said[0]["detail"]["proposal_id"] == named


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("messages", "--since", "2026-01-01"), "needs a reason"),
        (("letters", "--since", "2026-01-01", "--reason", "x"), "choose from messages"),
        (("messages", "--reason", "x"), "--since"),
        (("abcdefabcdef", "--reason", "x"), "wa gaps propose"),
        (
            ("media", "--since", "2026-01-02", "--until", "2026-01-02", "--reason", "x"),
            "--until must be later",
        ),
        (("media", "--since", "2026-01-02", "--channel", "nobody", "--reason", "x"), "No channel"),
        (("media", "--since", "2026-01-02", "--entity", "nobody", "--reason", "x"), "no company"),
    ],
)
def test_a_declaration_that_says_too_little_is_refused(
    home: Path, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in told(home, "gaps", "declare", *words, code=2)
    assert told(home, "gaps", "list", "--json") == []


def test_a_bundle_shows_the_gaps_of_its_numbers_and_its_time(home: Path) -> None:
    workspace = Workspace.open(home)
    common = {"direction_code": "inbound", "has_send_log": False, "has_echo": False, "has_body": True,
              "is_conflicting": False, "has_purpose_mismatch": False, "consent_code": "not_judged",
              "window_code": "not_judged", "body_code": "held", "record_class": "correspondence",
              "retention_code": "unscheduled", "entity": ENTITY, "channel_id": "channel-1"}  # fmt: skip
    add(
        workspace.database,
        Message(message_id=digest(7), sent_at=AS_OF - 9 * DAY, **common),
        Message(message_id=digest(8), sent_at=AS_OF - 5 * DAY, **common),
    )
    for since, until, channel in ((8, 6, "channel-1"), (12, 9, None), (4, None, None), (8, 6, "other")):
        if channel == "other":
            add(workspace.database, channel_day(9, channel_id="other"))
        words = ["--since", (AS_OF - since * DAY).isoformat(), "--reason", "known"]
        words += ["--until", (AS_OF - until * DAY).isoformat()] if until else []
        words += ["--channel", channel] if channel else []
        told(home, "gaps", "declare", "inbound", *words)
    touching = declared_gaps(workspace.database, [digest(7), digest(8)])
    assert [row["gap_id"] for row in touching] == ["GAP-0001"]
    assert declared_gaps(workspace.database, [digest(7)]) == []
