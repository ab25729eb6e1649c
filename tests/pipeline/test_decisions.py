"""Two schedule rows that contradict each other wait for a person; holds are listed and lifted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.disposing import AFTERWARDS, Disposing, disposing
from tests.worlds import RetentionRow
from wa_analytics import tables as t
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener

CONTRADICTING = (RetentionRow("LONG", floor="P9Y"), RetentionRow("SHORT", ceiling="P5D"))
PAIR = "LONG/any/P9Y|SHORT/any/P5D"


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    return disposing(tmp_path, database_url, 7, 40, CONTRADICTING)


def codes(made: Disposing) -> set[str]:
    return set(made.workspace.messages["retention_code"])


def journalled(made: Disposing, kind: str) -> list[dict[str, object]]:
    opener = Opener(
        made.workspace.ring.wrapping_keys(made.workspace.database), made.workspace.ring.digest_key
    )
    rows = entries(made.workspace.database, kind=kind)
    return [json.loads(capture.body) for _, capture in opener.opened(rows)]


@pytest.mark.parametrize(
    ("choice", "is_due"), [("--keep-until-floor", False), ("--dispose-at-ceiling", True)]
)
def test_a_conflict_is_decided_by_a_person(made: Disposing, choice: str, is_due: bool) -> None:
    assert codes(made) == {"conflict"}
    assert made.check()["retention.conflict"]["finding_count"] == 1
    assert made.workspace.findings("retention.conflict")["subject_id"].to_list() == [PAIR]
    assert made.dispose("--dry-run")["due_count"] == 0

    made.wa("retention", "decide", PAIR, choice, "--reason", "counsel said so")
    assert codes(made) == {"scheduled"}
    assert made.check()["retention.conflict"]["finding_count"] == 0
    assert made.workspace.findings("retention.conflict").is_empty()
    assert (made.dispose("--dry-run")["due_count"] > 0) == is_due
    assert [
        said["reason"] for said in journalled(made, "journal") if said["action"] == "retention.decide"
    ] == ["counsel said so"]
    if is_due:
        made.dispose("--yes")
        early = made.check(AFTERWARDS)["retention.disposed_early"]
        assert early["outcome"] == "pass", "the decision ended the floor"


def test_a_decision_needs_a_reason_and_a_pair(made: Disposing) -> None:
    for arguments in (
        (PAIR, "--keep-until-floor"),
        (PAIR, "--reason", "x"),
        (PAIR, "--keep-until-floor", "--dispose-at-ceiling", "--reason", "x"),
        ("nothing|here", "--keep-until-floor", "--reason", "x"),
    ):
        with pytest.raises(Exception, match=r"reason|one of the two|No message falls"):
            made.wa("retention", "decide", *arguments)
    assert made.workspace.table(t.RetentionDecision).is_empty()


def test_holds_are_set_listed_and_lifted(made: Disposing) -> None:
    first = made.wa("hold", "add", "--matter", "M-1", "--reason", "claim", "--everything")
    second = made.wa("hold", "add", "--matter", "M-2", "--reason", "claim", "--channel", "nowhere")
    assert first["held_count"] == made.workspace.messages.height
    assert second["held_count"] == 0
    assert [row["matter"] for row in made.wa("hold", "list")] == ["M-1", "M-2"]
    assert made.wa("hold", "release", "M-1", "--reason", "settled") == {"released": ["HOLD-0001"]}
    assert [row["hold_id"] for row in made.wa("hold", "list")] == ["HOLD-0002"]
    assert len(made.wa("hold", "list", "--all")) == 2
    assert [said["action"] for said in journalled(made, "hold")] == ["hold.add", "hold.add", "hold.release"]
    with pytest.raises(Exception, match="No hold of this number"):
        made.wa("hold", "release", "M-1", "--reason", "again")
    with pytest.raises(Exception, match="Say what is to be held"):
        made.wa("hold", "add", "--matter", "M-3", "--reason", "claim")


def test_nothing_is_destroyed_without_a_word(made: Disposing) -> None:
    made.wa("retention", "decide", PAIR, "--dispose-at-ceiling", "--reason", "x")
    with pytest.raises(Exception, match="--yes"):
        made.dispose()
    assert made.workspace.table(t.DisposedMessage).is_empty()


def test_the_schedule_is_shown(made: Disposing) -> None:
    rows = made.wa("retention", "schedule")
    assert [(row["authority"], row["floor"], row["ceiling"]) for row in rows] == [
        ("LONG", "P9Y", ""),
        ("SHORT", "", "P5D"),
    ]
