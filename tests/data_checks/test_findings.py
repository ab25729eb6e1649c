"""What each check finds, exactly, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from data_checks.run import RunOutcome, run
from data_checks.suites import CATALOGUE
from tests.data_checks.state import (
    AS_OF,
    DAY,
    ENTITY,
    HOUR,
    add,
    channel_day,
    channel_event,
    clean_world,
    digest,
    disposed,
    entry,
    erasure,
    event,
    fact,
    hand_over,
    media,
    note,
    send,
    status,
    told_id,
)
from wa_analytics.database import Database
from wa_analytics.tables import EntityCoverage, Identifier

SECOND = timedelta(seconds=1)


def checked(database: Database, home: Path, **options: object) -> RunOutcome:
    return run(database.url, home=home, **{"as_of": AS_OF, **options})  # type: ignore[arg-type]


def open_findings(database: Database) -> dict[str, set[tuple[str, str]]]:
    """Rule → {(subject, subject id)} of open findings."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in database.frame(
        "SELECT rule, subject, subject_id FROM finding WHERE status_code = 'open'"
    ).iter_rows():
        found.setdefault(row[0], set()).add(row[1:])
    return found


def by_check(outcome: RunOutcome) -> dict[str, tuple[str, int, int]]:
    return {r.check: (r.outcome, r.evaluated_count, r.finding_count) for r in outcome.results}


def test_a_clean_world_passes_every_check(database: Database, tmp_path: Path) -> None:
    add(database, *clean_world())
    outcome = checked(database, tmp_path)
    assert {r.check for r in outcome.results if r.outcome != "pass"} == set()
    assert len(outcome.results) == len(CATALOGUE)
    assert outcome.outcome == "pass"
    assert open_findings(database) == {}
    assert [outcome.exit_code(fail_on) for fail_on in ("any", "new", "critical")] == [0, 0, 0]


def test_every_planted_violation_is_found_and_nothing_else(database: Database, tmp_path: Path) -> None:
    add(
        database,
        *clean_world(),
        EntityCoverage(entity="silent", has_register=True, message_count=1),
        send(9, entity="silent", sent_at=AS_OF - 73 * HOUR),
        send(10, consent_code="withdrawn", was_known=None, is_recorded_late=None),
        send(11, consent_code="refused", is_recorded_late=None),
        send(12, consent_code="never_asked", is_recorded_late=None),
        send(13, consent_code="expired", is_recorded_late=None),
        send(14, consent_code="wrong_purpose", is_recorded_late=None),
        send(15, consent_code="unconfirmed", is_recorded_late=None),
        send(16, is_recorded_late=True),
        send(17, has_purpose_mismatch=True, priced_purpose_code="utility"),
        send(18, window_code="outside", kind_code="free_form", template_name=None),
        send(19, body_code="missing_log", has_body=False),
        send(20, body_code="statuses_only", has_body=False, has_send_log=False,
             sent_at=AS_OF - 7 * DAY, first_status_at=AS_OF - 7 * DAY),
        send(21, is_conflicting=True),
        send(22, dispose_by=AS_OF),
        send(23, retention_code="conflict", dispose_by=AS_OF - DAY),
        send(24, retention_code="conflict", dispose_by=AS_OF - DAY),
        send(25, retention_code="conflict", retain_rule="other-row", dispose_by=AS_OF - DAY),
        send(26, retention_code="unscheduled", retain_until=None, dispose_by=None,
             retain_rule=None, dispose_rule=None),
        send(27, party_id=digest(0xFFF)),
        send(28, window_code="sideways"),
        event(110, is_incomplete=True),
        event(111, action_code="requested", is_asked_again=True),
        event(112, has_unknown_business=True, entity=None),
        event(113, is_conflicting=True),
        event(114, party_id=digest(0xFFF)),
        event(115, source_code="hearsay"),
        entry(2, "invalid"),
        entry(3),
        note(2, "signature_invalid", 200),
        note(3, "unreadable", 201, "field_a"),
        note(3, "unreadable", 201, "field_b"),
        note(3, "type", 201, "sticker"),
        fact(29, sequence=99),
        fact(29, sequence=98),
        status(30),
        status(30),
        Identifier(identifier_digest=digest(0xF), kind_code="user_id", is_valid=True, party_id=digest(0xF)),
        hand_over(0xF, party=digest(0xF)),
        hand_over(0xF, left=0xE, party=digest(0xF)),
        disposed(31, AS_OF),
        disposed(32, AS_OF, "erasure"),
        erasure(32, "keep_duty"),
        channel_day(10, platform_sent_count=21),
        channel_day(11, platform_sent_count=22, edge_count=2),
        channel_day(12, inbound_count=0, is_silent=True, silent_on="2026-02-16"),
        channel_day(13, inbound_count=0, is_silent=True, silent_on="2026-02-16"),
        channel_day(0, inbound_count=0, is_silent=True, silent_on="2026-03-01"),
        told_id(60),
        told_id(60, AS_OF - 9 * DAY),
        told_id(61, AS_OF - 6 * DAY),
        send(62, sent_at=AS_OF - 7 * DAY, first_status_at=None),
        send(63, sent_at=AS_OF - 6 * DAY, first_status_at=None),
        send(64, sent_at=AS_OF - 9 * DAY, first_status_at=None),
        media(402, "announced", AS_OF - 7 * DAY),
        media(403, "announced", AS_OF - DAY),
        media(403, "lost"),
        media(404, "announced"),
        media(404, "fetched", is_intact=False),
        media(405, "announced", AS_OF - DAY),
        channel_event("webhook.unsubscribed", AS_OF - 2 * DAY, account_id="waba-2"),
        channel_event("webhook.override", AS_OF - 2 * DAY, channel_id="channel-1"),
        channel_event("account.offboarded", AS_OF - DAY, account_id="waba-1"),
        send(65, direction_code="inbound", type_code="unsupported", kind_code=None, window_code="not_judged"),
    )  # fmt: skip
    outcome = checked(database, tmp_path)

    def messages(*numbers: int) -> set[tuple[str, str]]:
        return {("message", digest(number)) for number in numbers}

    def events(*numbers: int) -> set[tuple[str, str]]:
        return {("consent_event", digest(number)) for number in numbers}

    expected = {
        "consent.withdrawn": messages(10),
        "consent.refused": messages(11),
        "consent.never_asked": messages(12),
        "consent.expired": messages(13),
        "consent.wrong_purpose": messages(14),
        "consent.unconfirmed": messages(15),
        "consent.recorded_late": messages(16),
        "consent.purpose_mismatch": messages(17),
        "consent.incomplete_record": events(110),
        "consent.asked_again": events(111),
        "consent.unknown_business": events(112),
        "window.free_form_outside": messages(18),
        "capture.body_missing": messages(19, 20),
        "capture.volume_gap": {("channel_day", "channel-1|2026-02-19")},
        "capture.silence": {("channel_day", "channel-1|2026-02-16")},
        "capture.unknown_message": messages(60),
        "capture.status_missing": messages(62),
        "capture.media_missing": {("media", digest(number)) for number in (402, 403, 404)},
        "capture.diverted": {("account", "waba-2"), ("channel", "channel-1")},
        "capture.offboarded": {("account", "waba-1")},
        "capture.unsupported": messages(65),
        "capture.conflicting": messages(21) | events(113),
        "capture.signature_invalid": {("capture", digest(200))},
        "capture.unreadable": {("capture", digest(201))},
        "retention.overdue": messages(22),
        "retention.conflict": {
            ("retention_pair", "floor-row|ceiling-row"),
            ("retention_pair", "other-row|ceiling-row"),
        },
        "retention.unscheduled": messages(26),
        "retention.disposed_early": messages(31, 32),
        "freshness.capture": {("entity", "silent")},
        "identity.ambiguous": {("party", digest(0xF))},
        "integrity.message_party": messages(27),
        "integrity.consent_event_party": events(114),
        "integrity.message_columns": messages(28),
        "integrity.consent_event_columns": events(115),
        "integrity.status_message": messages(30),
        "integrity.message_entry": messages(29),
    }
    assert open_findings(database) == expected
    assert {check.key for check in CATALOGUE} == set(expected), "a check without a planted violation"
    assert {r.check: r.finding_count for r in outcome.results} == {
        rule: len(subjects) for rule, subjects in expected.items()
    }
    assert {r.outcome for r in outcome.results} == {"fail"}
    assert outcome.exit_code() == 1

    details = database.frame(
        "SELECT rule, entity, channel_id, purpose_code, country_code, template_name, outcome_code, "
        "was_known, occurred_at, severity_code, finding_id FROM finding"
    )
    withdrawn = details.row(by_predicate=pl.col("rule") == "consent.withdrawn", named=True)
    assert withdrawn == {
        "rule": "consent.withdrawn",
        "entity": ENTITY,
        "channel_id": "channel-1",
        "purpose_code": "marketing",
        "country_code": "GB",
        "template_name": "spring_offer",
        "outcome_code": "delivered",
        "was_known": None,
        "occurred_at": AS_OF - DAY,
        "severity_code": "critical",
        "finding_id": f"consent.withdrawn:message:{digest(10)}",
    }
    assert max(len(finding_id) for finding_id in details["finding_id"]) <= 120
    late = details.row(by_predicate=pl.col("rule") == "consent.recorded_late", named=True)
    assert late["was_known"] is True


def test_nothing_captured_is_not_evaluated_and_no_failure(database: Database, tmp_path: Path) -> None:
    outcome = checked(database, tmp_path)
    assert {r.outcome for r in outcome.results} == {"not_evaluated"}
    assert all(r.reason for r in outcome.results)
    assert outcome.outcome == "not_evaluated"
    assert outcome.exit_code() == 0


def test_without_a_register_consent_says_whose_is_missing(database: Database, tmp_path: Path) -> None:
    rows = clean_world()
    for row in rows:
        if getattr(row, "consent_code", None) == "granted":
            row.consent_code, row.consent_reason_code = "not_evaluated", "no_register"
            row.is_recorded_late = None
    add(database, *rows)
    outcome = checked(database, tmp_path, suites=["consent"])
    results = {r.check: r for r in outcome.results}
    withdrawn = results["consent.withdrawn"]
    assert (withdrawn.outcome, withdrawn.evaluated_count) == ("not_evaluated", 0)
    assert withdrawn.reason == ("2 not evaluated: no consent register captured for harbour (2)")
    assert {r.suite for r in outcome.results} == {"consent"}


def test_what_could_not_be_judged_is_told_beside_a_pass(database: Database, tmp_path: Path) -> None:
    add(
        database,
        *clean_world(),
        send(50, window_code="not_evaluated", kind_code="free_form", template_name=None),
    )
    (result,) = checked(database, tmp_path, suites=["window"]).results
    assert (result.outcome, result.evaluated_count, result.not_evaluated_count) == ("pass", 1, 1)
    assert result.reason == ("1 not evaluated: no inbound message captured on the channel for harbour (1)")


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (AS_OF - 31 * DAY, None),
        (AS_OF - 30 * DAY, {"outcome": "unknown", "rules": {"consent.withdrawn"}}),
        (AS_OF - 29 * DAY, {"outcome": "failed", "rules": {"consent.withdrawn"}}),
        (AS_OF - 28 * DAY, {"outcome": "delivered", "rules": {"consent.withdrawn"}}),
        (AS_OF - 23 * DAY - SECOND, {"outcome": "delivered", "rules": {"consent.withdrawn"}}),
        (AS_OF - 23 * DAY,
         {"outcome": "delivered", "rules": {"consent.withdrawn", "capture.body_missing"}}),
        (AS_OF - SECOND,
         {"outcome": "delivered", "rules": {"consent.withdrawn", "capture.body_missing"}}),
        (AS_OF, {"outcome": "delivered",
                 "rules": {"consent.withdrawn", "capture.body_missing", "retention.overdue"}}),
    ],
)  # fmt: skip
def test_as_of_bounds_what_happened(
    database: Database, tmp_path: Path, as_of: object, expected: dict[str, object] | None
) -> None:
    add(
        database,
        Identifier(identifier_digest=digest(0xA), kind_code="phone", is_valid=True,
                   party_id=digest(0xA)),
        send(1, sent_at=AS_OF - 30 * DAY, first_status_at=AS_OF - 30 * DAY,
             failed_at=AS_OF - 29 * DAY, delivered_at=AS_OF - 28 * DAY,
             consent_code="withdrawn", is_recorded_late=None, body_code="statuses_only",
             dispose_by=AS_OF),
    )  # fmt: skip
    suites = ["consent", "capture", "retention"]
    outcome = checked(database, tmp_path, as_of=as_of, suites=suites)
    found = open_findings(database)
    if expected is None:
        assert found == {}
        assert by_check(outcome)["consent.withdrawn"] == ("not_evaluated", 0, 0)
        return
    assert set(found) == expected["rules"]
    outcomes = database.frame("SELECT DISTINCT outcome_code FROM finding WHERE rule <> 'retention.overdue'")
    assert outcomes["outcome_code"].to_list() == [expected["outcome"]]


def test_capture_goes_stale_by_the_settings(database: Database, tmp_path: Path) -> None:
    add(database, *clean_world())
    (tmp_path / "settings.toml").write_text("[checks]\ncapture_hours = 24\n")
    (fresh,) = checked(database, tmp_path, suites=["freshness"]).results
    (stale,) = checked(database, tmp_path, suites=["freshness"], as_of=AS_OF + SECOND).results
    assert (fresh.outcome, stale.outcome) == ("pass", "fail")


def test_a_company_without_messages_is_not_fresh(database: Database, tmp_path: Path) -> None:
    add(database, EntityCoverage(entity=ENTITY, has_register=False, message_count=0))
    (result,) = checked(database, tmp_path, suites=["freshness"]).results
    assert result.outcome == "not_evaluated"
    assert result.reason == ("1 not evaluated: no message captured up to this moment for harbour (1)")
