# ruff: noqa: E501 (drawn tables are wide)
"""Verdicts over drawn messages: effective, deficient and not evaluated, for each control's own reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tests.spec.drawn_table import ENGINES, drawn, on_engines
from wa_analytics.controls.assess import assess
from wa_analytics.controls.control import Verdict, catalogue
from wa_analytics.metrics.frames import MetricFrames
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Controls, Entity, Settings
from wa_analytics.tables import (
    ChannelDay,
    ConsentEvent,
    Custodian,
    Finding,
    Message,
    PlatformMessage,
    VerifyRun,
)

AS_OF = datetime(2024, 9, 30, 12, tzinfo=UTC)
BANK = Entity(key="bank", kind="broker_dealer", jurisdiction="US", time_zone="America/New_York")
AIR = Entity(key="air", kind="airline", jurisdiction="IE", time_zone="Europe/Dublin")
CLINIC = Entity(key="clinic", kind="clinic", jurisdiction="BR", time_zone="America/Sao_Paulo")
SCHEDULE = (
    ScheduleRow(record_class="correspondence", entity_kind="broker_dealer", authority="SEC-01", floor="P3Y"),
    ScheduleRow(entity_kind="broker_dealer", authority="FIN-01", floor="P6Y", is_fallback=True),
    ScheduleRow(record_class="correspondence", entity_kind="airline", floor="P30D", ceiling="P90D"),
)
CHECKS = sorted(
    {check for control in catalogue() for evidence in control.evidence for check in evidence.checks}
)
RAN = [{"check_key": check, "outcome_code": "fail", "reason": None} for check in CHECKS]

HEAD = "entity | channel_id | direction_code | country_code | purpose_code | sent_at          | consent_code | lawful_basis_code | withdrawn_at     | window_code | delivered_at     | has_body | retention_code | retain_until     | dispose_by       | record_class"
FIXED: dict[str, Any] = {"retention_code": "scheduled", "record_class": "correspondence"}


def frames(messages: str, events: str = "", engine: str = "polars") -> MetricFrames:
    native = on_engines(
        engine,
        drawn(Message, messages, **FIXED),
        drawn(ConsentEvent, events, source_code="register", purpose_code="all"),
        drawn(Custodian),
        drawn(Finding),
    )
    zones = {entity.key: entity.time_zone for entity in (BANK, AIR, CLINIC)}
    return MetricFrames(*native, zones=zones)


def verdicts(given: MetricFrames, *companies: Entity, **options: Any) -> dict[tuple[str, str], Verdict]:
    settings = Settings(entity=companies, controls=Controls(tcpa_in_scope=options.get("tcpa")))
    found = assess(given, settings, options.get("schedule", SCHEDULE), options.get("ran", RAN), AS_OF)
    return {(verdict.control, verdict.entity): verdict for verdict in found}


def pieces(verdict: Verdict) -> list[str]:
    return [piece.outcome for piece in verdict.evidence]


def counts(verdict: Verdict) -> tuple[int | None, int | None]:
    return verdict.evidence[0].numerator, verdict.evidence[0].denominator


EVENTS = """
entity | action_code | country_code | occurred_at      | is_incomplete
air    | granted     | DE           | 2024-01-01 00:00 | no
bank   | granted     | US           | 2024-01-01 00:00 | no
clinic | granted     | BR           | 2024-01-01 00:00 | no
"""
CLEAN = """
entity | channel_id | direction_code | country_code | purpose_code | sent_at          | consent_code | window_code | has_body | dispose_by
air    | c1         | inbound        | DE           |              | 2024-09-01 10:00 | not_judged   | not_judged  | yes      | 2024-12-01 00:00
air    | c1         | outbound       | DE           | marketing    | 2024-09-01 11:00 | granted      | not_judged  | yes      | 2024-12-01 00:00
air    | c1         | outbound       | GB           | marketing    | 2024-09-01 11:00 | granted      | not_judged  | yes      | 2024-12-01 00:00
air    | c1         | outbound       | DE           | service      | 2024-09-01 11:00 | not_judged   | inside      | yes      | 2024-12-01 00:00
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_clean_airline_is_effective_where_all_evidence_can_be_computed(engine: str) -> None:
    found = verdicts(frames(CLEAN, EVENTS, engine), AIR)
    assert {key: verdict.verdict for (key, _), verdict in found.items()} == {
        "WAP-01": "effective",
        "WAP-02": "effective",
        "WAP-03": "effective",
        "GDP-02": "effective",
        "GDP-05": "not_evaluated",
        "GDP-06": "not_evaluated",
        "PEC-01": "effective",
        "MDM-07": "not_evaluated",
    }
    assert found["WAP-01", "air"].reason == "no exception found, 2 of 2 tests ran"
    assert "no exception found, 2 of 3 tests ran" in found["GDP-05", "air"].reason
    assert "stored proof" in found["GDP-05", "air"].reason


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("purpose", ["", "promo"])
def test_a_send_of_unknown_purpose_may_be_the_marketing_that_a_rule_speaks_of(
    engine: str, purpose: str
) -> None:
    line = f"air | c1 | outbound | GB | {purpose} | 2024-09-02 10:00 | not_evaluated | not_judged | yes | 2024-12-01 00:00"
    found = verdicts(frames(f"{CLEAN}{line}\n", EVENTS, engine), AIR)["PEC-01", "air"]
    assert found.verdict == "not_evaluated"
    assert "1 of 2 sends could not be judged" in found.reason
    of_service = line.replace(f"| {purpose} |", "| service |")
    told = verdicts(frames(f"{CLEAN}{of_service}\n", EVENTS, engine), AIR)["PEC-01", "air"]
    assert told.verdict == "effective"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("line", "deficient"),
    [
        ("air | c1 | outbound | DE | marketing | 2024-09-02 10:00 | never_asked | not_judged | yes | 2024-12-01 00:00", {"WAP-01", "GDP-05"}),
        ("air | c1 | outbound | DE | marketing | 2024-09-02 10:00 | withdrawn | not_judged | yes | 2024-12-01 00:00", {"WAP-01", "WAP-02", "GDP-05", "GDP-06"}),
        ("air | c1 | outbound | DE | utility | 2024-09-02 10:00 | withdrawn | not_judged | yes | 2024-12-01 00:00", {"WAP-01", "WAP-02"}),
        ("air | c1 | outbound | GB | marketing | 2024-09-02 10:00 | expired | not_judged | yes | 2024-12-01 00:00", {"WAP-01", "PEC-01", "GDP-05"}),
        ("air | c1 | outbound | GB | utility | 2024-09-02 10:00 | expired | not_judged | yes | 2024-12-01 00:00", {"WAP-01"}),
        ("air | c1 | outbound | DE | service | 2024-09-02 10:00 | not_judged | outside | yes | 2024-12-01 00:00", {"WAP-03"}),
        ("air | c1 | inbound | DE |  | 2024-06-02 10:00 | not_judged | not_judged | yes | 2024-09-01 00:00", {"GDP-02", "MDM-07"}),
        ("air | c1 | inbound | DE |  | 2024-06-02 10:00 | not_judged | not_judged | yes | ", {"GDP-02"}),
        ("air | c1 | inbound | DE |  | 2024-10-02 10:00 | not_judged | not_judged | yes | 2024-09-01 00:00", set()),
    ],
)  # fmt: skip
def test_one_exception_makes_the_right_controls_deficient(
    engine: str, line: str, deficient: set[str]
) -> None:
    found = verdicts(frames(CLEAN + line, EVENTS, engine), AIR)
    assert {key for (key, _), verdict in found.items() if verdict.verdict == "deficient"} == deficient


BASES = """
entity | channel_id | direction_code | country_code | purpose_code   | sent_at          | consent_code | lawful_basis_code
air    | c1         | inbound        | DE           |                | 2024-09-01 10:00 | not_judged   |
air    | c1         | outbound       | DE           | marketing      | 2024-09-01 11:00 | granted      | consent
air    | c1         | outbound       | DE           | marketing      | 2024-09-01 11:00 | granted      |
air    | c1         | outbound       | DE           | utility        | 2024-09-01 11:00 | granted      | consent
air    | c1         | outbound       | DE           | utility        | 2024-09-01 11:00 | withdrawn    | contract
air    | c1         | outbound       | DE           | authentication | 2024-09-01 11:00 | withdrawn    |
air    | c1         | outbound       | DE           | marketing      | 2024-09-01 11:00 | withdrawn    | soft_opt_in
air    | c1         | outbound       | GB           | marketing      | 2024-09-01 11:00 | granted      | soft_opt_in
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_only_sends_that_rely_on_consent_count_for_gdpr(engine: str) -> None:
    found = verdicts(frames(BASES, EVENTS, engine), AIR)
    assert counts(found["GDP-06", "air"]) == (0, 3)
    assert counts(found["WAP-02", "air"]) == (3, 7)
    assert found["PEC-01", "air"].verdict == "effective"
    assert found["PEC-01", "air"].evidence[0].denominator == 1


def test_incomplete_records_make_the_proof_of_consent_deficient() -> None:
    events = EVENTS + "air | granted | DE | 2024-02-01 00:00 | yes"
    found = verdicts(frames(CLEAN, events), AIR)
    assert found["GDP-05", "air"].verdict == "deficient"
    assert found["WAP-01", "air"].verdict == "deficient"
    assert "1 of 2 consents recorded" in found["WAP-01", "air"].reason


def test_brazil_binds_by_seat_and_by_recipient() -> None:
    lines = """
entity | channel_id | direction_code | country_code | purpose_code | sent_at          | consent_code
clinic | c3         | outbound       | AR           | marketing    | 2024-09-01 11:00 | withdrawn
bank   | c2         | outbound       | BR           | marketing    | 2024-09-01 11:00 | granted
air    | c1         | outbound       | DE           | marketing    | 2024-09-01 11:00 | granted
"""
    found = verdicts(frames(lines, EVENTS), BANK, AIR, CLINIC)
    assert found["LGP-01", "clinic"].verdict == "deficient"
    assert found["LGP-01", "bank"].evidence[0].outcome == "pass"
    assert ("LGP-01", "air") not in found
    assert ("SEC-01", "air") not in found
    assert ("PEC-01", "air") not in found


def test_gdpr_binds_by_seat_and_by_recipient() -> None:
    """Art. 3: a company of the Union for everyone it writes to, another for people in the Union."""
    lines = """
entity | channel_id | direction_code | country_code | purpose_code | sent_at          | consent_code
air    | c1         | outbound       | US           | marketing    | 2024-09-01 11:00 | withdrawn
bank   | c2         | outbound       | US           | marketing    | 2024-09-01 11:00 | withdrawn
bank   | c2         | outbound       | DE           | marketing    | 2024-09-01 11:00 | granted
clinic | c3         | outbound       | BR           | marketing    | 2024-09-01 11:00 | withdrawn
"""
    found = verdicts(frames(lines, EVENTS), BANK, AIR, CLINIC)
    for control in ("GDP-05", "GDP-06"):
        assert found[control, "air"].verdict == "deficient"
        assert found[control, "bank"].evidence[0].outcome == "pass"
        assert (control, "clinic") not in found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("line", "controls"),
    [
        ("outbound | marketing | 2024-09-02 10:00 | withdrawn", {"GDP-02", "GDP-05", "GDP-06", "PEC-01", "LGP-01"}),
        ("outbound | marketing | 2024-09-02 10:00 | granted", {"GDP-02", "GDP-05", "GDP-06", "PEC-01", "LGP-01"}),
        ("outbound | utility | 2024-09-02 10:00 | granted", {"GDP-02"}),
        ("outbound | marketing | 2024-10-02 10:00 | withdrawn", set()),  # after the moment
        ("inbound | | 2024-09-02 10:00 | not_judged", set()),
    ],
)  # fmt: skip
def test_a_company_that_writes_to_nobody_knows_which_country_may_be_bound(
    engine: str, line: str, controls: set[str]
) -> None:
    direction, rest = line.split(" | ", 1)
    lines = f"""
entity | channel_id | direction_code | country_code | purpose_code | sent_at | consent_code
bank   | c2 | outbound | US | marketing | 2024-09-01 11:00 | granted
bank   | c2 | {direction} | | {rest}
"""
    found = {
        control: verdict
        for (control, _), verdict in verdicts(frames(lines, EVENTS, engine), BANK, tcpa=True).items()
        if control[:3] in ("GDP", "PEC", "LGP")
    }
    assert set(found) == controls
    for verdict in found.values():
        assert verdict.verdict == "not_evaluated"
        assert "no known country, who may be of one in scope: 1" in verdict.reason


BANK_LINES = """
entity | channel_id | direction_code | country_code | purpose_code | sent_at          | consent_code | retain_until     | withdrawn_at
bank   | c2         | inbound        | US           |              | 2024-07-01 10:00 | not_judged   | 2030-07-01 10:00 |
bank   | c2         | outbound       | US           | utility      | 2024-07-16 23:00 | withdrawn    | 2027-07-16 23:00 | 2024-07-01 12:00
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broker_dealer_waits_for_completeness_and_proof(engine: str) -> None:
    found = verdicts(frames(BANK_LINES, EVENTS, engine), BANK)
    sec = found["SEC-01", "bank"]
    assert sec.verdict == "not_evaluated"
    assert pieces(sec) == ["pass", *["not_evaluated"] * 5]
    assert "there are no messages the platform names to judge" in sec.reason
    assert found["FIN-01", "bank"].verdict == "effective"
    assert found["MDM-07", "bank"].verdict == "deficient"  # a floor without a ceiling


@pytest.mark.parametrize("engine", ENGINES)
def test_records_kept_too_short_make_it_deficient(engine: str) -> None:
    short = (
        BANK_LINES + "bank | c2 | outbound | US | utility | 2024-02-29 10:00 | granted | 2027-02-28 09:59 |"
    )
    exact = (
        BANK_LINES + "bank | c2 | outbound | US | utility | 2024-02-29 10:00 | granted | 2027-02-28 10:00 |"
    )
    assert verdicts(frames(short, EVENTS, engine), BANK)["SEC-01", "bank"].verdict == "deficient"
    assert verdicts(frames(exact, EVENTS, engine), BANK)["SEC-01", "bank"].verdict == "not_evaluated"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (SCHEDULE, "effective"),
        (SCHEDULE[:1], "deficient"),
        ((ScheduleRow(entity_kind="broker_dealer", floor="P5Y", is_fallback=True),), "deficient"),
        ((ScheduleRow(entity_kind="broker_dealer", floor="P72M", is_fallback=True),), "effective"),
        ((ScheduleRow(entity_kind="airline", floor="P6Y", is_fallback=True),), "deficient"),
        ((ScheduleRow(floor="P6Y", is_fallback=True, effective_to=datetime(2024, 9, 1, tzinfo=UTC)),), "deficient"),
        ((), "deficient"),
    ],
)  # fmt: skip
def test_the_fallback_of_six_years(rows: tuple[ScheduleRow, ...], expected: str) -> None:
    found = verdicts(frames(BANK_LINES, EVENTS), BANK, schedule=rows)
    assert found["FIN-01", "bank"].verdict == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("sent", "scope", "expected"),
    [
        ("2024-07-16 23:00", None, "not_evaluated"),
        ("2024-07-16 23:00", False, "not_evaluated"),
        ("2024-07-16 23:00", True, "not_evaluated"),  # the tenth business day still
        ("2024-07-17 03:59", True, "not_evaluated"),  # in New York it is still the 16th
        ("2024-07-17 04:00", True, "deficient"),
        ("2024-07-17 04:00", None, "not_evaluated"),
    ],
)
def test_ten_business_days_after_a_revocation(
    engine: str, sent: str, scope: bool | None, expected: str
) -> None:
    lines = BANK_LINES.replace("2024-07-16 23:00 |", f"{sent} |")
    verdict = verdicts(frames(lines, EVENTS, engine), BANK, tcpa=scope)["TCP-01", "bank"]
    assert verdict.verdict == expected
    if scope is None:
        assert "settings do not say controls.tcpa_in_scope" in verdict.reason
        assert set(pieces(verdict)) == {"not_evaluated"}
    if scope:
        assert verdict.evidence[0].outcome == ("fail" if expected == "deficient" else "pass")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("line", "outcomes"),
    [
        ("marketing | 2024-09-02 10:00 | withdrawn", ["not_evaluated", "not_evaluated"]),
        ("marketing | 2024-09-02 10:00 | never_asked", ["not_evaluated", "pass"]),
        ("marketing | 2024-09-02 10:00 | not_evaluated", ["not_evaluated", "not_evaluated"]),
        ("marketing | 2024-09-02 10:00 | granted", ["pass", "pass"]),  # wherever the person is
        ("utility | 2024-09-02 10:00 | withdrawn", ["pass", "pass"]),
        ("marketing | 2024-10-02 10:00 | withdrawn", ["pass", "pass"]),  # after the moment
    ],
)
def test_a_send_to_nobody_knows_which_country_may_be_the_exception(
    engine: str, line: str, outcomes: list[str]
) -> None:
    added = f"air | c1 | outbound | | {line} | not_judged | yes | 2024-12-01 00:00\n"
    found = verdicts(frames(CLEAN + added, EVENTS, engine), AIR)["PEC-01", "air"]
    assert pieces(found) == outcomes
    assert found.verdict == ("not_evaluated" if "not_evaluated" in outcomes else "effective")
    assert counts(found) == (0, 1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("sent", "outcome"), [("2024-07-17 03:59", "pass"), ("2024-07-17 04:00", "not_evaluated")]
)
def test_a_late_send_to_nobody_knows_which_country_may_be_american(
    engine: str, sent: str, outcome: str
) -> None:
    late = BANK_LINES.strip().splitlines()[-1]
    added = late.replace("| US ", "|    ").replace("2024-07-16 23:00 |", f"{sent} |")
    found = verdicts(frames(f"{BANK_LINES.rstrip()}\n{added}\n", EVENTS, engine), BANK, tcpa=True)
    assert found["TCP-01", "bank"].evidence[0].outcome == outcome
    assert counts(found["TCP-01", "bank"])[0] == 0


def test_a_check_that_crashed_or_did_not_run_is_not_evaluated() -> None:
    crashed = [
        row | {"outcome_code": "error", "reason": "the expectation crashed"}
        if row["check_key"] == "consent.withdrawn"
        else row
        for row in RAN
    ]
    lines = (
        CLEAN
        + "air | c1 | outbound | DE | marketing | 2024-09-02 10:00 | withdrawn | not_judged | yes | 2024-12-01 00:00"
    )
    verdict = verdicts(frames(lines, EVENTS), AIR, ran=crashed)["WAP-02", "air"]
    assert verdict.verdict == "not_evaluated"
    assert "the expectation crashed" in verdict.reason
    for verdict in verdicts(frames(CLEAN, EVENTS), AIR, ran=[]).values():
        assert verdict.verdict in ("not_evaluated",), verdict.control


def test_what_could_not_be_judged_is_never_effective() -> None:
    lines = (
        CLEAN
        + "air | c1 | outbound | DE | marketing | 2024-09-02 10:00 | not_evaluated | not_evaluated | yes | 2024-12-01 00:00"
    )
    found = verdicts(frames(lines, EVENTS), AIR)
    for control in ("WAP-01", "WAP-02", "WAP-03", "GDP-05"):
        assert found[control, "air"].verdict == "not_evaluated"
        assert "could not be judged" in found[control, "air"].reason
    assert found["PEC-01", "air"].verdict == "effective"


def test_without_register_or_inbound_nothing_is_effective() -> None:
    lines = """
entity | channel_id | direction_code | country_code | purpose_code | sent_at          | consent_code
air    | c1         | outbound       | DE           | marketing    | 2024-09-01 11:00 | granted
"""
    found = verdicts(frames(lines), AIR)["WAP-02", "air"]
    assert pieces(found) == ["pass", "not_evaluated", "not_evaluated"]
    assert "sending channels could not be judged" in found.reason


def test_an_empty_world_has_no_good_verdict() -> None:
    for verdict in verdicts(frames(CLEAN.strip().splitlines()[0]), BANK, AIR, CLINIC).values():
        assert verdict.verdict != "effective", verdict.control


@pytest.mark.parametrize("engine", ENGINES)
def test_a_register_that_names_no_business_governs_every_company(engine: str) -> None:
    events = """
entity | is_any_entity | action_code | country_code | occurred_at      | is_incomplete
       | yes           | granted     | DE           | 2024-01-01 00:00 | yes
bank   | no            | granted     | DE           | 2024-01-01 00:00 | yes
air    | no            | granted     | DE           | 2024-10-01 00:00 | yes
"""
    found = verdicts(frames(CLEAN, events, engine), AIR)
    assert found["WAP-01", "air"].evidence[1].numerator == 1
    assert found["WAP-02", "air"].evidence[2].denominator == 1


PROOF = "the records held are proven unaltered"


@pytest.mark.parametrize(
    ("runs", "outcome", "reason"),
    [
        ("", "not_evaluated", "no verifications within the last 31 days"),
        ("2024-08-30 12:00 | pass", "not_evaluated", "no verifications within the last 31 days"),
        ("2024-08-30 12:01 | pass", "pass", "0 of 1"),
        ("2024-09-29 00:00 | fail", "fail", "1 of 1"),
        ("2024-09-29 00:00 | fail\n2024-09-30 00:00 | pass", "pass", "0 of 1"),
        ("2024-09-30 00:00 | fail\n2024-09-29 00:00 | pass", "fail", "1 of 1"),
        ("2024-09-30 00:00 | not_evaluated", "not_evaluated", "could not be judged"),
        ("2025-02-01 00:00 | pass", "pass", "0 of 1"),
    ],
)
def test_records_are_proven_unaltered_by_the_latest_verification(
    runs: str, outcome: str, reason: str
) -> None:
    given = replace(
        frames(CLEAN), verify_runs=drawn(VerifyRun, f"started_at | outcome_code\n{runs}" if runs else "")
    )
    (piece,) = [p for p in verdicts(given, BANK)["SEC-01", "bank"].evidence if p.piece == PROOF]
    assert (piece.outcome, reason in piece.reason) == (outcome, True), piece.reason


def test_nothing_is_proven_where_nobody_reads_the_verifications() -> None:
    (piece,) = [p for p in verdicts(frames(CLEAN), BANK)["SEC-01", "bank"].evidence if p.piece == PROOF]
    assert piece.outcome == "not_evaluated"


DAYS = """
channel_id | day_on     | entity | inbound_count | outbound_count | edge_count | platform_sent_count | platform_observed_at | day_from         | day_to           | is_silent
c1         | 2024-06-01 | bank   | 4             | 8              | 0          | 8                   | 2024-06-09 00:00     | 2024-06-01 00:00 | 2024-06-02 00:00 | no
c1         | 2024-09-29 | bank   | 4             | 8              | 0          |                     |                      | 2024-09-29 00:00 | 2024-09-30 00:00 | no
c9         | 2024-06-01 | air    | 0             | 1              | 0          | 9                   | 2024-06-09 00:00     | 2024-06-01 00:00 | 2024-06-02 00:00 | yes
"""
TOLD = """
message_id | entity | occurred_at      | observed_at
m1         | bank   | 2024-06-01 00:00 | 2024-06-09 00:00
m2         | air    | 2024-06-01 00:00 | 2024-06-09 00:00
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("days", "told", "expected"),
    [
        ("", "", ["pass", "pass", "pass"]),
        ("", "m3 | bank | 2024-06-01 00:00 | 2024-06-09 00:00", ["fail", "pass", "pass"]),
        ("", "m3 | bank | 2024-09-29 00:00 | 2024-09-30 00:00", ["pass", "pass", "pass"]),
        ("c1 | 2024-06-02 | bank | 4 | 8 | 1 | 10 | 2024-06-09 00:00 | 2024-06-02 00:00 | 2024-06-03 00:00 | no", "",
         ["pass", "fail", "pass"]),
        ("c1 | 2024-06-02 | bank | 4 | 8 | 1 | 9 | 2024-06-09 00:00 | 2024-06-02 00:00 | 2024-06-03 00:00 | yes", "",
         ["pass", "pass", "fail"]),
        ("c1 | 2024-06-02 | bank | 4 | 8 | 1 |  |  | 2024-06-02 00:00 | 2024-06-03 00:00 | no", "",
         ["pass", "not_evaluated", "pass"]),
        ("c2 | 2024-06-02 | bank | 4 | 0 | 0 |  |  | 2024-06-02 00:00 | 2024-06-03 00:00 |", "",
         ["pass", "pass", "not_evaluated"]),
    ],
    ids=["whole", "unknown id", "unsettled id", "lacking day", "silent day", "uncounted day", "unknown pattern"],
)  # fmt: skip
def test_the_archive_is_held_against_the_platform(
    engine: str, days: str, told: str, expected: list[str]
) -> None:
    native = on_engines(
        engine,
        drawn(Message, BANK_LINES, **FIXED),
        drawn(ConsentEvent, EVENTS, source_code="register", purpose_code="all"),
        drawn(Custodian),
        drawn(Finding),
        drawn(ChannelDay, DAYS + days),
        drawn(PlatformMessage, TOLD + told),
        drawn(Message, "message_id\nm1\nm2").select("message_id", "has_body"),
    )
    given = MetricFrames(
        *native[:4], zones={}, channel_days=native[4], platform_messages=native[5], known=native[6]
    )
    found = verdicts(given, BANK)["SEC-01", "bank"]
    assert pieces(found)[1:4] == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_disposed_of_early_is_an_exception_unless_a_person_had_the_right(engine: str) -> None:
    rows = [
        ("bank", AS_OF, AS_OF, False),
        ("bank", AS_OF - timedelta(days=1), AS_OF, True),
        ("bank", AS_OF - timedelta(days=1), None, False),
        ("air", AS_OF - timedelta(days=1), AS_OF, False),
        ("bank", AS_OF + timedelta(days=1), AS_OF + timedelta(days=2), False),
    ]
    utc = pl.Datetime("us", "UTC")
    schema = {"entity": pl.String, "disposed_at": utc, "retain_until": utc, "is_erasure": pl.Boolean}
    for more, outcome, numbers in (
        ([], "pass", (0, 3)),
        ([("bank", AS_OF - timedelta(days=1), AS_OF, False)], "fail", (1, 4)),
    ):
        disposals = pl.DataFrame([*rows, *more], schema=schema, orient="row")
        given = replace(frames(BANK_LINES, EVENTS), disposals=disposals)
        piece = verdicts(given, BANK)["MDM-07", "bank"].evidence[2]
        assert (piece.outcome, (piece.numerator, piece.denominator)) == (outcome, numbers)
    assert verdicts(frames(BANK_LINES, EVENTS), BANK)["MDM-07", "bank"].evidence[2].outcome == "not_evaluated"
