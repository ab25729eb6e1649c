"""The edges of the completeness checks, and what a declared gap takes out of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from data_checks.outcome import Result
from data_checks.run import run
from tests.data_checks.state import (
    AS_OF,
    DAY,
    ENTITY,
    HOUR,
    MIDNIGHT,
    add,
    channel_day,
    channel_event,
    declared,
    digest,
    media,
    send,
    told_id,
    volume,
)
from wa_analytics.database import Database

SECOND = timedelta(seconds=1)
SILENT = {"inbound_count": 0, "is_silent": True}


def result_of(database: Database, home: Path, rule: str, as_of: datetime = AS_OF) -> Result:
    outcome = run(database.url, home=home, as_of=as_of, suites=["completeness", "capture"])
    return next(result for result in outcome.results if result.check == rule)


def subjects(database: Database, rule: str) -> set[str]:
    found = database.frame(
        "SELECT subject_id FROM finding WHERE status_code = 'open' AND rule = :rule", rule=rule
    )
    return set(found["subject_id"])


def test_a_count_is_final_only_after_the_settle_window(database: Database, tmp_path: Path) -> None:
    add(database, volume(), channel_day(8, platform_sent_count=25))
    settled = MIDNIGHT - 7 * DAY + 7 * DAY
    before = result_of(database, tmp_path, "capture.volume_gap", settled - SECOND)
    assert (before.outcome, before.reason) == (
        "not_evaluated",
        "1 not evaluated: not settled yet for harbour (1)",
    )
    assert result_of(database, tmp_path, "capture.volume_gap", settled).outcome == "fail"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"platform_observed_at": MIDNIGHT - 7 * DAY - SECOND},
            "the platform was asked before the day was over",
        ),
        ({"platform_sent_count": None}, "the platform's own count was never captured"),
    ],
)
def test_a_day_the_platform_did_not_finish_counting_is_not_judged(
    database: Database, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    add(database, channel_day(8, **{"platform_sent_count": 25, **changes}))
    result = result_of(database, tmp_path, "capture.volume_gap")
    assert (result.outcome, result.reason) == ("not_evaluated", f"1 not evaluated: {words} for harbour (1)")


def test_sends_of_before_the_first_status_are_not_judged(database: Database, tmp_path: Path) -> None:
    told = AS_OF - 20 * DAY
    add(
        database,
        send(1, sent_at=told, first_status_at=told),
        send(2, sent_at=told - SECOND, first_status_at=None),
        send(3, sent_at=told + SECOND, first_status_at=None),
        send(4, sent_at=told + SECOND, first_status_at=None, channel_id="channel-2"),
        send(5, sent_at=told + SECOND, first_status_at=None, has_send_log=False, has_echo=True),
    )
    result = result_of(database, tmp_path, "capture.status_missing")
    assert subjects(database, "capture.status_missing") == {digest(3)}
    assert (result.evaluated_count, result.not_evaluated_count) == (2, 2)


def test_media_of_a_company_that_fetches_none_is_not_judged(database: Database, tmp_path: Path) -> None:
    add(
        database,
        media(1, "announced"),
        media(2, "announced", entity="other"),
        media(3, "fetched", entity=None, channel_id=None),
        media(3, "announced", entity="other"),
    )
    result = result_of(database, tmp_path, "capture.media_missing")
    assert subjects(database, "capture.media_missing") == {digest(2)}
    assert result.reason == "1 not evaluated: no media file was ever fetched for harbour (1)"


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([("webhook.override", 3), ("webhook.direct", 3)], {"channel-1"}),
        ([("webhook.override", 3), ("webhook.direct", 2)], set()),
        ([("webhook.override", 3), ("webhook.subscribed", 2)], {"channel-1"}),
        ([("webhook.unsubscribed", 3), ("webhook.direct", 2)], {"channel-1"}),
        ([("webhook.unsubscribed", 3), ("webhook.subscribed", 2)], set()),
        ([("webhook.override", 3), ("webhook.direct", 2), ("webhook.override", 1)], {"channel-1"}),
        ([("webhook.override", -1), ("webhook.direct", 2)], set()),
        ([("webhook.unsubscribed", 3), ("webhook.subscribed", -1)], {"channel-1"}),
    ],
)
def test_the_newest_callback_governs(
    database: Database, tmp_path: Path, events: list[tuple[str, int]], found: set[str]
) -> None:
    add(database, *(channel_event(code, AS_OF - ago * DAY, channel_id="channel-1") for code, ago in events))
    result_of(database, tmp_path, "capture.diverted")
    assert subjects(database, "capture.diverted") == found


def test_a_diversion_is_told_since_it_began(database: Database, tmp_path: Path) -> None:
    add(
        database,
        *(channel_event("webhook.override", AS_OF - ago * DAY, channel_id="c") for ago in (9, 5, 4, 3)),
        channel_event("webhook.direct", AS_OF - 6 * DAY, channel_id="c"),
        channel_event("webhook.direct", AS_OF - 1 * DAY, channel_id="d"),
    )
    result_of(database, tmp_path, "capture.diverted")
    assert database.frame("SELECT occurred_at FROM finding")["occurred_at"].to_list() == [AS_OF - 5 * DAY]


def silent(days_ago: int, since: int) -> SQLModel:
    return channel_day(days_ago, silent_on=f"{MIDNIGHT - since * DAY:%Y-%m-%d}", **SILENT)


DECLARED = [
    ("capture.volume_gap", channel_day(8, platform_sent_count=25), "messages", 8),
    ("capture.silence", silent(8, 8), "inbound", 8),
    ("capture.unknown_message", told_id(9, MIDNIGHT - 8 * DAY), "messages", 8),
    ("capture.media_missing", media(1, "lost"), "media", 9),
    ("capture.body_missing", send(1, sent_at=MIDNIGHT - 8 * DAY, body_code="missing_log"), "bodies", 8),
    (
        "capture.unsupported",
        send(1, sent_at=MIDNIGHT - 8 * DAY, direction_code="inbound", type_code="unsupported"),
        "bodies",
        8,
    ),
]


@pytest.mark.parametrize(("rule", "row", "subject", "ago"), DECLARED, ids=lambda value: str(value)[:24])
def test_what_lies_in_a_declared_gap_is_counted_and_no_finding(
    database: Database, tmp_path: Path, rule: str, row: SQLModel, subject: str, ago: int
) -> None:
    row = type(row)(**row.model_dump())
    add(database, row)
    if rule == "capture.media_missing":
        add(database, media(1, "announced", MIDNIGHT - ago * DAY))
    assert result_of(database, tmp_path, rule).outcome == "fail"
    start = MIDNIGHT - ago * DAY
    for miss in (
        declared(subject, start + 2 * DAY, None),
        declared(subject, start - 2 * DAY, start),
        declared(subject, start, None, channel_id="channel-9"),
        declared(subject, start, None, entity="other"),
        declared(subject, start, None, withdrawn_at=AS_OF),
        declared("statuses", start, None),
    ):
        add(database, miss)
    assert result_of(database, tmp_path, rule).outcome == "fail"
    add(database, declared(subject, start, start + HOUR, entity=ENTITY, channel_id="channel-1"))
    result = result_of(database, tmp_path, rule)
    assert (result.outcome, result.finding_count) == ("pass", 0)
    assert result.reason is not None
    assert result.reason.endswith("1 in declared gaps")
    assert subjects(database, rule) == set()


def test_a_diversion_that_outlives_its_declaration_is_back(database: Database, tmp_path: Path) -> None:
    add(
        database,
        channel_event("webhook.override", AS_OF - 9 * DAY, channel_id="c"),
        declared("everything", AS_OF - 9 * DAY, AS_OF),
    )
    assert result_of(database, tmp_path, "capture.diverted", AS_OF - SECOND).outcome == "pass"
    assert result_of(database, tmp_path, "capture.diverted", AS_OF).outcome == "fail"


def test_a_silent_stretch_is_one_finding_even_half_declared(database: Database, tmp_path: Path) -> None:
    add(
        database,
        *(silent(ago, 9) for ago in (9, 8, 7)),
        silent(4, 4),
        declared("inbound", MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY),
    )
    result = result_of(database, tmp_path, "capture.silence")
    assert subjects(database, "capture.silence") == {"channel-1|2026-02-20", "channel-1|2026-02-25"}
    assert (result.finding_count, result.reason) == (2, "1 in declared gaps")
