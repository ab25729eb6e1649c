# ruff: noqa: E501 (drawn tables are wide)
"""What the boards count is what metrics, findings and consent events say, in workspaces that were worked on."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import wa_analytics as wa
from dashboard import workbench
from dashboard.capture import capture
from dashboard.charts import consent as pictures
from tests.cli.conftest import called
from tests.demo_workspace import Demo
from tests.spec.drawn_table import drawn
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.tables import ChannelDay, ConsentEvent, Custodian, Message

AS_OF = datetime(2024, 6, 30, tzinfo=UTC)


@pytest.fixture
def copied(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demo that a test may change."""
    shutil.copytree(demo.home, tmp_path / "copied")
    monkeypatch.setenv("WA_HOME", str(tmp_path / "copied"))
    return tmp_path / "copied"


def test_what_a_legal_hold_keeps_is_neither_overdue_nor_due(copied: Path) -> None:
    before = workbench.screen().seen(None).board
    kept = before.retention_count("overdue") + before.retention_count("due in 90 days")
    assert kept
    hold = ("hold", "add", "--matter", "m", "--everything", "--reason", "r")
    assert called("--home", str(copied), *hold).code == 0
    assert called("--home", str(copied), "refresh").code == 0
    board = workbench.screen().seen(None).board
    for state, metric in (("overdue", "retention_overdue"), ("due in 90 days", "retention_due_90_days")):
        assert board.retention_count(state) == board.overview.figure(metric).numerator == 0
    assert board.retention_count("under legal hold") >= kept
    assert board.due.is_empty()
    assert b"overdue" not in workbench.retention_csv(None)


def test_every_judged_send_is_drawn_and_no_other(demo: Demo) -> None:
    board = workbench.screen().seen(None).board
    with_unjudged = pl.concat([board.sends, board.sends.head(1).with_columns(state=pl.lit("not_evaluated"))])
    picture = pictures.judged_sends(with_unjudged, demo.as_of)
    assert picture is not None
    drawn_sends = sum(row["sends"] for rows in picture.chart.to_dict()["datasets"].values() for row in rows)
    judged = demo.workspace.messages.filter(
        ~pl.col("consent_code").is_in(["not_judged", "not_evaluated"]),
        pl.col("sent_at") <= demo.as_of,
        pl.col("sent_at") > demo.as_of - timedelta(weeks=26),
    )
    assert drawn_sends == judged.height


def test_a_no_that_outlived_an_erasure_is_drawn_once(demo: Demo, copied: Path, tmp_path: Path) -> None:
    workspace = wa.open(copied)
    events = workspace.consent_events.filter(pl.col("entity") == "harborline")
    last = events.sort("occurred_at").group_by("party_id").last().filter(pl.col("action_code") == "withdrawn")
    recent = last.filter(pl.col("occurred_at") > demo.as_of - timedelta(weeks=20))
    phones = [
        row["party"]
        for path in demo.world.paths["consent-register"]
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        if row["party"].startswith("+")
    ]
    told = workspace.lookup(pl.Series(phones))
    phone = told.join(recent, left_on="id", right_on="party_id")["outside_id"][0]
    workspace.close()
    erase = ("erase", phone, "--reason", "asked", "--foreign-duty", "erase", "--yes")
    assert called("--home", str(copied), *erase).code == 0
    (tmp_path / "again.csv").write_text(
        "message_id,sent_at,channel_id,to,purpose,kind,template_name,body,custodian_id\n"
        f"wamid.AGAIN,{demo.as_of - timedelta(hours=1):%Y-%m-%dT%H:%M:%S+00:00},109000000000101,"
        f"{phone},marketing,template,news,again,adv-01\n"
    )
    assert called("--home", str(copied), "capture", "send-log", str(tmp_path / "again.csv")).code == 0
    assert called("--home", str(copied), "refresh").code == 0
    board = workbench.screen().seen(None).board
    kept = board.opt_outs.filter(pl.col("source") == "kept after an erasure")
    assert kept["events"].to_list() == [1]
    picture = pictures.opt_outs(board.opt_outs, demo.as_of)
    assert picture is not None
    assert "kept after an erasure" in picture.legend


def test_a_check_of_an_earlier_moment_counts_what_it_saw_and_no_more(demo: Demo, copied: Path) -> None:
    before = demo.as_of - timedelta(days=60)
    told = called("--home", str(copied), "check", "--as-of", before.isoformat())
    assert told.code == 1
    workspace = wa.open(copied)
    found = workspace.findings()
    assert f" {found.height:,} open findings" in told.out
    assert workspace.metric("open_findings", as_of=before).frame["numerator"].to_list() == [found.height]
    workspace.close()
    board = workbench.screen().seen(None).board
    assert board.overview.figure("open_findings").numerator == found.height
    rules = (*board.capture_rules, *board.consent_rules, *board.retention_rules)
    open_counts = dict(found.group_by("rule").len().rows())
    assert {line.rule: line.open_count for line in rules if line.open_count} == {
        rule: count for rule, count in open_counts.items() if rule in {line.rule for line in rules}
    }
    exceptions = sum(line.exception_count for line in board.overview.checklist)
    assert exceptions == sum(line.open_count for line in rules)


@pytest.mark.parametrize(
    ("subject", "states"),
    [
        ("statuses", ["silent", "fewer than sent", "declared gap"]),
        ("inbound", ["declared gap", "fewer than sent", "declared gap"]),
        ("messages", ["declared gap", "declared gap", "declared gap"]),
        ("everything", ["declared gap", "declared gap", "declared gap"]),
    ],
)
def test_a_gap_of_something_else_hides_no_silent_and_no_lacking_day(subject: str, states: list[str]) -> None:
    days = drawn(
        ChannelDay,
        """
channel_id | day_on     | day_from         | day_to           | is_silent | outbound_count | platform_sent_count | platform_observed_at
c1         | 2024-06-01 | 2024-06-01 00:00 | 2024-06-02 00:00 | yes       | 0              |                     |
c1         | 2024-06-02 | 2024-06-02 00:00 | 2024-06-03 00:00 | no        | 3              | 5                   | 2024-06-03 01:00
c1         | 2024-06-03 | 2024-06-03 00:00 | 2024-06-04 00:00 | no        | 5              | 5                   | 2024-06-04 01:00
""",
        entity="air",
        edge_count=0,
        inbound_count=0,
    )
    gap = {
        "gap_id": "GAP-1",
        "subject_code": subject,
        "entity": "air",
        "channel_id": None,
        "withdrawn_at": None,
    }
    gap |= {"gap_from": datetime(2024, 6, 1, tzinfo=UTC), "gap_to": None}
    frames = MetricFrames(drawn(Message), drawn(ConsentEvent), drawn(Custodian), channel_days=days)
    found = capture(None, days, frames, [gap], [], AS_OF, 168)
    assert found.days["state"].to_list() == states
